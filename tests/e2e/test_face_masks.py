"""--face-mask through the program: what lies outside the mask keeps every bit, what cannot be is said at once."""
import os
import shutil
import subprocess
import sys
import unittest

SUPPORT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support")
sys.path.insert(0, SUPPORT)
from harness import CACHE, BatchCase, ffmpeg, frame_hashes, media

FRAMES = 6
HIDDEN = "crop=50:110:216:90"  # the right half of the face, under a yellow board
SEEN = "crop=40:40:168:120"


class FaceMasks(BatchCase):
    def setUp(self):
        super().setUp()
        self.put_source()
        subprocess.run([os.path.join(SUPPORT, "make_models.py"), self.path("made"), "xseg_1"], check=True)
        # the generated occluder takes what has little blue for something before the face
        ffmpeg("-ss", 3, "-t", FRAMES / 24, "-i", media("franck.mp4"), "-vf",
               "format=gbrp,lutrgb=b=130+val*0.49,drawbox=210:80:60:130:yellow:fill", "-c:v", "libx264", "-qp", 0,
               "-pix_fmt", "yuv444p", self.input("clip1.mp4"))

    def models(self, what):
        folder = self.path("models_" + what)
        os.makedirs(folder)
        for name in os.listdir(os.path.join(CACHE, "models")):
            os.symlink(os.path.join(CACHE, "models", name), os.path.join(folder, name))
        if what in ("right", "shape"):
            shutil.copy(self.path("made", what, "xseg_1.onnx"), folder)
        return folder

    def swap(self, folder, *more):
        return self.run_batch("--models-dir", folder, "--output-video-quality", 0, "--json", *more)

    def same(self, part):
        return [a == b for a, b in zip(frame_hashes(self.input("clip1.mp4"), part),
                                       frame_hashes(self.output("joconde_1.mp4"), part), strict=True)]

    def test_what_is_outside_keeps_every_bit(self):
        folder = self.models("right")
        for masks, hidden in (((), False), (("--face-mask", "occlusion", "hull"), True),
                              (("--face-mask", "box", "--face-mask-padding", "0,45,0,0", "--face-mask-blur", 0), True)):
            with self.subTest(masks):
                result = self.swap(folder, *masks)
                self.assert_code(result, 0)
                self.assertEqual(len(result.events_of("video_started")), 1)  # another mask is another recipe
                self.assertEqual(self.same(HIDDEN), [hidden] * FRAMES)
                self.assertEqual(self.same(SEEN), [False] * FRAMES)

    def test_what_cannot_be_is_said_before_anything_is_done(self):
        for what, masks, code, words in (
                ("none", ("--face-mask", "occlusion"), 3, ("xseg_1.onnx",)),
                ("right", ("--face-mask", "region"), 3, ("bisenet_resnet_34.onnx",)),
                ("none2", ("--face-mask", "region", "--face-parser-model", "xseg_1"), 2, ("bisenet_resnet_18",)),
                ("none3", ("--face-mask", "box", "--face-mask-padding", "60,0,60,0"), 2, ("60,0,60,0",)),
                ("none4", ("--face-mask", "shadow"), 2, ("shadow", "occlusion")),
                ("shape", ("--face-mask", "occlusion"), 3, ("xseg_1.onnx", "has the shape"))):
            with self.subTest(masks):
                result = self.swap(self.models(what), *masks)
                self.assert_code(result, code)
                for word in words:
                    self.assertIn(word, result.err)
                self.assertEqual(self.finished_outputs(), [])


if __name__ == "__main__":
    unittest.main()
