"""Collects nodes and initialisers of an ONNX graph under unique names; the same input always gives the same bytes."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from . import ModelError

OPSET = 13
IR_VERSION = 7


class GraphBuilder:
    def __init__(self, weights):
        self.weights = weights
        self.inputs = []
        self.outputs = []
        self._nodes = []
        self._initializers = []
        self._uses = {}

    def add_input(self, name, shape):
        self._unique(name)
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def add_output(self, tensor, name):
        """Gives `tensor` the output name `name`; the builder never gives that name to anything else."""
        self._nodes.append(helper.make_node("Identity", [tensor], [name]))
        self.outputs.append(name)

    def reserve(self, name):
        self._unique(name)

    def node(self, op, inputs, name=None, **attributes):
        name = self._unique(name or op)
        self._nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def constant(self, values, name="constant"):
        name = self._unique(name)
        self._initializers.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def float_constant(self, values, name="constant"):
        return self.constant(np.asarray(values, np.float32), name)

    def int_constant(self, values, name="constant"):
        return self.constant(np.asarray(values, np.int64), name)

    def values(self, name):
        try:
            return self.weights[name]
        except KeyError:
            raise ModelError(f"the model has no weight {name}") from None

    def weight(self, name, rearrange=lambda array: array, channel_factor=None):
        """A weight as a tensor: rearranged, times `channel_factor` along its first axis.

        Quantised ones too: to unpack them when the model is loaded takes longer than to read four times the bytes.
        """
        array = rearrange(self.values(name)).astype(np.float32)
        if channel_factor is not None:
            array = array * channel_factor.reshape([-1] + [1] * (array.ndim - 1))
        return self.float_constant(array, name)

    def build(self, graph_name):
        """The checked model, without what its outputs do not need."""
        nodes = self._needed_nodes()
        used = {name for node in nodes for name in node.input}
        initializers = [tensor for tensor in self._initializers if tensor.name in used]
        outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in self.outputs]
        graph = helper.make_graph(nodes, graph_name, self.inputs, outputs, initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="runbatch")
        model.ir_version = IR_VERSION
        model = onnx.shape_inference.infer_shapes(model)
        del model.graph.value_info[:]
        onnx.checker.check_model(model)
        return model

    def _needed_nodes(self):
        needed = set(self.outputs)
        kept = []
        for node in reversed(self._nodes):
            if needed.intersection(node.output):
                kept.append(node)
                needed.update(node.input)
        return kept[::-1]

    def _unique(self, name):
        name = name.replace(":", "_")
        count = self._uses.get(name, 0)
        self._uses[name] = count + 1
        return name if count == 0 else f"{name}__{count}"


ACTIVATIONS = {
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "elu": "Elu",
}


def activate(builder, tensor, name):
    """Applies an activation by its Keras or TensorFlow name; `linear` and none change nothing."""
    name = (name or "linear").lower()
    if name == "linear":
        return tensor
    if name == "relu6":
        return builder.node("Clip", [tensor, builder.float_constant(0), builder.float_constant(6)])
    if name == "softmax":
        return builder.node("Softmax", [tensor], axis=-1)
    if name not in ACTIVATIONS:
        raise ModelError(f"activation {name} is not supported")
    return builder.node(ACTIVATIONS[name], [tensor])


def conv_padding(padding, kernel, strides, dilations):
    """ONNX attributes for TensorFlow's `same` and `valid`; same with stride 1 is spelt out, so that it can be fused."""
    padding = padding.lower()
    if padding == "valid":
        return {}
    if padding != "same":
        raise ModelError(f"padding {padding} is not supported")
    if list(strides) != [1, 1]:
        return {"auto_pad": "SAME_UPPER"}
    total = [(size - 1) * step for size, step in zip(kernel, dilations)]
    begin = [size // 2 for size in total]
    return {"pads": begin + [size - first for size, first in zip(total, begin)]}


def conv_kernel(array):
    """[h, w, in, out] of TensorFlow -> [out, in, h, w] of ONNX."""
    return array.transpose(3, 2, 0, 1)


def depthwise_kernel(array):
    """[h, w, in, multiplier] of TensorFlow -> [in * multiplier, 1, h, w] of ONNX."""
    height, width, channels, multiplier = array.shape
    return array.transpose(2, 3, 0, 1).reshape(channels * multiplier, 1, height, width)
