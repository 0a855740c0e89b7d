"""Faces swapped by users' models, through the program: generated models with known answers stand for the real ones."""
import os
import shutil
import subprocess
import sys
import unittest

SUPPORT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support")
sys.path.insert(0, SUPPORT)
from harness import CACHE, BatchCase, ffmpeg, frame_hashes, media

FACE = "crop=40:40:180:140"  # within the face of franck.mp4


def colours(path, filters):
    """The mean red, green and blue of each frame."""
    done = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-vf", f"{filters},scale=out_range=pc", "-f",
                           "rawvideo", "-pix_fmt", "rgb24", "-"], check=True, capture_output=True)
    size = 40 * 40 * 3
    frames = [done.stdout[i:i + size] for i in range(0, len(done.stdout), size)]
    return [[sum(frame[c::3]) / (40 * 40) for c in range(3)] for frame in frames]


class SwapperModels(BatchCase):
    def setUp(self):
        super().setUp()
        self.put_source()
        subprocess.run([os.path.join(SUPPORT, "swapper_models.py"), self.path("made")], check=True)
        # darker, so that there is room for more red
        ffmpeg("-ss", 3, "-t", 0.5, "-i", media("franck.mp4"), "-vf", "lutyuv=y=val*0.7", "-c:v", "libx264", "-qp", 0,
               "-pix_fmt", "yuv444p", self.input("clip1.mp4"))

    def models(self, what, without=()):
        """A folder with the default models and the generated ones that do this."""
        folder = self.path(what)
        os.makedirs(folder, exist_ok=True)
        for name in os.listdir(os.path.join(CACHE, "models")):
            if not os.path.exists(os.path.join(folder, name)):
                os.symlink(os.path.join(CACHE, "models", name), os.path.join(folder, name))
        for name in os.listdir(self.path("made", what)):
            if name not in without:
                shutil.copy(self.path("made", what, name), folder)
        return folder

    def swap(self, what, model, *more, without=()):
        return self.run_batch("--models-dir", self.models(what, without), "--face-swapper-model", model,
                              "--output-video-quality", 0, *more)

    def test_what_gives_back_its_target_changes_no_bit(self):
        for model, more in (("inswapper_128", ("--pixel-boost", 256)), ("uniface_256", ())):
            with self.subTest(model):
                result = self.swap("same", model, *more)
                self.assert_code(result, 0)
                self.assertEqual(frame_hashes(self.input("clip1.mp4")), frame_hashes(self.output("joconde_1.mp4")))

    def test_a_colour_comes_through_and_another_model_makes_the_video_anew(self):
        for model in ("inswapper_128_fp16", "simswap_256"):
            with self.subTest(model):
                self.assert_code(self.swap("add", model), 0)
                was = colours(self.input("clip1.mp4"), FACE)
                now = colours(self.output("joconde_1.mp4"), FACE)
                self.assertEqual(len(was), 12)
                for before, after in zip(was, now):
                    for c, added in enumerate((20, -12, 7)):
                        self.assertAlmostEqual(after[c] - before[c], added, delta=1.6)  # half a code of luma and of chroma

    def test_what_is_missing_is_said_before_anything_is_done(self):
        for model, without, code, words in (
                ("inswapper_127", (), 2, ("inswapper_127", "hyperswap_1a_256")),
                ("ghost_3_256", (), 3, ("ghost_3_256.onnx",)),
                ("hyperswap_1a_256", ("w600k_r50.onnx",), 3, ("w600k_r50.onnx",)),
                ("simswap_256", ("crossface_simswap.onnx",), 3, ("crossface_simswap.onnx",))):
            with self.subTest(model):
                result = self.swap("same", model, "--json", without=without)
                self.assert_code(result, code)
                for word in words:
                    self.assertIn(word, result.err)
                self.assertEqual(result.events_of("video_started"), [])
                self.assertEqual(self.finished_outputs(), [])
                shutil.rmtree(self.path("same"))

    def test_plans_know_what_a_model_takes(self):
        folder = self.models("same")
        large = os.path.join(folder, "hyperswap_1a_256.onnx")
        plain = self.memory(folder, "mesh")
        # a plan goes by the file's size: a comment makes it that large (field 6, of so many bytes)
        comment = 400_000_000 - os.path.getsize(large) - 6
        with open(large, "ab") as file:
            file.write(bytes([6 << 3 | 2] + [comment >> 7 * i & 127 | (128 if i < 4 else 0) for i in range(5)]))
        os.truncate(large, 400_000_000)
        self.assertGreater(self.memory(folder, "hyperswap_1a_256"), plain + 780_000_000)
        self.assertLess(self.memory(folder, "hyperswap_1a_256"), plain + 950_000_000)

    def memory(self, folder, model):
        result = self.run_batch("plan", "--json", "--models-dir", folder, "--face-swapper-model", model)
        self.assert_code(result, 0)
        return result.events[0]["videos"][0]["memory"]["total_bytes"]


if __name__ == "__main__":
    unittest.main()
