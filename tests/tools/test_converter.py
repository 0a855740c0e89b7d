import base64
import json
import tempfile
import unittest
from pathlib import Path

import numpy as np

import tinynet
from modeltools import ModelError, graph_model, layers_model, tfjs
from tinynet import conv_nhwc, integers, layer, text


def random(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


class InFolder(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self.temporary.name)

    def tearDown(self):
        self.temporary.cleanup()


class LayersModel(InFolder):
    def setUp(self):
        super().setUp()
        self.kernel = random(1, 3, 3, 3, 4)
        self.depthwise = random(2, 3, 3, 4, 2)
        self.gamma, self.beta, self.mean = random(3, 4), random(4, 4), random(5, 4)
        self.variance = np.abs(random(6, 4)) + np.float32(0.5)
        self.dense, self.dense_bias = random(7, 8, 5), random(8, 5)
        self.weights = {
            "conv/kernel": self.kernel,
            "bn/gamma": self.gamma,
            "bn/beta": self.beta,
            "bn/moving_mean": self.mean,
            "bn/moving_variance": self.variance,
            "dw/depthwise_kernel": self.depthwise,
            "dw/bias": random(9, 8),
            "dense/kernel": self.dense,
            "dense/bias": self.dense_bias,
        }

    def topology(self, tail=()):
        conv = {"strides": [2, 2], "dilation_rate": [1, 1], "activation": "linear"}
        layers = [
            layer("InputLayer", "in", [], batch_input_shape=[None, 7, 9, 3]),
            layer("ZeroPadding2D", "pad", ["in"], padding=[[0, 1], [1, 0]]),
            layer("Conv2D", "conv", ["pad"], padding="valid", use_bias=False, **conv),
            layer("BatchNormalization", "bn", ["conv"], epsilon=0.001),
            layer("ReLU", "relu", ["bn"], max_value=6),
            layer("DepthwiseConv2D", "dw", ["relu"], padding="same", use_bias=True, **{**conv, "strides": [1, 1]}),
            layer("Dropout", "drop", ["dw"]),
            layer("GlobalAveragePooling2D", "gap", ["drop"]),
            layer("Dense", "dense", ["gap"], activation="softmax", use_bias=True),
            *tail,
        ]
        return tinynet.layers_topology(layers, layers[-1]["config"]["name"])

    def expected(self, image, kernel=None):
        padded = np.pad(image, ((0, 0), (0, 1), (1, 0), (0, 0)))
        value = conv_nhwc(padded, self.kernel if kernel is None else kernel, [2, 2], same=False)
        value = (value - self.mean) / np.sqrt(self.variance + 0.001) * self.gamma + self.beta
        value = conv_nhwc(np.clip(value, 0, 6), self.depthwise, [1, 1], same=True, depthwise=True)
        logits = (value + self.weights["dw/bias"]).mean(axis=(1, 2)) @ self.dense + self.dense_bias
        powers = np.exp(logits - logits.max())
        return powers / powers.sum()

    def test_computes_what_the_layers_say(self):
        path = tinynet.write_model(self.folder, self.topology(), self.weights)
        model = layers_model.convert(tfjs.load(path), "tiny")
        image = random(20, 1, 7, 9, 3)
        outputs = tinynet.evaluate(model, image.transpose(0, 3, 1, 2))
        np.testing.assert_allclose(outputs["output"], self.expected(image), atol=1e-5)

    def test_normalisation_is_folded_into_the_convolution(self):
        path = tinynet.write_model(self.folder, self.topology(), self.weights)
        model = layers_model.convert(tfjs.load(path), "tiny")
        operations = [node.op_type for node in model.graph.node]
        self.assertEqual(operations[:4], ["Pad", "Conv", "Clip", "Conv"])
        folded = next(tinynet.numpy_helper.to_array(t) for t in model.graph.initializer if t.name == "conv/kernel")
        factor = self.gamma / np.sqrt(self.variance + 0.001)
        np.testing.assert_allclose(folded, self.kernel.transpose(3, 2, 0, 1) * factor.reshape(-1, 1, 1, 1), rtol=1e-6)

    def test_normalisation_behind_a_shared_convolution_stays(self):
        tail = [layer("Add", "sum", ["conv", "bn"])]
        path = tinynet.write_model(self.folder, self.topology(tail), self.weights)
        model = layers_model.convert(tfjs.load(path), "tiny")
        image = random(21, 1, 7, 9, 3)
        conv = conv_nhwc(np.pad(image, ((0, 0), (0, 1), (1, 0), (0, 0))), self.kernel, [2, 2], same=False)
        normal = (conv - self.mean) / np.sqrt(self.variance + 0.001) * self.gamma + self.beta
        result = tinynet.evaluate(model, image.transpose(0, 3, 1, 2))["output"]
        np.testing.assert_allclose(result, (conv + normal).transpose(0, 3, 1, 2), atol=1e-4)

    def test_packed_weights_are_unpacked(self):
        packed = np.random.default_rng(30).integers(0, 256, (3, 3, 3, 64), dtype=np.uint8)
        minimum, scale = -1.25, 0.0125
        layers = [
            layer("InputLayer", "in", [], batch_input_shape=[None, 4, 4, 3]),
            layer("Conv2D", "c", ["in"], padding="same", use_bias=False, strides=[1, 1], activation="relu"),
        ]
        path = tinynet.write_model(
            self.folder, tinynet.layers_topology(layers, "c"), {"c/kernel": (packed, minimum, scale)}
        )
        image = random(31, 1, 4, 4, 3)
        result = tinynet.evaluate(layers_model.convert(tfjs.load(path), "tiny"), image.transpose(0, 3, 1, 2))["output"]
        expected = np.maximum(conv_nhwc(image, packed * scale + minimum, [1, 1], same=True), 0)
        np.testing.assert_allclose(result, expected.transpose(0, 3, 1, 2), atol=1e-4)

    def test_pool_and_flatten_keep_the_order_of_channels(self):
        layers = [
            layer("InputLayer", "in", [], batch_input_shape=[None, 4, 4, 2]),
            layer("AveragePooling2D", "pool", ["in"], pool_size=[2, 2], strides=[2, 2], padding="valid"),
            layer("Flatten", "flat", ["pool"]),
        ]
        path = tinynet.write_model(self.folder, tinynet.layers_topology(layers, "flat"), {})
        image = random(40, 1, 4, 4, 2)
        result = tinynet.evaluate(layers_model.convert(tfjs.load(path), "t"), image.transpose(0, 3, 1, 2))["output"]
        expected = image.reshape(1, 2, 2, 2, 2, 2).mean(axis=(2, 4)).reshape(1, -1)
        np.testing.assert_allclose(result, expected, atol=1e-6)

    def test_same_bytes_every_time(self):
        path = tinynet.write_model(self.folder, self.topology(), self.weights)
        first, second = (
            layers_model.convert(tfjs.load(path), "tiny").SerializeToString(deterministic=True) for _ in range(2)
        )
        self.assertEqual(first, second)

    def test_unknown_layer_is_named(self):
        path = tinynet.write_model(self.folder, self.topology([layer("LSTM", "memory", ["dense"])]), self.weights)
        with self.assertRaisesRegex(ModelError, r"LSTM \(memory\)"):
            layers_model.convert(tfjs.load(path), "tiny")

    def test_missing_weight_is_named(self):
        del self.weights["conv/kernel"]
        path = tinynet.write_model(self.folder, self.topology(), self.weights)
        with self.assertRaisesRegex(ModelError, "conv/kernel"):
            layers_model.convert(tfjs.load(path), "tiny")


class GraphModel(InFolder):
    def setUp(self):
        super().setUp()
        self.kernel, self.bias, self.slope = random(50, 3, 3, 3, 4), random(51, 4), random(52, 1, 1, 4)
        self.depthwise = random(53, 3, 3, 4, 1)
        self.weights = {
            "k": self.kernel,
            "b": self.bias,
            "s": self.slope,
            "d": self.depthwise,
            "p": np.array([[0, 0], [0, 0], [0, 0], [0, 2]], np.int32),
            "shape": np.array([1, 96], np.int32),
            "axis": np.array(3, np.int32),
        }
        steps = integers(1, 2, 2, 1)
        nodes = [{"name": name, "op": "Const"} for name in self.weights]
        nodes += [
            # Written in the wrong order on purpose: the converter must sort.
            {"name": "add", "op": "AddV2", "input": ["prelu", "conv"]},
            {
                "name": "x",
                "op": "Placeholder",
                "attr": {"shape": {"shape": {"dim": [{"size": s} for s in ("-1", "8", "8", "3")]}}},
            },
            {"name": "alias", "op": "Identity", "input": ["k"]},
            {
                "name": "conv",
                "op": "_FusedConv2D",
                "input": ["x", "alias", "b"],
                "attr": {
                    "strides": steps,
                    "padding": text("SAME"),
                    "fused_ops": {"list": {"s": [text("BiasAdd")["s"], text("Relu")["s"]]}},
                },
            },
            {
                "name": "dw",
                "op": "DepthwiseConv2dNative",
                "input": ["conv", "d"],
                "attr": {"strides": integers(1, 1, 1, 1), "padding": text("SAME")},
            },
            {"name": "prelu", "op": "Prelu", "input": ["dw", "s"]},
            {"name": "wide", "op": "Pad", "input": ["add", "p"]},
            {
                "name": "pool",
                "op": "MaxPool",
                "input": ["add"],
                "attr": {"ksize": steps, "strides": steps, "padding": text("VALID")},
            },
            {"name": "flat", "op": "Reshape", "input": ["wide", "shape"]},
            {"name": "sure", "op": "Sigmoid", "input": ["pool"]},
            {"name": "both", "op": "ConcatV2", "input": ["pool", "sure", "axis"]},
        ]
        self.topology = {"node": nodes}
        self.signature = {
            "outputs": {"mesh": {"name": "flat:0"}, "flag": {"name": "sure:0"}, "rest": {"name": "both:0"}}
        }

    def load(self, signature=True):
        path = tinynet.write_model(self.folder, self.topology, self.weights, self.signature if signature else None)
        return tfjs.load(path)

    def expected(self, image):
        conv = np.maximum(conv_nhwc(image, self.kernel, [2, 2], same=True) + self.bias, 0)
        value = conv_nhwc(conv, self.depthwise, [1, 1], same=True, depthwise=True)
        added = np.where(value < 0, value * self.slope, value) + conv
        pool = added.reshape(1, 2, 2, 2, 2, 4).max(axis=(2, 4))
        sure = 1 / (1 + np.exp(-pool))
        wide = np.pad(added, ((0, 0), (0, 0), (0, 0), (0, 2)))
        return {"mesh": wide.reshape(1, 96), "flag": sure, "rest": np.concatenate([pool, sure], 3)}

    def test_computes_what_the_graph_says(self):
        image = random(60, 1, 8, 8, 3)
        outputs = tinynet.evaluate(graph_model.convert(self.load(), "tiny"), image)
        expected = self.expected(image)
        self.assertEqual(set(outputs), set(expected))
        for name, value in expected.items():
            np.testing.assert_allclose(outputs[name], value, atol=1e-5, err_msg=name)

    def test_chosen_outputs_drop_what_only_the_others_need(self):
        image = random(61, 1, 8, 8, 3)
        model = graph_model.convert(self.load(), "tiny", outputs=["flag"])
        self.assertEqual([output.name for output in model.graph.output], ["flag"])
        self.assertFalse({"Concat", "Reshape", "Pad"} & {node.op_type for node in model.graph.node})
        np.testing.assert_allclose(tinynet.evaluate(model, image)["flag"], self.expected(image)["flag"], atol=1e-5)

    def test_unknown_output_is_refused(self):
        with self.assertRaisesRegex(ModelError, "no output nose; it has mesh, flag, rest"):
            graph_model.convert(self.load(), "tiny", outputs=["nose"])

    def test_without_a_signature_the_ends_are_the_outputs(self):
        model = graph_model.convert(self.load(signature=False), "tiny")
        self.assertEqual({output.name for output in model.graph.output}, {"flat", "both"})

    def test_transposes_between_convolutions_cancel(self):
        model = graph_model.convert(self.load(), "tiny", outputs=["flag"])
        producers = {node.output[0]: node for node in model.graph.node}
        for node in model.graph.node:
            if node.op_type == "Transpose" and node.input[0] in producers:
                self.assertNotEqual(producers[node.input[0]].op_type, "Transpose", node.name)

    def test_shapes_are_known(self):
        model = graph_model.convert(self.load(), "tiny")
        shape = lambda value: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        self.assertEqual(shape(model.graph.input[0]), [1, 8, 8, 3])
        self.assertEqual({o.name: shape(o) for o in model.graph.output}["mesh"], [1, 96])

    def test_unknown_operation_is_named(self):
        self.topology["node"].append({"name": "odd", "op": "Switch", "input": ["add"]})
        self.signature["outputs"]["odd"] = {"name": "odd"}
        with self.assertRaisesRegex(ModelError, r"Switch \(odd\)"):
            graph_model.convert(self.load(), "tiny")


class Reading(InFolder):
    def test_float16_weights_are_widened(self):
        path = tinynet.write_model(self.folder, {"node": []}, {})
        description = json.loads(path.read_text())
        values = np.array([0.5, -2.25, 1e-4], np.float16)
        description["weightsManifest"][0]["weights"] = [
            {"name": "h", "shape": [3], "dtype": "float32", "quantization": {"dtype": "float16"}}
        ]
        (self.folder / "w.bin").write_bytes(values.tobytes())
        path.write_text(json.dumps(description))
        weight = tfjs.load(path).weights["h"]
        self.assertEqual(weight.dtype, np.float32)
        np.testing.assert_array_equal(weight, values.astype(np.float32))

    def test_short_and_long_shards_are_refused(self):
        path = tinynet.write_model(self.folder, {"node": []}, {"a": random(1, 4)})
        whole = (self.folder / "w.bin").read_bytes()
        for blob, words in ((whole[:-1], "beyond"), (whole + b"x", "hold 17")):
            (self.folder / "w.bin").write_bytes(blob)
            with self.subTest(words), self.assertRaisesRegex(ModelError, words):
                tfjs.load(path)

    def test_nsfwjs_modules(self):
        values = random(2, 4)
        module = 'e.exports={modelTopology:{node:[]},weightsManifest:[{paths:["g1"],weights:[%s]}]};'
        (self.folder / "model.min.js").write_text(module % '{name:"a",shape:[4],dtype:"float32"}')
        shard = base64.b64encode(values.tobytes()).decode()
        (self.folder / "g1.min.js").write_text(f'a.exports="{shard}"')
        np.testing.assert_array_equal(tfjs.load(self.folder / "model.min.js").weights["a"], values)
