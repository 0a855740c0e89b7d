"""Small TensorFlow.js models written to a folder, and a plain evaluation of the ONNX operations they become."""

import base64
import json

import numpy as np
from onnx import numpy_helper


def write_model(folder, topology, weights, signature=None):
    """`weights` maps names to arrays, or to (uint8 array, minimum, scale) for quantised ones."""
    manifest, blob = [], b""
    for name, value in weights.items():
        entry = {"name": name}
        if isinstance(value, tuple):
            value, minimum, scale = value
            entry["quantization"] = {"dtype": str(value.dtype), "min": minimum, "scale": scale}
            entry["dtype"] = "float32"
        else:
            entry["dtype"] = str(value.dtype)
        entry["shape"] = list(value.shape)
        manifest.append(entry)
        blob += value.tobytes()
    description = {"modelTopology": topology, "weightsManifest": [{"paths": ["w.bin"], "weights": manifest}]}
    if signature:
        description["signature"] = signature
    (folder / "w.bin").write_bytes(blob)
    (folder / "model.json").write_text(json.dumps(description), encoding="utf-8")
    return folder / "model.json"


def layer(kind, name, inputs, **config):
    return {
        "class_name": kind,
        "config": {"name": name, **config},
        "inbound_nodes": [[[source, 0, 0, {}] for source in inputs]] if inputs else [],
    }


def layers_topology(layers, output):
    return {"model_config": {"config": {"layers": layers, "output_layers": [[output, 0, 0]]}}}


def text(value):
    return {"s": base64.b64encode(value.encode()).decode()}


def integers(*values):
    return {"list": {"i": [str(value) for value in values]}}


def evaluate(model, value):
    """Outputs of `model` by name; only what the tiny models use."""
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    tensors[model.graph.input[0].name] = value
    for node in model.graph.node:
        inputs = [tensors[name] for name in node.input]
        attributes = {item.name: _attribute(item) for item in node.attribute}
        tensors[node.output[0]] = _OPERATIONS[node.op_type](attributes, *inputs)
    return {output.name: tensors[output.name] for output in model.graph.output}


def _attribute(item):
    return {1: lambda: item.f, 2: lambda: item.i, 3: lambda: item.s.decode(), 7: lambda: list(item.ints)}[item.type]()


def conv_nhwc(value, kernel, strides, same, depthwise=False):
    """TensorFlow's convolution from its definition: [1, h, w, c] and [kh, kw, in, out or multiplier]."""
    height, width, channels, out = kernel.shape
    sizes = []
    for axis, size in ((1, height), (2, width)):
        count = -(-value.shape[axis] // strides[axis - 1]) if same else (value.shape[axis] - size) // strides[axis - 1] + 1
        total = max((count - 1) * strides[axis - 1] + size - value.shape[axis], 0) if same else 0
        sizes.append((count, (total // 2, total - total // 2)))
    padded = np.pad(value, ((0, 0), sizes[0][1], sizes[1][1], (0, 0)))
    result = np.zeros((1, sizes[0][0], sizes[1][0], channels * out if depthwise else out), np.float64)
    for row in range(sizes[0][0]):
        for column in range(sizes[1][0]):
            top, left = row * strides[0], column * strides[1]
            patch = padded[0, top : top + height, left : left + width, :]
            if depthwise:
                result[0, row, column] = np.einsum("hwc,hwcm->cm", patch, kernel).reshape(-1)
            else:
                result[0, row, column] = np.einsum("hwc,hwco->o", patch, kernel)
    return result


def _conv(attributes, value, kernel, bias=None):
    group = attributes.get("group", 1)
    same = attributes.get("auto_pad") == "SAME_UPPER"
    if "pads" in attributes:
        top, left, bottom, right = attributes["pads"]
        value = np.pad(value, ((0, 0), (0, 0), (top, bottom), (left, right)))
    nhwc = value.transpose(0, 2, 3, 1)
    if group == 1:
        result = conv_nhwc(nhwc, kernel.transpose(2, 3, 1, 0), attributes["strides"], same)
    else:
        multiplier = kernel.shape[0] // group
        spread = kernel.reshape(group, multiplier, *kernel.shape[2:]).transpose(2, 3, 0, 1)
        result = conv_nhwc(nhwc, spread, attributes["strides"], same, depthwise=True)
    if bias is not None:
        result = result + bias
    return result.transpose(0, 3, 1, 2)


def _max_pool(attributes, value):
    size, strides = attributes["kernel_shape"], attributes["strides"]
    assert strides == size and not value.shape[2] % size[0] and not value.shape[3] % size[1]
    batch, channels, height, width = value.shape
    return value.reshape(batch, channels, height // size[0], size[0], width // size[1], size[1]).max(axis=(3, 5))


def _average_pool(attributes, value):
    size = attributes["kernel_shape"]
    batch, channels, height, width = value.shape
    return value.reshape(batch, channels, height // size[0], size[0], width // size[1], size[1]).mean(axis=(3, 5))


def _pad(_attributes, value, amounts):
    half = len(amounts) // 2
    return np.pad(value, list(zip(amounts[:half], amounts[half:])))


def _softmax(attributes, value):
    powers = np.exp(value - value.max(axis=attributes["axis"], keepdims=True))
    return powers / powers.sum(axis=attributes["axis"], keepdims=True)


_OPERATIONS = {
    "Add": lambda _, a, b: a + b,
    "AveragePool": _average_pool,
    "Cast": lambda attributes, a: a.astype(np.float32),
    "Clip": lambda _, a, low, high: np.clip(a, low, high),
    "Concat": lambda attributes, *values: np.concatenate(values, attributes["axis"]),
    "Conv": _conv,
    "Flatten": lambda _, a: a.reshape(a.shape[0], -1),
    "GlobalAveragePool": lambda _, a: a.mean(axis=(2, 3), keepdims=True),
    "Identity": lambda _, a: a,
    "MatMul": lambda _, a, b: a @ b,
    "MaxPool": _max_pool,
    "Mul": lambda _, a, b: a * b,
    "PRelu": lambda _, a, slope: np.where(a < 0, a * slope, a),
    "Pad": _pad,
    "Relu": lambda _, a: np.maximum(a, 0),
    "Reshape": lambda _, a, shape: a.reshape(shape),
    "Sigmoid": lambda _, a: 1 / (1 + np.exp(-a)),
    "Softmax": _softmax,
    "Transpose": lambda attributes, a: a.transpose(attributes["perm"]),
}
