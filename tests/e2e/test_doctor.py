"""runbatch doctor: what it finds, what it calls an error, that it changes nothing."""
import json
import os
import re
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from harness import CACHE, BatchCase, ffmpeg, media

MODELS = os.path.join(CACHE, "models")


class Doctor(BatchCase):
    def setUp(self):
        super().setUp()
        self.put_source()
        ffmpeg("-t", 1, "-i", media("franck.mp4"), "-c", "copy", self.input("clip1.mp4"))

    def examine(self, *arguments, code=0):
        result = self.run_batch("doctor", "--json", *arguments)
        self.assert_code(result, code)
        self.report = json.loads(result.out)
        return {(check["group"], check["name"]): check for check in self.report["checks"]}

    def levels(self, group):
        return {check["level"] for check in self.report["checks"] if check["group"] == group}

    def errors(self):
        return [check for check in self.report["checks"] if check["level"] == "error"]

    def copied_models(self):
        folder = tempfile.mkdtemp(prefix="runbatch-test-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        for name in os.listdir(MODELS):
            if name.endswith(".onnx"):
                shutil.copy(os.path.join(MODELS, name), folder)
        return folder

    def test_where_all_is_well(self):
        before = sorted(os.listdir(self.path("outputVideos")))
        checks = self.examine()
        self.assertEqual(self.report["counts"]["error"], 0)
        self.assertEqual(set(self.report), {"time", "version", "level", "counts", "checks"})
        for group in ("memory", "limits", "models", "codecs", "sandbox", "folders", "leftovers", "system"):
            self.assertTrue(self.levels(group), group)
        self.assertEqual(self.levels("models"), {"ok"})
        self.assertIn(checks["limits", "memory_enforcement"]["figures"]["means"], ("group", "watch"))
        self.assertEqual(sorted(os.listdir(self.path("outputVideos"))), before, "it left something")
        with open(os.path.join(os.path.dirname(__file__), "..", "..", "docs", "json.md"), encoding="utf-8") as text:
            documented = set(re.findall(r"^\| `(\w+)` \|", text.read().split("\n## doctor")[1].split("\n## ")[0], re.M))
        self.assertEqual(documented, set(self.report) | set(self.report["checks"][0]))

    def test_as_text(self):
        for columns in (80, 120):
            result = self.run_batch("doctor", COLUMNS=str(columns))
            self.assert_code(result, 0)
            self.assertIn("memory limits of workers: ", result.out)
            self.assertRegex(result.out.splitlines()[-1], "a batch would run|All is well")

    def test_missing_and_damaged_models(self):
        folder = self.copied_models()
        victim = next(name for name in os.listdir(folder) if "facemesh" in name)
        with open(os.path.join(folder, victim), "r+b") as model:
            model.truncate(1000)
        self.examine("--models-dir", folder, code=1)
        damaged = self.errors()
        self.assertEqual(len(damaged), 1, damaged)
        self.assertIn(victim, damaged[0]["text"])
        os.unlink(os.path.join(folder, victim))
        self.examine("--models-dir", folder, code=1)
        missing = self.errors()
        self.assertTrue(missing and all(check["advice"] for check in missing), missing)

    def test_an_output_that_is_no_folder(self):
        os.rmdir(self.path("outputVideos"))
        with open(self.path("outputVideos"), "w"):
            pass
        self.examine(code=1)
        self.assertIn("error", self.levels("folders"))

    def test_a_source_that_is_no_picture(self):
        for name in os.listdir(self.path("source")):
            os.unlink(os.path.join(self.path("source"), name))
        with open(os.path.join(self.path("source"), "face.png"), "wb") as picture:
            picture.write(b"\x89PNG\r\n" + bytes(200))
        self.examine(code=1)
        self.assertIn("error", self.levels("folders"))


if __name__ == "__main__":
    unittest.main()
