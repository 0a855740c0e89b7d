"""A wrong model of every kind is refused before anything runs: of another shape, of another type, cut off, no model at all,
two gigabytes of zeros. In little memory, by name, with what is wrong."""
import os
import resource
import shutil
import subprocess
import sys
import unittest

import onnx
from onnx import TensorProto

SUPPORT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support")
sys.path.insert(0, SUPPORT)
import make_models
from harness import CACHE, BatchCase, ffmpeg, media

SIDES = {"inswapper_128": 128, "inswapper_128_fp16": 128, "hyperswap_1a_256": 256, "simswap_256": 256, "ghost_1_256": 256,
         "simswap_unofficial_512": 512, "uniface_256": 256, "blendswap_256": 256}


def words_for(name):
    """The command line that needs this model."""
    if name in make_models.ENHANCERS:
        return "--frame-processor", "face_enhancer", "--face-enhancer-model", name
    if name in make_models.UPSCALERS:
        return "--frame-processor", "frame_enhancer", "--frame-enhancer-model", name
    if name.startswith("bisenet"):
        return "--face-mask", "region", "--face-parser-model", name
    if name.startswith("xseg"):
        return "--face-mask", "occlusion", "--face-occluder-model", name
    if name in SIDES:
        return "--face-swapper-model", name
    return {"w600k_r50": ("--face-swapper-model", "inswapper_128"),
            "crossface_simswap": ("--face-swapper-model", "simswap_256"),
            "open_nsfw": ("--content-gate-model", "open_nsfw")}.get(name, ("--face-detector-model", name))


class WrongModels(BatchCase):
    def setUp(self):
        super().setUp()
        self.put_source()
        ffmpeg("-ss", 3, "-t", 0.2, "-i", media("franck.mp4"), "-an", self.input("clip1.mp4"))
        self.good = self.path("good")
        os.mkdir(self.good)
        for name in os.listdir(os.path.join(CACHE, "models")):
            os.symlink(os.path.join(CACHE, "models", name), os.path.join(self.good, name))
        subprocess.run([os.path.join(SUPPORT, "gate_model.py"), os.path.join(self.good, "open_nsfw.onnx")], check=True)
        for maker in ("make_models.py", "swapper_models.py"):
            subprocess.run([os.path.join(SUPPORT, maker), self.path(maker)], check=True)
            folder = self.path(maker, "right" if maker == "make_models.py" else "same")
            for name in os.listdir(folder):
                shutil.copy(os.path.join(folder, name), self.good)

    def wrong_ones(self, name, path):
        """What is wrong, and the words that tell it; `path` is that by then."""
        right = onnx.load(path)
        tensor = right.graph.input[0].type.tensor_type
        kind = tensor.elem_type
        shape = make_models.first_shape(right)
        other = make_models.other_shape(name, shape) if len(shape) == 4 else [1, 100]
        with open(path, "rb") as file:
            data = file.read()
        onnx.save(make_models.with_input(right, other, kind), path)
        yield "shape", "shape"
        onnx.save(make_models.with_input(right, shape, TensorProto.INT64), path)
        yield "type", "int64"
        with open(path, "wb") as file:
            file.write(data[:len(data) * 2 // 3])
        yield "cut off", "cut off"
        with open(path, "w") as file:
            file.write("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
        yield "no model", "not an ONNX model"
        with open(path, "wb") as file:
            file.truncate(2 << 30)
        yield "zeros", "not an ONNX model"
        os.unlink(path)
        with open(path, "wb") as file:
            file.write(data)

    def test_wrong_models_of_every_kind_are_refused(self):
        names = sorted({**make_models.made(), **SIDES, "w600k_r50": 0, "crossface_simswap": 0, "open_nsfw": 0})
        self.assertGreaterEqual(len(names), 25)
        for name in names:
            path = os.path.join(self.good, name + ".onnx")
            self.assertTrue(os.path.exists(path), f"{name}: not among those that are made: {sorted(os.listdir(self.good))}")
            for what, told in self.wrong_ones(name, path):
                with self.subTest(f"{name}: {what}"):
                    result = self.run_batch("--models-dir", self.good, *words_for(name))
                    self.assert_code(result, 3)
                    self.assertIn(name + ".onnx", result.err)
                    self.assertIn(told, result.err)
                    self.assertFalse(os.path.exists(self.path("outputVideos", ".runbatch")), "nothing ran")
            plan = self.run_batch("plan", "--models-dir", self.good, *words_for(name))
            self.assert_code(plan, 0)
            shutil.rmtree(self.path("outputVideos"), ignore_errors=True)
        self.assertLess(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, 400 * 1024)


if __name__ == "__main__":
    unittest.main()
