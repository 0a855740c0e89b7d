#!/usr/bin/python3
"""Users' detectors that tell what they see: those of make_models.py, whose face's points are moved by the picture's colours.

usage: detector_models.py FOLDER

FOLDER/<file name>: a face at BOX and POINTS of make_models.py, but for 16 pixels times what the picture, 0 to 1, has of
    red at (200, 100)    that the first point lies further to the right
    green at (200, 100)  that it lies lower
    blue at (200, 100)   that the second point lies further to the right
    red at (639, 639)    that it lies lower
"""
import os
import sys

import numpy as np
from onnx import helper, numpy_helper, save

import make_models

SPOT, CORNER = (200, 100), (639, 639)
FAR = 16
# channel of RGB, where it is looked at, the value that it moves: point and coordinate
SEEN = ((0, SPOT, (0, 0)), (1, SPOT, (0, 1)), (2, SPOT, (1, 0)), (0, CORNER, (1, 1)))

# file: model, its output of points, pixels that 1 in it is, mean and scale of what goes in, is it BGR
STRIDE = 16
KINDS = {
    "det_10g": (make_models.scrfd, 7, STRIDE, (127.5,) * 3, 1 / 128, False),
    "yunet": (make_models.yunet, 10, STRIDE, (0,) * 3, 1, True),
    "retinaface_r50": (make_models.retinaface, 2, 0.1 * 256, (104, 117, 123), 1, True),
    "yoloface_8n": (make_models.yolov8_face, 0, 1, (0,) * 3, 1 / 255, False),
}


def place_of(table, point, coordinate):
    """Where the face's point stands in the table of all cells' points."""
    place = np.zeros_like(table)
    if table.shape[1] == 20:  # YOLO: one column a cell, three values a point
        place[0, 5 + 3 * point + coordinate, 5000] = 1
    else:
        rows = table.reshape(-1, 10)
        place.reshape(-1, 10)[np.abs(rows).sum(1).argmax(), 2 * point + coordinate] = 1
    return place


def seeing(made, output, pixels, mean, scale, bgr):
    graph = made.graph
    name = graph.output[output].name
    node = next(n for n in graph.node if n.output[0] == name)
    table = numpy_helper.to_array(next(i for i in graph.initializer if i.name == node.input[0]))
    graph.node.remove(node)
    total = node.input[0]

    def constant(label, values, dtype=np.float32):
        graph.initializer.append(numpy_helper.from_array(np.asarray(values, dtype), label))
        return label

    def add(kind, inputs, label):
        graph.node.append(helper.make_node(kind, inputs, [label]))
        return label

    for i, (channel, (x, y), (point, coordinate)) in enumerate(SEEN):
        at = 2 - channel if bgr else channel
        starts = constant(f"starts{i}", [at, y, x], np.int64)
        ends = constant(f"ends{i}", [at + 1, y + 1, x + 1], np.int64)
        value = add("Slice", ["input", starts, ends, constant(f"axes{i}", [1, 2, 3], np.int64)], f"value{i}")
        value = add("Reshape", [value, constant(f"one{i}", [1], np.int64)], f"flat{i}")
        value = add("Mul", [value, constant(f"factor{i}", [FAR / 255 / scale / pixels])], f"scaled{i}")
        value = add("Add", [value, constant(f"mean{i}", [FAR / 255 * mean[at] / pixels])], f"grey{i}")
        moved = add("Mul", [constant(f"place{i}", place_of(table, point, coordinate)), value], f"moved{i}")
        total = add("Add", [total, moved], name if i == len(SEEN) - 1 else f"total{i}")
    return made


def main(folder):
    os.makedirs(folder, exist_ok=True)
    for name, (make, *how) in KINDS.items():
        save(seeing(make(), *how), os.path.join(folder, f"{name}.onnx"))


if __name__ == "__main__":
    main(*sys.argv[1:])
