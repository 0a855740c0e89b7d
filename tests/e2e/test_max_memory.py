"""--max-memory: each limit is kept, seen from outside, or refused with the least that works, and that does work."""
import json
import os
import re
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from harness import BatchCase, children, ffmpeg, frame_hashes, media

FRAMES = 60


class MaxMemory(BatchCase):
    def setUp(self):
        super().setUp()
        self.put_source()
        ffmpeg("-i", media("franck.mp4"), "-vf", "scale=1280:720", "-frames:v", FRAMES, "-an", "-c:v", "libx264",
               "-preset", "veryfast", self.input("clip1.mp4"))

    def run_within(self, limit, *more):
        """The events of a run with that limit, and the peak of its worker's resident set."""
        process = self.start_batch("--json", "--restart", "--max-memory", limit, "--execution-threads", 4,
                                   "--encoder-threads", 4, "--output-video-preset", "veryfast", *more)
        peak = 0
        while process.poll() is None:
            for pid in children(process.pid):
                peak = max(peak, self.peak_of(pid))
            time.sleep(0.01)
        events = self.events_of_text(process.communicate()[0])
        return process.returncode, events, peak

    def peak_of(self, pid):
        try:
            with open(f"/proc/{pid}/status") as status:
                return max([int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:")], default=0)
        except OSError:
            return 0

    def events_of_text(self, text):
        return [json.loads(line) for line in text.splitlines()]

    def test_limits_are_kept_or_refused_with_the_least(self):
        code, events, _ = self.run_within("0.1")
        self.assertEqual(code, 1)
        error = next(event["error"] for event in events if event["event"] == "video_failed")
        self.assertEqual(error["class"], "usage")
        self.assertRegex(error["why"], r"needs at least 0\.\d\d GB: program 0\.\d\d, decoder 0\.\d\d, encoder 0\.\d\d")
        self.assertFalse([event for event in events if event["event"] in ("video_retry", "chunk_done", "video_opened")])
        self.assertEqual(self.finished_outputs(), [])
        least = float(re.search(r"--max-memory (0\.\d\d) is the least", error["todo"]).group(1))
        self.assertGreater(least, 0.1)
        shapes = []
        for limit in (least, least + 0.04, 8):
            code, events, peak = self.run_within(limit)
            self.assertEqual(code, 0, events)
            self.assertEqual([event["attempt"] for event in events if event["event"] == "video_started"], [1])
            self.assertGreater(peak, 0.05e9)
            self.assertLessEqual(peak, limit * 1e9)
            opened = next(event for event in events if event["event"] == "video_opened")
            self.assertLessEqual(opened["memory_estimate"]["total_bytes"], limit * 1e9)
            shapes.append(opened["shape"])
            self.assertEqual(len(frame_hashes(self.output("joconde_1.mp4"))), FRAMES)
        self.assertEqual(shapes[0]["encoder_threads"], 1)
        self.assertEqual((shapes[2]["execution_threads"], shapes[2]["encoder_threads"]), (4, 4))
        code, events, _ = self.run_within(round(least - 0.01, 2))
        self.assertEqual(code, 1, "less than the least was taken")


if __name__ == "__main__":
    unittest.main()
