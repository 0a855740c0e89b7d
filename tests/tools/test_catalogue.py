"""The catalogue agrees with the models that it describes, and with the table of packages."""

import configparser
import hashlib
import os
import unittest
from pathlib import Path

import onnx

from catalogue_table import ports, three

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(
    os.environ.get("RUNBATCH_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "runbatch"
)
DEFAULT_ROLES = {"detector", "detector_rotated", "landmarker", "mesh", "iris", "embedder", "content_gate"}


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

    def defaults(self):
        return {name: self.catalogue[name] for name in self.catalogue.sections() if "package" in self.catalogue[name]}

    def test_every_role_has_one_default(self):
        roles = [entry["role"] for entry in self.defaults().values()]
        self.assertEqual(sorted(roles), sorted(DEFAULT_ROLES))

    def test_packages_are_pinned_in_the_same_version(self):
        for section, entry in self.defaults().items():
            name, version = entry["package"].split()
            with self.subTest(section):
                self.assertEqual(self.pins[name], version)

    def test_entries_are_complete(self):
        for section in self.catalogue.sections():
            entry = self.catalogue[section]
            with self.subTest(section):
                self.assertTrue(entry["kind"] and entry["licence"] and ports(entry["inputs"]) and ports(entry["outputs"]))
                if entry["role"] != "converter":
                    self.assertIn(entry["layout"], ("nchw", "nhwc"))
                    self.assertIn(entry["colour"], ("rgb", "bgr", "gray"))
                    self.assertTrue(all(scale > 0 for scale in three(entry["scale"])))
                    self.assertTrue(all(mean >= 0 for mean in three(entry["mean"])))
                self.assertEqual("package" in entry, "sha256" in entry)
                self.assertTrue(("package" in entry and entry["member"]) or entry["origin"].startswith("https://"))

    def test_a_swapper_says_what_it_takes_and_gives(self):
        for section in self.catalogue.sections():
            entry = self.catalogue[section]
            if entry["role"] in ("swapper", "face_enhancer"):
                with self.subTest(section):
                    (name, picture), *_ = ports(entry["inputs"])
                    self.assertIn(name, ("target", "input"))
                    self.assertEqual(picture[2], picture[3])
                    self.assertIn("align", entry)
                    self.assertEqual(ports(entry["outputs"])[0][1], picture)
                    # what comes in as 0 and 255 comes out as 0 and 255, unless another normalisation is meant
                    self.assertEqual(len(three(entry["out_scale"])), 3)

    def test_files_of_two_models_have_different_names(self):
        names = {}
        for section in self.catalogue.sections():
            entry = self.catalogue[section]
            for file in entry["file" if "file" in entry else "files"].split():
                self.assertNotIn(file.lower(), names, section)
                names[file.lower()] = section

    def test_models_are_what_the_catalogue_says(self):
        for section, entry in self.defaults().items():
            path = CACHE / "models" / entry["file"]
            if not path.exists():
                self.skipTest(f"{path} is not there: run scripts/setup.sh")
            with self.subTest(section):
                data = path.read_bytes()
                self.assertEqual(len(data), entry.getint("size"))
                self.assertEqual(hashlib.sha256(data).hexdigest(), entry["sha256"])
                model = onnx.load_model_from_string(data)
                self.assertEqual(described(model.graph.input), ports(entry["inputs"]))
                self.assertEqual(described(model.graph.output), ports(entry["outputs"]))
