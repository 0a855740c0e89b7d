"""frame_enhancer: whole frames through the user's model, in tiles; generated models with known answers stand for it."""
import os
import shutil
import signal
import subprocess
import sys
import unittest

import numpy

SUPPORT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support")
sys.path.insert(0, SUPPORT)
from harness import CACHE, BatchCase, ffmpeg, frame_hashes, media, probe, wait_until

MORE = numpy.array([20, -12, 7])  # what the generated models add


class FrameEnhancer(BatchCase):
    def setUp(self):
        super().setUp()
        subprocess.run([os.path.join(SUPPORT, "make_models.py"), self.path("made"), "real_esrgan_x2", "real_esrgan_x4"],
                       check=True)

    def models(self, what="right"):
        folder = self.path("models_" + what)
        if os.path.isdir(folder):
            return folder
        os.makedirs(folder)
        for name in os.listdir(os.path.join(CACHE, "models")):
            os.symlink(os.path.join(CACHE, "models", name), os.path.join(folder, name))
        for name in os.listdir(self.path("made", what)):
            shutil.copy(self.path("made", what, name), folder)
        return folder

    def clip(self, name, *words, seconds=0.3, size="90:72"):
        ffmpeg("-ss", 10, "-t", seconds, "-i", media("franck.mp4"), "-an", "-vf", f"scale={size},lutyuv=y=val*0.8", *words,
               self.input(name))

    def enhance(self, *words, folder=None):
        return self.run_batch("--models-dir", folder or self.models(), "--frame-processor", "frame_enhancer",
                              "--output-name", "{stem}", "--output-video-quality", 0, *words)

    @staticmethod
    def shape(path):
        (stream,) = probe(path, "stream=width,height,pix_fmt,color_space,nb_read_packets", stream="v")["streams"]
        return stream

    @staticmethod
    def frames(path, kind, width, height):
        raw = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", kind, "-"],
                             capture_output=True, check=True).stdout
        return numpy.frombuffer(raw, numpy.uint8).reshape(-1, height, width, 3).astype(int)

    def test_every_pixel_is_in_its_place(self):
        """Each pixel as often as the factor, with the model's more and less, with tiles of any size; to the last digit in
        tests/unit/test_frame_enhancer.c."""
        self.clip("clip1.mkv", "-c:v", "libx264rgb", "-qp", "0", size="91:71")
        before = self.frames(self.input("clip1.mkv"), "rgb24", 91, 71)
        for factor, tile in ((2, 48), (4, 64), (2, 256)):
            with self.subTest(factor=factor, tile=tile):
                result = self.enhance("--frame-enhancer-model", f"real_esrgan_x{factor}", "--tile-size", tile,
                                      "--output-video-encoder", "libx264", "--output-name", f"x{factor}_{tile}")
                self.assert_code(result, 0)
                after = self.frames(self.output(f"x{factor}_{tile}.mp4"), "rgb24", 91 * factor, 71 * factor)
                wanted = numpy.clip(before + MORE, 0, 255).repeat(factor, 1).repeat(factor, 2)
                # through limited YUV, as x264 has it: some codes; a tile in a wrong place would be tens
                self.assertLess(numpy.abs(after - wanted).mean(), 2.5)
                self.assertLess(numpy.percentile(numpy.abs(after - wanted), 99), 12)

    def test_formats_sizes_and_colours_stay(self):
        self.clip("a1.mp4", "-pix_fmt", "yuv420p", "-qp", 4)
        self.clip("a2.mp4", "-pix_fmt", "yuv420p10le", "-qp", 4, "-colorspace", "bt709")
        self.clip("a3.mkv", "-pix_fmt", "yuv422p", "-c:v", "ffv1", size="91:71")
        self.clip("a4.mkv", "-pix_fmt", "yuv444p", "-qp", 4)
        self.assert_code(self.enhance("--tile-size", 64, "--frame-enhancer-blend", 50), 0)
        for name, kind, size, matrix in (("a1", "yuv420p", (180, 144), "smpte170m"),
                                         ("a2", "yuv420p10le", (180, 144), "bt709"),
                                         ("a3", "yuv422p", (182, 142), "smpte170m"), ("a4", "yuv444p", (180, 144), "smpte170m")):
            shape = self.shape(self.output(name + ".mp4"))
            self.assertEqual((shape["pix_fmt"], shape["width"], shape["height"], shape["color_space"]), (kind, *size, matrix))
        # half of it: the mean colour moves by half of what the model adds
        was, is_now = (self.frames(path, "rgb24", *size).mean(axis=(0, 1, 2)) for path, size in
                       ((self.input("a4.mkv"), (90, 72)), (self.output("a4.mp4"), (180, 144))))
        for moved, whole in zip(is_now - was, MORE):
            self.assertAlmostEqual(moved, whole / 2, delta=1.5)

    def test_a_killed_run_goes_on_at_its_size(self):
        self.clip("clip1.mp4", "-pix_fmt", "yuv420p", "-g", "12", seconds=4)
        words = ("--models-dir", self.models(), "--frame-processor", "frame_enhancer", "--output-name", "{stem}",
                 "--chunk-seconds", "1", "--output-video-preset", "slower")
        process = self.start_batch(*words)
        work = self.output(os.path.join(".runbatch", "work", "clip1.mp4"))
        self.assertTrue(wait_until(lambda: os.path.isdir(work) and any(n.endswith(".rbc") for n in os.listdir(work)), 30, 0.01))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        again = self.run_batch("--json", *words)
        self.assert_code(again, 0)
        self.assertTrue(any(e["reused"] for e in again.events_of("chunk_done")))
        self.assertEqual(again.events_of("video_done")[0]["frames_swapped"], 0, "no face is changed")
        shape = self.shape(self.output("clip1.mp4"))
        self.assertEqual((shape["width"], shape["height"]), (180, 144))
        once = frame_hashes(self.output("clip1.mp4"))
        self.assertEqual(len(once), len(frame_hashes(self.input("clip1.mp4"))))
        # through frame files, and shown by the preview
        shutil.rmtree(self.path("outputVideos"))
        self.assert_code(self.run_batch(*words, "--frame-store", "disk"), 0)
        self.assertEqual(self.shape(self.output("clip1.mp4"))["width"], 180)
        self.assert_code(self.run_batch("preview", self.input("clip1.mp4"), *words[:4], "-o", "p.png"), 0)

    def test_what_cannot_be_is_told_before_anything_runs(self):
        self.clip("clip1.mp4")
        cases = ((("--frame-enhancer-model", "nothing"), 2, "real_esrgan_x2"),
                 (("--frame-processor", "frame_enhancer", "face_debugger"), 2, "at the end"),
                 (("--tile-size", "10"), 2, "tile-size"))
        for words, code, told in cases:
            with self.subTest(words):
                result = self.enhance(*words)
                self.assert_code(result, code)
                self.assertIn(told, result.err)
                self.assertEqual(self.finished_outputs(), [])
        result = self.enhance(folder=os.path.join(CACHE, "models"))
        self.assert_code(result, 3)
        self.assertIn("real_esrgan_x2", result.err)
        result = self.enhance(folder=self.models("shape"))
        self.assertNotEqual(result.code, 0)
        self.assertIn("real_esrgan_x2.onnx", result.err)
        self.assertEqual(self.finished_outputs(), [])


if __name__ == "__main__":
    unittest.main()
