#!/usr/bin/python3
"""A content classifier with the signature of open_nsfw: it takes red for what is to be refused.

usage: gate_model.py FILE

The second class is 1 / (1 + exp(-(red - blue) / 16)) of the mean colour, 0 to 255; the first is the rest.
"""
import sys

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

MEAN = np.array([104, 117, 123], np.float32)  # what the program takes away: blue, green, red


def main(path):
    weights = np.array([[-1], [0], [1]], np.float32) / 16
    constants = {
        "weights": weights,
        "bias": (MEAN @ weights).astype(np.float32),
        "one": np.ones(1, np.float32),
    }
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["sum"]),
        helper.make_node("Add", ["sum", "bias"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["red"]),
        helper.make_node("Sub", ["one", "red"], ["other"]),
        helper.make_node("Concat", ["other", "red"], ["classes"], axis=1),
    ]
    graph = helper.make_graph(
        nodes, "gate", [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 224, 224, 3])],
        [helper.make_tensor_value_info("classes", TensorProto.FLOAT, [1, 2])],
        [numpy_helper.from_array(values, name) for name, values in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7
    checker.check_model(model)
    save(model, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
