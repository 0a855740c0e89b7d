"""TensorFlow graph-models of TensorFlow.js -> ONNX: inputs and outputs stay channels last, as the model has them.

ONNX convolves channels first, so convolutions stand between transposes; a pair that cancels is not written, and ONNX
Runtime moves the others out of the way.
"""

import base64
import binascii

import numpy as np

from . import ModelError
from .builder import GraphBuilder, activate, conv_kernel, conv_padding, depthwise_kernel

ELEMENTWISE = {
    "AddV2": "Add",
    "Add": "Add",
    "BiasAdd": "Add",
    "Sub": "Sub",
    "Mul": "Mul",
    "RealDiv": "Div",
    "Relu": "Relu",
    "Sigmoid": "Sigmoid",
    "Tanh": "Tanh",
}
# Operation -> is it depthwise.
CONVOLUTIONS = {
    "Conv2D": False,
    "_FusedConv2D": False,
    "DepthwiseConv2dNative": True,
    "FusedDepthwiseConv2dNative": True,
}


def convert(model, name, outputs=None):
    """`outputs` keeps only those of the model's outputs, by their names in its signature."""
    return _GraphConverter(model, outputs).convert(name)


class _GraphConverter:
    def __init__(self, model, outputs):
        self.nodes = {node["name"]: node for node in model.topology["node"]}
        self.builder = GraphBuilder(model.weights)
        self.outputs = self._find_outputs(model, outputs)
        for name in self.outputs:
            self.builder.reserve(name)
        self.tensors = {}
        self.channels_first = {}

    def convert(self, name):
        for node in self._in_order():
            operation = node["op"]
            if operation == "Const":
                continue
            inputs = _inputs(node)
            if operation in ELEMENTWISE:
                tensor = self.builder.node(ELEMENTWISE[operation], [self._tensor(source) for source in inputs], node["name"])
            elif operation in CONVOLUTIONS:
                tensor = self._convolution(node, inputs, CONVOLUTIONS[operation])
            else:
                handler = getattr(self, "_on_" + operation, None)
                if handler is None:
                    raise ModelError(f"operation {operation} ({node['name']}) is not supported")
                tensor = handler(node, inputs)
            self.tensors[node["name"]] = tensor
        for output, source in self.outputs.items():
            self.builder.add_output(self.tensors[source], output)
        return self.builder.build(name)

    def _find_outputs(self, model, wanted):
        signature = model.signature.get("outputs")
        if signature:
            found = {key.split(":")[0]: value["name"].split(":")[0] for key, value in signature.items()}
        else:
            read = {source for node in self.nodes.values() for source in _inputs(node)}
            found = {name: name for name, node in self.nodes.items() if name not in read and node["op"] != "Const"}
        for name in wanted or []:
            if name not in found:
                raise ModelError(f"the model has no output {name}; it has {', '.join(found)}")
        return {name: found[name] for name in wanted} if wanted else found

    def _in_order(self):
        """Nodes that the outputs need, every one behind its inputs."""
        done, order = set(), []
        waiting = [(name, False) for name in reversed(list(self.outputs.values()))]
        while waiting:
            name, inputs_done = waiting.pop()
            if inputs_done:
                order.append(self.nodes[name])
            elif name not in done:
                done.add(name)
                waiting.append((name, True))
                waiting.extend((source, False) for source in reversed(_inputs(self.nodes[name])))
        return order

    def _tensor(self, name):
        if name not in self.tensors:
            values = self.builder.values(name)
            integer = np.issubdtype(values.dtype, np.integer)
            self.tensors[name] = self.builder.int_constant(values, name) if integer else self.builder.weight(name)
        return self.tensors[name]

    def _constant_name(self, name):
        while self.nodes[name]["op"] == "Identity":
            name = _inputs(self.nodes[name])[0]
        return name

    def _constant(self, name):
        return self.builder.values(self._constant_name(name))

    def _to_channels_first(self, tensor):
        if tensor not in self.channels_first:
            self.channels_first[tensor] = self.builder.node("Transpose", [tensor], perm=[0, 3, 1, 2])
        return self.channels_first[tensor]

    def _to_channels_last(self, tensor, name):
        last = self.builder.node("Transpose", [tensor], name, perm=[0, 2, 3, 1])
        self.channels_first[last] = tensor
        return last

    def _convolution(self, node, inputs, depthwise):
        builder, name = self.builder, node["name"]
        weight = self._constant_name(inputs[1])
        kernel = builder.values(weight)
        size = list(kernel.shape[:2])
        strides = _integers(node, "strides")[1:3]
        dilations = _integers(node, "dilations", [1, 1, 1, 1])[1:3]
        fused = _strings(node, "fused_ops")
        extra = inputs[2:]
        operands = [
            self._to_channels_first(self._tensor(inputs[0])),
            builder.weight(weight, depthwise_kernel if depthwise else conv_kernel),
        ]
        if fused[:1] == ["BiasAdd"]:
            operands.append(builder.float_constant(self._constant(extra.pop(0)).reshape(-1), name + "/b"))
            fused = fused[1:]
        tensor = builder.node(
            "Conv",
            operands,
            name + "/nchw",
            kernel_shape=size,
            strides=strides,
            dilations=dilations,
            group=kernel.shape[2] if depthwise else 1,
            **conv_padding(_string(node, "padding"), size, strides, dilations),
        )
        for step in fused:
            if step == "Prelu":
                slope = self._constant(extra.pop(0)).transpose(2, 0, 1)
                tensor = builder.node("PRelu", [tensor, builder.float_constant(slope, name + "/slope")])
            else:
                tensor = activate(builder, tensor, step)
        return self._to_channels_last(tensor, name)

    def _on_Placeholder(self, node, _inputs):
        sizes = [int(dim["size"]) for dim in node["attr"]["shape"]["shape"].get("dim", [])]
        if len(sizes) != 4:
            raise ModelError(f"input {node['name']} has {len(sizes)} dimensions, not 4")
        height, width = (size if size > 0 else letter for size, letter in zip(sizes[1:3], "HW"))
        return self.builder.add_input(node["name"], [1, height, width, sizes[3]])

    def _on_Identity(self, _node, inputs):
        return self._tensor(inputs[0])

    def _on_Relu6(self, _node, inputs):
        return activate(self.builder, self._tensor(inputs[0]), "relu6")

    def _on_Prelu(self, node, inputs):
        slope = self._constant(inputs[1])
        return self.builder.node("PRelu", [self._tensor(inputs[0]), self.builder.float_constant(slope)], node["name"])

    def _on_MaxPool(self, node, inputs):
        size, strides = _integers(node, "ksize")[1:3], _integers(node, "strides")[1:3]
        # Never spelt out: a pool's padding must not count as zeros.
        padding = {} if _string(node, "padding") == "VALID" else {"auto_pad": "SAME_UPPER"}
        first = self._to_channels_first(self._tensor(inputs[0]))
        pooled = self.builder.node("MaxPool", [first], node["name"] + "/nchw", kernel_shape=size, strides=strides, **padding)
        return self._to_channels_last(pooled, node["name"])

    def _on_Pad(self, node, inputs):
        amounts = self._constant(inputs[1]).T.reshape(-1)
        return self.builder.node("Pad", [self._tensor(inputs[0]), self.builder.int_constant(amounts)], node["name"])

    def _on_Reshape(self, node, inputs):
        shape = self.builder.int_constant(self._constant(inputs[1]))
        return self.builder.node("Reshape", [self._tensor(inputs[0]), shape], node["name"])

    def _on_ConcatV2(self, node, inputs):
        axis = int(self._constant(inputs[-1]))
        return self.builder.node("Concat", [self._tensor(source) for source in inputs[:-1]], node["name"], axis=axis)


def _inputs(node):
    """Names of the nodes whose values a node reads; control inputs (^name) and output numbers (name:0) are dropped."""
    return [source.split(":")[0] for source in node.get("input", []) if not source.startswith("^")]


def _integers(node, key, default=None):
    if key not in node.get("attr", {}):
        return default
    return [int(value) for value in node["attr"][key]["list"].get("i", [])]


def _text(value):
    """TensorFlow.js writes strings of attributes in base64, older converters plainly."""
    try:
        return base64.b64decode(value, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return value


def _string(node, key):
    return _text(node["attr"][key]["s"])


def _strings(node, key):
    return [_text(value) for value in node.get("attr", {}).get(key, {}).get("list", {}).get("s", [])]
