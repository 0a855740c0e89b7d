"""A run killed near the end of a video is resumed at little cost, counted in frames; bench/resume.py has the times."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from faults import FaultCase, clip_b_frames


class ResumeCost(FaultCase):
    # 18 chunks, as the default gives for three minutes
    OPTIONS = ("--output-video-preset", "veryfast", "--chunk-seconds", 2)
    SECONDS = 36

    def test_a_tenth_is_left_to_do(self):
        clip_b_frames(self.input("clip1.mp4"), self.SECONDS)
        self.make_reference()
        frames = len(self.references["joconde_1.mp4"]["0: pts"])
        first = self.start()
        told = first.wait_event(lambda e: e["event"] == "chunk_done" and e["first_frame"] + e["frames"] >= 0.8 * frames)
        self.assertIsNotNone(told, str(first))
        first.kill()
        second = self.finish()
        reused = sum(event["frames"] for event in self.chunks_reused(second))
        made = sum(event["frames"] for event in second.events_of("chunk_done") if not event["reused"])
        self.assertEqual(reused + made, frames, str(second))
        self.assertLessEqual(made, 0.2 * frames)
        # the seek, and the warm-up of the face tracker, decode some frames more: far fewer than the video has
        done = second.events_of("video_done")[0]
        self.assertEqual(done["frames"], frames)
        self.assertEqual(done["frames_swapped"], frames)
        self.assertEqual(done["isolated_gaps"], 0)
        self.assert_like_reference()
        self.assert_nothing_left()


if __name__ == "__main__":
    unittest.main()
