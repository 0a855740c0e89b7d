"""`runbatch info`: what files say of themselves, ours and others'."""
import json
import os
import pathlib
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from harness import BatchCase, ffmpeg, media

TERM = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"


class Info(BatchCase):
    def info(self, path):
        result = self.run_batch("info", path, "--json")
        self.assert_code(result, 0)
        return json.loads(result.out)

    def make(self, name, *arguments):
        ffmpeg("-ss", 3, "-t", 0.3, "-i", media("franck.mp4"), "-an", self.path("clip.mp4"))
        self.assert_code(self.run_batch("run", "-s", media("joconde.jpg"), "-t", "clip.mp4", "-o", name, *arguments), 0)
        return self.path(name)

    def test_every_container_tells_that_faces_were_changed(self):
        for name, more in (("a.mp4", ()), ("a.mov", ()), ("a.mkv", ()),
                           ("a.webm", ("--output-video-encoder", "libvpx-vp9"))):
            with self.subTest(name):
                path = self.make(name, *more)
                told = self.info(path)["provenance"]
                self.assertEqual((told["marked"], told["processors"], told["digital_source_type"], told["xmp"]),
                                 (True, "face_swapper, face_enhancer", TERM, True))
                self.assertIn("face_swapper", self.run_batch("info", path).out)

    def test_what_was_not_marked_says_nothing(self):
        told = self.info(self.make("a.mp4", "--no-provenance"))["provenance"]
        self.assertEqual((told["marked"], told["digital_source_type"], told["xmp"]), (False, None, False))
        foreign = self.info(media("franck.webm"))
        self.assertFalse(foreign["provenance"]["marked"])
        self.assertEqual((foreign["streams"][0]["codec"], foreign["streams"][0]["width"]), ("vp8", 360))

    def test_a_sidecar_says_so_beside_the_output(self):
        sidecar = pathlib.Path(self.make("a.mp4", "--provenance-sidecar") + ".xmp")
        self.assertIn(TERM, sidecar.read_text(encoding="utf-8"))
        sidecar.write_text("somebody's own", encoding="utf-8")
        result = self.run_batch("run", "-s", media("joconde.jpg"), "-t", "clip.mp4", "-o", "a.mp4", "--restart",
                                "--provenance-sidecar")
        self.assert_code(result, 3)
        self.assertIn("a.mp4.xmp", str(result))
        self.assertEqual(sidecar.read_text(encoding="utf-8"), "somebody's own")
        self.assertTrue(os.path.exists(self.path("a.mp4")), "the output of before is lost")
        sidecar.unlink()
        self.make("b.mp4", "--provenance-sidecar", "--no-provenance")
        self.assertFalse(os.path.exists(self.path("b.mp4.xmp")))

    def test_what_is_no_video_is_told(self):
        text = self.path("text.mp4")
        pathlib.Path(text).write_text("no video" * 100, encoding="utf-8")
        zeros = self.path("zeros.mp4")
        pathlib.Path(zeros).write_bytes(bytes(100000))
        os.mkfifo(self.path("pipe.mp4"))
        for path in (text, zeros, self.path("pipe.mp4"), self.path("none.mp4"), self.path()):
            with self.subTest(path):
                result = self.run_batch("info", path, timeout=20)
                self.assert_code(result, 3)
                self.assertIn(path, result.err)
        self.assert_code(self.run_batch("info"), 2)


if __name__ == "__main__":
    unittest.main()
