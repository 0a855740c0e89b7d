"""A look before the run: pictures of moments before and after."""
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from harness import BatchCase, ffmpeg, media


def size_of(path):
    out = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=width,height", "-of", "csv=p=0", path],
                         capture_output=True, text=True, check=True).stdout
    return tuple(map(int, out.strip().split(",")))


def pixels(path, crop):
    """The grey values of a part, width:height:x:y."""
    return subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-vf", f"crop={crop},format=gray", "-f", "rawvideo", "-"],
                          capture_output=True, check=True).stdout


def mean_difference(a, b):
    return sum(abs(x - y) for x, y in zip(a, b)) / len(a)


class Preview(BatchCase):
    def setUp(self):
        super().setUp()
        self.put_source()
        ffmpeg("-ss", 3, "-i", media("franck.mp4"), "-frames:v", 75, "-an", "-qp", 0, self.input("clip.mp4"))

    def preview(self, *arguments, code=0):
        result = self.run_batch("preview", "clip.mp4", *arguments)
        self.assert_code(result, code)
        self.assertEqual([name for name in os.listdir(self.path()) if name.startswith(".runbatch-preview")], [])
        return result

    def test_a_moment_before_and_after_is_that_of_the_run(self):
        self.preview("--at", "2", "-o", "look.png")
        width, height = size_of(self.path("look.png"))
        self.assertEqual((width, height), (2 * 360 + 3 * 8, 288 + 2 * 20 + 2 * 8))
        before = pixels(self.path("look.png"), "360:288:8:28")
        after = pixels(self.path("look.png"), "360:288:376:28")
        self.assertGreater(mean_difference(before, after), 1, "nothing was changed")
        result = self.run_batch("run", "-t", "inputVideos/clip.mp4", "-o", "whole.mp4", "--output-video-quality", "0")
        self.assert_code(result, 0)
        subprocess.run(["ffmpeg", "-v", "error", "-i", self.path("whole.mp4"), "-vf", "select=eq(n\\,48)", "-frames:v", "1",
                        self.path("frame.png")], check=True)
        self.assertLess(mean_difference(after, pixels(self.path("frame.png"), "360:288:0:0")), 1.5)

    def test_sheets_settings_side_by_side_and_no_face(self):
        self.preview("--sheet", "4", "-o", "sheet.jpg")
        self.assertEqual(size_of(self.path("sheet.jpg"))[0], 8 + 4 * (320 + 8) + 16)
        self.preview("--at", "frame:50", "--compare", "as it is", "frame-processor=face_anonymizer anonymizer=solid")
        self.assertEqual(size_of(self.path("preview.png"))[0], 8 + 3 * (360 + 8))
        swapped = pixels(self.path("preview.png"), "100:100:500:100")
        covered = pixels(self.path("preview.png"), "100:100:868:100")
        self.assertGreater(mean_difference(swapped, covered), 10)
        ffmpeg("-y", "-f", "lavfi", "-i", "testsrc2=d=1", "-pix_fmt", "yuv420p", self.input("clip.mp4"))
        self.assertIn("no face is changed", self.preview("--at", "0").err)

    def test_what_cannot_be_is_told(self):
        for arguments, code, told in ((["--at", "9:00"], 2, "behind the video's end"), (["--at", "soon"], 2, "no time"),
                                      (["--at", "1", "--sheet", "2"], 2, "exclude"), (["-o", "a.bmp"], 2, ".png"),
                                      (["--compare", "a", "b"], 2, "preset"), (["--compare", "as it is"], 2, "two"),
                                      (["--compare", "as it is", "jobs=2"], 2, "changes the picture"),
                                      (["-o", "no/such/a.png"], 3, "no/such"),
                                      (["--compare", "as it is", "face-enhancer-model=gfpgan_1.4"], 3, "gfpgan_1.4")):
            result = self.preview(*arguments, code=code)
            self.assertIn(told, result.err)
        ffmpeg("-i", media("joconde.jpg"), self.path("own.jpg"))
        told = self.preview("-s", "own.jpg", "-o", "own.jpg", code=2).err
        self.assertIn("made from", told)
        with open(self.input("clip.mp4"), "w") as file:
            file.write("no video")
        self.assertIn("clip.mp4", self.preview("--at", "1", code=3).err)
        self.assertEqual([name for name in os.listdir(self.path()) if name.endswith(".png")], [])


if __name__ == "__main__":
    unittest.main()
