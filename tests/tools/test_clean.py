import unittest

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from modeltools.clean import clean


def old_style_model():
    """IR version 3: initialisers are graph inputs too; one weight is tiny, one initialiser unused."""
    weights = np.array([[1.0, 1e-13, 0.0], [-3e-39, -1e-11, 2.0]], np.float32)
    initializers = [
        numpy_helper.from_array(weights, "w"),
        numpy_helper.from_array(np.ones(3, np.float32), "unused"),
        numpy_helper.from_array(np.array([1e-20]), "double"),
    ]
    constant = numpy_helper.from_array(np.array([5e-30, 0.5, 1.0], np.float32), "value")
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"]),
        helper.make_node("Constant", [], ["c"], value=constant),
        helper.make_node("Cast", ["double"], ["d"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["m", "c"], ["n"]),
        helper.make_node("Add", ["n", "d"], ["y"]),
    ]
    info = helper.make_tensor_value_info
    inputs = [info("x", TensorProto.FLOAT, [1, 2]), info("w", TensorProto.FLOAT, [2, 3])]
    graph = helper.make_graph(nodes, "g", inputs, [info("y", TensorProto.FLOAT, [1, 3])], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)])
    model.ir_version = 3
    return model


class Clean(unittest.TestCase):
    def setUp(self):
        self.model = old_style_model()
        self.report = clean(self.model)
        self.initializers = {t.name: numpy_helper.to_array(t) for t in self.model.graph.initializer}

    def test_tiny_weights_become_zero_and_no_others(self):
        expected = np.array([[1.0, 0.0, 0.0], [0.0, -1e-11, 2.0]], np.float32)
        np.testing.assert_array_equal(self.initializers["w"], expected)
        constant = numpy_helper.to_array(self.model.graph.node[1].attribute[0].t)
        np.testing.assert_array_equal(constant, np.array([0.0, 0.5, 1.0], np.float32))
        self.assertEqual(self.report.zeroed, 3)

    def test_other_types_are_left_alone(self):
        self.assertEqual(self.initializers["double"][0], 1e-20)

    def test_initialisers_are_no_inputs(self):
        self.assertEqual([value.name for value in self.model.graph.input], ["x"])
        self.assertEqual(self.report.inputs_dropped, 1)
        self.assertEqual(self.model.ir_version, 4)

    def test_unused_initialisers_are_dropped(self):
        self.assertNotIn("unused", self.initializers)
        self.assertEqual(self.report.unused_dropped, 1)

    def test_a_second_time_changes_nothing(self):
        before = self.model.SerializeToString(deterministic=True)
        again = clean(self.model)
        self.assertEqual((again.zeroed, again.inputs_dropped, again.unused_dropped), (0, 0, 0))
        self.assertEqual(self.model.SerializeToString(deterministic=True), before)
