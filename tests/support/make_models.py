#!/usr/bin/python3
"""Models of the kinds beside swappers (swapper_models.py), with the signatures of the real ones and answers in closed form.

usage: make_models.py FOLDER [NAME...]

FOLDER/right/<file name>
    detectors      one face of score 0.9, whatever is seen: box 160 200 to 352 456, points POINTS, in the input's pixels
    enhancers      the picture with 20 more red, 12 less green, 7 more blue; CodeFormer's weight times 40 more of all
    real_esrgan    every pixel repeated, with the same more and less
    bisenet        pixel (x, y) is of class x * 19 / 512, rounded down
    xseg           the picture's first channel, 0 to 1: what is dark is hidden
FOLDER/colour/<file name>
    bisenet        the same where the picture is of the colour COLOUR; all else is background
FOLDER/shape, FOLDER/type/<file name>
    the same names with inputs half as large (of any size where the real one's may be: of another rank), of int64
"""
import os
import sys

import numpy as np
from onnx import TensorProto, save

from swapper_models import IMAGENET, Graph, planes

SIDE = 640
BOX = np.array([160, 200, 352, 456], np.float32)
POINTS = np.array([[220, 300], [292, 300], [256, 350], [226, 392], [286, 392]], np.float32)
SCORE = 0.9
MORE = np.array([20, -12, 7], np.float32)
STRIDES = (8, 16, 32)
COLOUR = np.array([200, 100, 51])

# name: side, is the weight there
ENHANCERS = {
    "gfpgan_1.2": (512, False), "gfpgan_1.3": (512, False), "gfpgan_1.4": (512, False), "codeformer": (512, True),
    "restoreformer_plus_plus": (512, False), "gpen_bfr_256": (256, False), "gpen_bfr_512": (512, False),
    "gpen_bfr_1024": (1024, False),
}
# name: factor, type of what goes in and out
UPSCALERS = {
    "real_esrgan_x2": (2, TensorProto.FLOAT), "real_esrgan_x2_fp16": (2, TensorProto.FLOAT16),
    "real_esrgan_x4": (4, TensorProto.FLOAT), "real_esrgan_x4_fp16": (4, TensorProto.FLOAT16),
}


# ---- detectors ----

def fixed(tables, image, names=None):
    """A graph that gives these tables."""
    graph = Graph()
    names = names or [f"{440 + 7 * i}" for i in range(len(tables))]
    for name, table in zip(names, tables):
        graph.add("Identity", graph.constant(table), output=name)
    return graph.model([("input", image)], [(name, list(table.shape)) for name, table in zip(names, tables)])


def face_cell(stride, anchors):
    """Row of the cell that the box's centre is in, and the cell's corner; the face is told by stride 16 alone."""
    x, y = (BOX[:2] + BOX[2:]) / 2 // stride
    return int(y * (SIDE // stride) + x) * anchors, np.array([x, y], np.float32) * stride


def scrfd():
    scores, boxes, points = [], [], []
    for stride in STRIDES:
        count = (SIDE // stride) ** 2 * 2
        score, box, point = (np.zeros((count, width), np.float32) for width in (1, 4, 10))
        if stride == 16:
            row, corner = face_cell(stride, 2)
            score[row] = SCORE
            box[row] = np.concatenate([corner - BOX[:2], BOX[2:] - corner]) / stride
            point[row] = ((POINTS - corner) / stride).ravel()
        scores.append(score), boxes.append(box), points.append(point)
    return fixed(scores + boxes + points, [1, 3, "height", "width"])


def yunet():
    tables = {name: [] for name in ("cls", "obj", "bbox", "kps")}
    for stride in STRIDES:
        count = (SIDE // stride) ** 2
        score, thing, box, point = (np.zeros((1, count, width), np.float32) for width in (1, 1, 4, 10))
        if stride == 16:
            row, corner = face_cell(stride, 1)
            score[0, row], thing[0, row] = SCORE, SCORE
            box[0, row] = np.concatenate([((BOX[:2] + BOX[2:]) / 2 - corner) / stride,
                                          np.log((BOX[2:] - BOX[:2]) / stride)])
            point[0, row] = ((POINTS - corner) / stride).ravel()
        for name, table in zip(tables, (score, thing, box, point)):
            tables[name].append(table)
    names = [f"{name}_{stride}" for name in tables for stride in STRIDES]
    return fixed([table for column in tables.values() for table in column], [1, 3, SIDE, SIDE], names)


def priors():
    """Centre and size of every prior of a RetinaFace, in the input's pixels."""
    result = []
    for stride, sizes in zip(STRIDES, ((16, 32), (64, 128), (256, 512))):
        y, x = np.mgrid[:SIDE // stride, :SIDE // stride]
        centres = (np.stack([x, y], -1).reshape(-1, 2) + 0.5) * stride
        cells = [np.concatenate([centres, np.full((len(centres), 2), size)], 1) for size in sizes]
        result.append(np.stack(cells, 1).reshape(-1, 4))
    return np.concatenate(result).astype(np.float32)


def retinaface():
    all_priors = priors()
    boxes, scores, points = (np.zeros((1, len(all_priors), width), np.float32) for width in (4, 2, 10))
    scores[0, :, 0] = 1
    centre, size = (BOX[:2] + BOX[2:]) / 2, BOX[2:] - BOX[:2]
    row = int(np.argmin(np.abs(all_priors - np.concatenate([centre, [256, 256]])).sum(1)))
    prior = all_priors[row]
    boxes[0, row] = np.concatenate([(centre - prior[:2]) / prior[2:] / 0.1, np.log(size / prior[2:]) / 0.2])
    scores[0, row] = 1 - SCORE, SCORE
    points[0, row] = ((POINTS - prior[:2]) / prior[2:] / 0.1).ravel()
    return fixed([boxes, scores, points], [1, 3, "height", "width"])


def yolov8_face():
    table = np.zeros((1, 20, 8400), np.float32)
    seen = np.concatenate([POINTS, np.full((5, 1), 0.99)], 1).ravel()
    table[0, :, 5000] = np.concatenate([(BOX[:2] + BOX[2:]) / 2, BOX[2:] - BOX[:2], [SCORE], seen])
    return fixed([table], [1, 3, SIDE, SIDE])


# ---- pictures ----

def enhancer(side, weighted):
    graph = Graph()
    more = graph.constant(planes(MORE / 127.5))
    if weighted:
        weight = graph.add("Cast", "weight", to=TensorProto.FLOAT)
        weight = graph.add("Mul", weight, graph.constant(np.float32(40 / 127.5)))
        more = graph.add("Add", more, weight)
    graph.add("Add", "input", more, output="output")
    inputs = [("input", [1, 3, side, side])] + ([("weight", [1], TensorProto.DOUBLE)] if weighted else [])
    return graph.model(inputs, [("output", [1, 3, side, side])])


def upscaler(factor, kind):
    graph = Graph()
    value = graph.add("Cast", "input", to=TensorProto.FLOAT)
    value = graph.add("Add", value, graph.constant(planes(MORE / 255)))
    value = graph.add("Resize", value, "", graph.constant([1, 1, factor, factor]), mode="nearest",
                      coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    graph.add("Cast", value, output="output", to=kind)
    return graph.model([("input", [1, 3, "height", "width"], kind)],
                       [("output", [1, 3, "out_height", "out_width"], kind)])


def class_table():
    classes = (np.arange(512) * 19 // 512)[None, :] == np.arange(19)[:, None]
    return np.broadcast_to(classes[:, None, :], (19, 512, 512)).astype(np.float32)[None]


def bisenet():
    return fixed([class_table()], [1, 3, 512, 512])


def bisenet_of_one_colour():
    mean, scale = IMAGENET
    graph = Graph()
    off = graph.add("Abs", graph.add("Sub", "input", graph.constant(planes((COLOUR - mean) * scale))))
    off = graph.add("Relu", graph.add("Sub", off, graph.constant(0.01)))  # half a code
    weights = np.zeros((19, 3, 1, 1))
    weights[0] = 1000
    graph.add("Add", graph.add("Conv", off, graph.constant(weights)), graph.constant(class_table()), output="440")
    return graph.model([("input", [1, 3, 512, 512])], [("440", [1, 19, 512, 512])])


def xseg():
    graph = Graph()
    starts, ends, axes = (graph.constant(values, np.int64) for values in ([0], [1], [3]))
    graph.add("Slice", "in_face:0", starts, ends, axes, output="out_mask:0")
    return graph.model([("in_face:0", ["batch", 256, 256, 3])], [("out_mask:0", ["batch", 256, 256, 1])])


def made():
    models = {"det_10g": scrfd(), "scrfd_2.5g": scrfd(), "yunet": yunet(), "retinaface_r50": retinaface(),
              "yoloface_8n": yolov8_face(), "bisenet_resnet_18": bisenet(), "bisenet_resnet_34": bisenet(),
              "xseg_1": xseg()}
    models.update({name: enhancer(*how) for name, how in ENHANCERS.items()})
    models.update({name: upscaler(*how) for name, how in UPSCALERS.items()})
    return models


# ---- wrong ones ----

def with_input(model, shape, kind):
    """A small model of the same inputs and outputs, but for the first input's shape and type."""
    graph = Graph()
    outputs = []
    for value in model.graph.output:
        sizes = [dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim]
        graph.add("ConstantOfShape", graph.constant(sizes, np.int64), output=value.name)
        outputs.append((value.name, sizes))
    first, *others = model.graph.input
    more = [(value.name, [dim.dim_value for dim in value.type.tensor_type.shape.dim], value.type.tensor_type.elem_type)
            for value in others]
    return graph.model([(first.name, shape, kind)] + more, outputs)


def first_shape(model):
    return [dim.dim_value or dim.dim_param for dim in model.graph.input[0].type.tensor_type.shape.dim]


def other_shape(name, shape):
    if isinstance(shape[2], str) or name == "yunet":  # real ones are of any size
        return shape[1:]
    return [shape[0]] + [size // 2 if isinstance(size, int) and size > 3 else size for size in shape[1:]]


def main(folder, *names):
    for what in ("right", "colour", "shape", "type"):
        os.makedirs(os.path.join(folder, what), exist_ok=True)
    save(bisenet_of_one_colour(), os.path.join(folder, "colour", "bisenet_resnet_34.onnx"))
    for name, model in made().items():
        if names and name not in names:
            continue
        shape = first_shape(model)
        models = {"right": model, "shape": with_input(model, other_shape(name, shape), TensorProto.FLOAT),
                  "type": with_input(model, shape, TensorProto.INT64)}
        for what, one in models.items():
            save(one, os.path.join(folder, what, f"{name}.onnx"))


if __name__ == "__main__":
    main(*sys.argv[1:])
