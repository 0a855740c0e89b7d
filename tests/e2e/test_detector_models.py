"""Faces found by users' detectors, through the program: generated models with known answers stand for the real ones."""
import os
import shutil
import subprocess
import sys
import unittest

SUPPORT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support")
sys.path.insert(0, SUPPORT)
from harness import CACHE, BatchCase, ffmpeg, frame_hashes, media

FRAMES = 12


class DetectorModels(BatchCase):
    def setUp(self):
        super().setUp()
        self.put_source()
        subprocess.run([os.path.join(SUPPORT, "make_models.py"), self.path("made")], check=True)
        # the face is where these models say that there is one
        ffmpeg("-ss", 3, "-t", FRAMES / 24, "-i", media("franck.mp4"), "-vf", "scale=476:380,pad=640:640:15:95", "-c:v",
               "libx264", "-qp", 0, self.input("clip1.mp4"))

    def models(self, what, *names):
        """A folder with the default models and these generated ones."""
        folder = self.path("models_" + what)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        for name in os.listdir(os.path.join(CACHE, "models")):
            os.symlink(os.path.join(CACHE, "models", name), os.path.join(folder, name))
        for name in names:
            shutil.copy(self.path("made", what, name + ".onnx"), folder)
        return folder

    def swap(self, folder, model, *more):
        return self.run_batch("--models-dir", folder, "--face-detector-model", model, "--json", *more)

    def test_the_face_that_a_detector_finds_is_changed(self):
        before = frame_hashes(self.input("clip1.mp4"))
        for model in ("det_10g", "yoloface_8n"):
            with self.subTest(model):
                result = self.swap(self.models("right", model), model)
                self.assert_code(result, 0)
                self.assertEqual(result.events_of("video_done")[0]["frames_with_face"], FRAMES)
                after = frame_hashes(self.output("joconde_1.mp4"))
                self.assertEqual(len(after), FRAMES)
                self.assertFalse(set(before) & set(after))
        # another detector, or score, is another recipe
        again = self.swap(self.models("right", "yoloface_8n"), "yoloface_8n")
        self.assertEqual(len(again.events_of("video_started")), 0)
        stricter = self.swap(self.models("right", "yoloface_8n"), "yoloface_8n", "--face-detector-score", 0.95)
        self.assertEqual(len(stricter.events_of("video_started")), 1)

    def test_what_cannot_be_is_said_before_anything_is_done(self):
        for model, code, words in (("inswapper_128", 2, ("inswapper_128", "fr_detect", "retinaface_r50")),
                                   ("scrfd_500m", 3, ("scrfd_500m.onnx",))):
            with self.subTest(model):
                result = self.swap(self.models("right"), model)
                self.assert_code(result, code)
                for word in words:
                    self.assertIn(word, result.err)
                self.assertEqual(result.events_of("video_started"), [])

    def test_a_wrong_one_fails_the_batch_and_says_why(self):
        result = self.swap(self.models("shape", "yunet"), "yunet")
        self.assert_code(result, 3)
        self.assertIn("yunet.onnx", result.err)
        self.assertIn("has the shape", result.err)
        self.assertEqual(self.finished_outputs(), [])


if __name__ == "__main__":
    unittest.main()
