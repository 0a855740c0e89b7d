"""`runbatch models`: what is there, what is wrong, adding one's own."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

SUPPORT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support")
sys.path.insert(0, SUPPORT)
from harness import CACHE, BatchCase


class Models(BatchCase):
    def setUp(self):
        super().setUp()
        subprocess.run([os.path.join(SUPPORT, "swapper_models.py"), self.path("made")], check=True)
        self.home = self.path("data")

    def models(self, *arguments):
        return self.run_batch("models", *arguments, XDG_DATA_HOME=self.home)

    def states(self, *arguments):
        result = self.models("--json", *arguments)
        return result.code, {model["model"]: model for model in json.loads(result.out)["models"]}

    def test_what_is_there_is_listed_and_looked_into(self):
        code, listed = self.states()
        self.assertEqual((code, listed["facemesh"]["state"], listed["inswapper_128"]["state"]), (0, "there", "missing"))
        code, verified = self.states("verify")
        self.assertEqual((code, verified["facemesh"]["state"]), (0, "right"))
        self.assertEqual(verified["facemesh"]["sha256"], verified["facemesh"]["wanted_sha256"])
        page = self.models()
        self.assert_code(page, 0)
        self.assertIn("facemesh", page.out)
        self.assertIn("swapper 12", " ".join(page.out.split()))

    def test_a_changed_byte_is_found(self):
        folder = self.path("models")
        shutil.copytree(os.path.join(CACHE, "models"), folder)
        with open(os.path.join(folder, "fr_feature.onnx"), "r+b") as file:
            file.seek(100000)
            byte = file.read(1)
            file.seek(100000)
            file.write(bytes([byte[0] ^ 1]))
        os.remove(os.path.join(folder, "iris.onnx"))
        code, verified = self.states("verify", "--models-dir", folder)
        self.assertEqual(code, 1)
        self.assertEqual([verified[name]["state"] for name in ("fr_feature", "iris", "facemesh")],
                         ["wrong", "missing", "right"])
        self.assertIn("setup.sh", verified["fr_feature"]["error"]["todo"])

    def test_ones_own_is_added_whole_or_not_at_all(self):
        own = self.path("made", "same", "inswapper_128.onnx")
        self.assert_code(self.models("add", own), 0)
        added = os.path.join(self.home, "runbatch", "models", "inswapper_128.onnx")
        with open(own, "rb") as before, open(added, "rb") as after:
            self.assertEqual(before.read(), after.read())
        result = self.models("info", "inswapper_128", "--json")
        told = json.loads(result.out)
        self.assertEqual((told["state"], told["path"], told["role"]), ("right", added, "swapper"))

        bad = self.path("bad")
        os.mkdir(bad)
        wrong = os.path.join(bad, "inswapper_128.onnx")
        cases = {
            "another model": lambda: shutil.copy(self.path("made", "same", "simswap_256.onnx"), wrong),
            "cut off": lambda: shutil.copy(own, wrong) and os.truncate(wrong, os.path.getsize(own) // 2),
            "no model": lambda: pathlib.Path(wrong).write_text("face", encoding="utf-8"),
            "zeros": lambda: pathlib.Path(wrong).write_bytes(bytes(10 << 20)),
        }
        os.remove(added)
        for what, make in cases.items():
            with self.subTest(what):
                make()
                result = self.models("add", wrong)
                self.assert_code(result, 3)
                self.assertIn("inswapper_128.onnx", str(result))
                self.assertEqual(os.listdir(os.path.dirname(added)), [])
        unknown = os.path.join(bad, "holiday.onnx")
        shutil.copy(own, unknown)
        self.assert_code(self.models("add", unknown), 3)

    def test_bad_words_are_told(self):
        for words in (("paint",), ("add",), ("info",), ("info", "nobody"), ("list", "x")):
            with self.subTest(words):
                self.assert_code(self.models(*words), 2)


if __name__ == "__main__":
    unittest.main()
