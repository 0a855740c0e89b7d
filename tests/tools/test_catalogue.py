"""The catalogue agrees with the models that it describes, and with the table of packages."""

import configparser
import hashlib
import os
import unittest
from pathlib import Path

import onnx

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(
    os.environ.get("RUNBATCH_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "runbatch"
)
ROLES = {"detector", "detector_rotated", "landmarker68", "mesh", "iris", "embedder", "content_gate"}


def tensors(text):
    """"a 1x2, b 3" -> [("a", [1, 2]), ("b", [3])]"""
    pairs = (part.split() for part in text.split(","))
    return [(name, [int(size) for size in shape.split("x")]) for name, shape in pairs]


def described(values):
    return [(v.name, [dim.dim_value for dim in v.type.tensor_type.shape.dim]) for v in values]


class Catalogue(unittest.TestCase):
    def setUp(self):
        self.catalogue = configparser.ConfigParser(interpolation=None)
        self.catalogue.read(ROOT / "models/catalogue.ini", encoding="utf-8")
        self.pins = {}
        for line in (ROOT / "scripts/pins.tsv").read_text(encoding="utf-8").splitlines():
            if not line.startswith("#"):
                name, version, *_ = line.split("\t")
                self.pins[name] = version

    def test_every_role_has_one_default(self):
        roles = [entry["role"] for name, entry in self.catalogue.items() if name != "DEFAULT"]
        self.assertEqual(sorted(roles), sorted(ROLES))

    def test_packages_are_pinned_in_the_same_version(self):
        for section in self.catalogue.sections():
            name, version = self.catalogue[section]["package"].split()
            with self.subTest(section):
                self.assertEqual(self.pins[name], version)

    def test_entries_are_complete(self):
        for section in self.catalogue.sections():
            entry = self.catalogue[section]
            with self.subTest(section):
                self.assertIn(entry["layout"], ("nchw", "nhwc"))
                self.assertIn(entry["colour"], ("rgb", "gray"))
                self.assertGreater(entry.getfloat("scale"), 0)
                self.assertGreaterEqual(entry.getfloat("mean"), 0)
                self.assertTrue(entry["licence"] and entry["resize"] and entry["member"])

    def test_models_are_what_the_catalogue_says(self):
        for section in self.catalogue.sections():
            entry = self.catalogue[section]
            path = CACHE / "models" / entry["file"]
            if not path.exists():
                self.skipTest(f"{path} is not there: run scripts/setup.sh")
            with self.subTest(section):
                data = path.read_bytes()
                self.assertEqual(len(data), entry.getint("size"))
                self.assertEqual(hashlib.sha256(data).hexdigest(), entry["sha256"])
                model = onnx.load_model_from_string(data)
                self.assertEqual(described(model.graph.input), tensors(entry["inputs"]))
                self.assertEqual(described(model.graph.output), tensors(entry["outputs"]))
