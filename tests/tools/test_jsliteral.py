import unittest

from modeltools import ModelError, jsliteral


class JsLiteral(unittest.TestCase):
    def test_minified_object(self):
        text = 'e.exports={a:!0,b:!1,c:null,"d e":[1,-.5,2.5e-7,[]],f:{},g:"x\\"y\\u00e9"};'
        self.assertEqual(
            jsliteral.read_export(text),
            {"a": True, "b": False, "c": None, "d e": [1, -0.5, 2.5e-7, []], "f": {}, "g": 'x"y\u00e9'},
        )

    def test_number_kinds(self):
        value, _ = jsliteral.parse("[3,3.,.009,1e3,-7]")
        self.assertEqual(value, [3, 3.0, 0.009, 1000.0, -7])
        self.assertIsInstance(value[0], int)
        self.assertIsInstance(value[3], float)

    def test_exported_string(self):
        self.assertEqual(jsliteral.read_export('function(e){a.exports="QUJD"},{}'), "QUJD")

    def test_the_wrapper_before_is_skipped(self):
        self.assertEqual(jsliteral.read_export("var r=n[_]={exports:{}};r.exports=e();h.exports={k:1}"), {"k": 1})

    def test_code_is_refused(self):
        for text in ("e.exports={a:f()}", "e.exports={a:1", 'e.exports="abc', "e.exports={a 1}", "nothing"):
            with self.subTest(text), self.assertRaises(ModelError):
                jsliteral.read_export(text)
