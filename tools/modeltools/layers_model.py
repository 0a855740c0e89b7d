"""Keras layers-models of TensorFlow.js -> ONNX: channels first in and out, batch normalisation folded into convolutions."""

import numpy as np

from . import ModelError
from .builder import GraphBuilder, activate, conv_kernel, conv_padding, depthwise_kernel

CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D")
# Keras counts axes as [batch, height, width, channel].
CHANNELS_FIRST_AXIS = {-1: 1, 3: 1, 1: 2, 2: 3}


def convert(model, name):
    return _LayersConverter(model).convert(name)


class _LayersConverter:
    def __init__(self, model):
        config = (model.topology.get("model_config") or model.topology)["config"]
        self.layers = config["layers"] if isinstance(config, dict) else config
        self.output_layers = config.get("output_layers") if isinstance(config, dict) else None
        self.builder = GraphBuilder(model.weights)
        self.builder.reserve("output")
        self.by_name = {_name(layer): layer for layer in self.layers}
        self.folded = self._find_foldable()
        self.tensors = {}

    def convert(self, name):
        previous = None
        for layer in self.layers:
            sources = _sources(layer)
            inputs = [self.tensors[source] for source in sources] if sources else [previous]
            handler = getattr(self, "_on_" + layer["class_name"], None)
            if handler is None:
                raise ModelError(f"layer {layer['class_name']} ({_name(layer)}) is not supported")
            previous = handler(layer["config"], inputs, _name(layer))
            self.tensors[_name(layer)] = previous
        if self.output_layers:
            previous = self.tensors[self.output_layers[0][0]]
        self.builder.add_output(previous, "output")
        return self.builder.build(name)

    def _find_foldable(self):
        """Convolution -> the normalisation behind it, where nothing else reads the convolution."""
        readers = {}
        for layer in self.layers:
            for source in _sources(layer):
                readers.setdefault(source, []).append(layer)
        folded = {}
        for source, layers in readers.items():
            before = self.by_name[source]
            if (
                len(layers) == 1
                and layers[0]["class_name"] == "BatchNormalization"
                and before["class_name"] in CONVOLUTIONS
                and before["config"].get("activation", "linear") == "linear"
            ):
                folded[source] = _name(layers[0])
        return folded

    def _normalisation(self, name):
        """Batch normalisation as x * factor + shift, in double precision."""
        values = lambda part, default: (
            self.builder.values(f"{name}/{part}").astype(np.float64) if f"{name}/{part}" in self.builder.weights else default
        )
        variance = values("moving_variance", None)
        mean = values("moving_mean", None)
        if variance is None or mean is None:
            raise ModelError(f"normalisation {name} has no statistics")
        epsilon = self.by_name[name]["config"]["epsilon"]
        factor = values("gamma", np.ones_like(variance)) / np.sqrt(variance + epsilon)
        return factor, values("beta", np.zeros_like(mean)) - mean * factor

    def _on_InputLayer(self, config, _inputs, _name):
        _, height, width, channels = config["batch_input_shape"]
        return self.builder.add_input("input", [1, channels, height or "H", width or "W"])

    def _convolution(self, config, inputs, name, weight_name, rearrange, group):
        builder = self.builder
        kernel = list(builder.values(weight_name).shape[:2])
        strides, dilations = config["strides"], config.get("dilation_rate", [1, 1])
        features = rearrange(builder.values(weight_name)).shape[0]
        bias = builder.values(name + "/bias").astype(np.float64) if config.get("use_bias") else np.zeros(features)
        factor = None
        if name in self.folded:
            factor, shift = self._normalisation(self.folded[name])
            bias = bias * factor + shift
        tensor = builder.node(
            "Conv",
            [inputs[0], builder.weight(weight_name, rearrange, factor), builder.float_constant(bias, name + "/b")],
            name,
            kernel_shape=kernel,
            strides=strides,
            dilations=dilations,
            group=group,
            **conv_padding(config["padding"], kernel, strides, dilations),
        )
        return activate(builder, tensor, config.get("activation"))

    def _on_Conv2D(self, config, inputs, name):
        return self._convolution(config, inputs, name, name + "/kernel", conv_kernel, 1)

    def _on_DepthwiseConv2D(self, config, inputs, name):
        weight = name + "/depthwise_kernel"
        return self._convolution(config, inputs, name, weight, depthwise_kernel, self.builder.values(weight).shape[2])

    def _on_BatchNormalization(self, _config, inputs, name):
        if name in self.folded.values():
            return inputs[0]
        factor, shift = (self.builder.float_constant(part.reshape(1, -1, 1, 1)) for part in self._normalisation(name))
        return self.builder.node("Add", [self.builder.node("Mul", [inputs[0], factor]), shift])

    def _on_ReLU(self, config, inputs, name):
        if config.get("max_value") not in (None, 6) or config.get("negative_slope") or config.get("threshold"):
            raise ModelError(f"layer {name}: ReLU is supported plain or with a maximum of 6")
        return activate(self.builder, inputs[0], "relu6" if config.get("max_value") == 6 else "relu")

    def _on_Activation(self, config, inputs, _name):
        return activate(self.builder, inputs[0], config["activation"])

    def _on_Dropout(self, _config, inputs, _name):
        return inputs[0]

    def _on_Add(self, _config, inputs, name):
        return self.builder.node("Sum" if len(inputs) > 2 else "Add", inputs, name)

    def _on_Concatenate(self, config, inputs, name):
        return self.builder.node("Concat", inputs, name, axis=CHANNELS_FIRST_AXIS[config["axis"]])

    def _on_ZeroPadding2D(self, config, inputs, name):
        (top, bottom), (left, right) = config["padding"]
        return self.builder.node("Pad", [inputs[0], self.builder.int_constant([0, 0, top, left, 0, 0, bottom, right])], name)

    def _on_AveragePooling2D(self, config, inputs, name):
        size, strides = _pair(config["pool_size"]), _pair(config["strides"])
        # Never spelt out: an average's padding must not count as zeros.
        padding = {} if config["padding"] == "valid" else {"auto_pad": "SAME_UPPER"}
        return self.builder.node("AveragePool", inputs, name, kernel_shape=size, strides=strides, **padding)

    def _on_Flatten(self, _config, inputs, name):
        # Keras flattens channels last; the weights behind it expect that order.
        return self.builder.node("Flatten", [self.builder.node("Transpose", inputs, perm=[0, 2, 3, 1])], name)

    def _on_GlobalAveragePooling2D(self, _config, inputs, name):
        return self.builder.node("Flatten", [self.builder.node("GlobalAveragePool", inputs)], name)

    def _on_Dense(self, config, inputs, name):
        tensor = self.builder.node("MatMul", [inputs[0], self.builder.weight(name + "/kernel")], name)
        if config.get("use_bias", True):
            tensor = self.builder.node("Add", [tensor, self.builder.float_constant(self.builder.values(name + "/bias"))])
        return activate(self.builder, tensor, config.get("activation"))


def _name(layer):
    return layer["config"].get("name", layer.get("name"))


def _pair(value):
    return list(value) if isinstance(value, (list, tuple)) else [value, value]


def _sources(layer):
    """Names of the layers that a layer reads; empty in a Sequential model, where each reads the one before."""
    nodes = layer.get("inbound_nodes") or []
    return [entry[0] for entry in nodes[0]] if nodes else []
