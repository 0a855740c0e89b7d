#!/usr/bin/python3
"""Swappers of every kind, and what they need beside them, with the signatures of the real ones and answers in closed form.

usage: swapper_models.py FOLDER

FOLDER/<what they do>/<file name>: what they do is
    same    give back the target
    add     give back the target with 20 more red, 12 less green, 7 more blue
    ramp    give red = 240 x / side, green = 240 y / side, blue = 128 for pixel (x, y)
    source  give one colour, a function of the source: tests/unit/test_model_swapper.c has the same formulas
"""
import os
import sys

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

IMAGENET = (np.array([0.485, 0.456, 0.406]) * 255, 1 / (np.array([0.229, 0.224, 0.225]) * 255))
UNIT = (np.zeros(3), np.full(3, 1 / 255))
SYMMETRIC = (np.full(3, 127.5), np.full(3, 1 / 127.5))

# file: side, what goes in ((value - mean) * scale) and comes out (the same), side of the source's picture (0: embedding)
KINDS = {
    "inswapper_128": (128, UNIT, UNIT, 0),
    "inswapper_128_fp16": (128, UNIT, UNIT, 0),
    "hyperswap_1a_256": (256, SYMMETRIC, SYMMETRIC, 0),
    "simswap_256": (256, IMAGENET, UNIT, 0),
    "simswap_unofficial_512": (512, UNIT, UNIT, 0),
    "ghost_1_256": (256, SYMMETRIC, SYMMETRIC, 0),
    "uniface_256": (256, SYMMETRIC, SYMMETRIC, 256),
    "blendswap_256": (256, UNIT, UNIT, 112),
}
WHAT = ("same", "add", "ramp", "source")
SIZE = 512  # of an embedding


def embedding_weights():
    i, c = np.meshgrid(np.arange(SIZE), np.arange(3), indexing="ij")
    return (i * (c + 2) % 17 - 8) * 25.0


def embedder_weights():
    c, i = np.meshgrid(np.arange(3), np.arange(SIZE), indexing="ij")
    return (i * (c + 3) % 13 - 6) / 10.0


def swap_matrix():
    i, j = np.meshgrid(np.arange(SIZE), np.arange(SIZE), indexing="ij")
    return (i * 31 + j * 17) % 23 / 64.0 - 11 / 64


class Graph:
    """Nodes one after the other; constants are initialisers, in half precision where asked."""

    def __init__(self, half=False):
        self.half, self.nodes, self.initializers = half, [], []

    def constant(self, values, dtype=np.float32):
        name = f"c{len(self.initializers)}"
        if self.half and dtype == np.float32:
            self.initializers.append(numpy_helper.from_array(np.asarray(values, np.float16), name))
            return self.add("Cast", name, to=TensorProto.FLOAT)
        self.initializers.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def add(self, kind, *inputs, output=None, **attributes):
        name = output or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def model(self, inputs, outputs):
        """Values are (name, shape) or (name, shape, type)."""
        def value(name, shape, kind=TensorProto.FLOAT):
            return helper.make_tensor_value_info(name, kind, shape)

        graph = helper.make_graph(self.nodes, "made", [value(*i) for i in inputs], [value(*o) for o in outputs],
                                  self.initializers)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
        checker.check_model(made)
        return made


def planes(values):
    return np.asarray(values).reshape(1, 3, 1, 1)


def swapper(name, what):
    side, (mean, scale), (out_mean, out_scale), source_side = KINDS[name]
    graph = Graph(half="fp16" in name)
    value = graph.add("Mul", "target", graph.constant(planes(1 / scale)))
    value = graph.add("Add", value, graph.constant(planes(mean)))
    if what == "add":
        value = graph.add("Add", value, graph.constant(planes([20, -12, 7])))
    elif what == "ramp":
        step = np.arange(side) * 240 / side
        ramp = np.stack([np.tile(step, (side, 1)), np.tile(step[:, None], (1, side)), np.full((side, side), 128.0)])
        value = graph.add("Add", graph.add("Mul", value, graph.constant(0.0)), graph.constant(ramp[None]))
    elif what == "source":
        if source_side:
            colour = graph.add("ReduceMean", "source", axes=[2, 3], keepdims=1)
            colour = graph.add("Mul", colour, graph.constant(200.0))
            colour = graph.add("Add", colour, graph.constant(20.0))
        else:
            colour = graph.add("MatMul", "source", graph.constant(embedding_weights()))
            colour = graph.add("Reshape", colour, graph.constant([1, 3, 1, 1], np.int64))
            colour = graph.add("Add", colour, graph.constant(128.0))
        value = graph.add("Add", graph.add("Mul", value, graph.constant(0.0)), colour)
    value = graph.add("Sub", value, graph.constant(planes(out_mean)))
    graph.add("Mul", value, graph.constant(planes(out_scale)), output="output")
    outputs = [("output", [1, 3, side, side])]
    if name.startswith("hyperswap"):
        graph.add("ReduceMean", "target", output="mask", axes=[1], keepdims=1)
        outputs.append(("mask", [1, 1, side, side]))
    if name.startswith("inswapper"):
        graph.initializers.append(numpy_helper.from_array(
            swap_matrix().astype(np.float16 if graph.half else np.float32), "buff2fs"))
    source = [1, 3, source_side, source_side] if source_side else [1, SIZE]
    return graph.model([("target", [1, 3, side, side]), ("source", source)], outputs)


def embedder():
    graph = Graph()
    mean = graph.add("ReduceMean", "input.1", axes=[2, 3], keepdims=0)
    value = graph.add("MatMul", mean, graph.constant(embedder_weights()))
    graph.add("Add", value, graph.constant((np.arange(SIZE) % 5 - 2) / 10), output="683")
    return graph.model([("input.1", ["None", 3, 112, 112])], [("683", [1, SIZE])])


def converter(factor, offset):
    graph = Graph()
    value = graph.add("Mul", "input", graph.constant(factor))
    graph.add("Add", value, graph.constant(offset), output="output")
    return graph.model([("input", [1, SIZE])], [("output", [1, SIZE])])


def main(folder):
    for what in WHAT:
        os.makedirs(os.path.join(folder, what), exist_ok=True)
        models = {name: swapper(name, what) for name in KINDS}
        models["w600k_r50"] = embedder()
        models["crossface_simswap"] = converter(2.0, 0.5)
        models["crossface_ghost"] = converter(-1.0, 0.25)
        for name, model in models.items():
            save(model, os.path.join(folder, what, f"{name}.onnx"))


if __name__ == "__main__":
    main(*sys.argv[1:])
