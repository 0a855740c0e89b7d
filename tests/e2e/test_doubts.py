"""Where it is not sure of a face is told, with times."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from harness import BatchCase, ffmpeg, media

HIDDEN = "drawbox=x=150:y=60:w=110:h=160:color=0xC08060:t=fill:enable='between(t,1,2)'"


class Doubts(BatchCase):
    def test_a_face_that_is_hidden_for_a_second_is_listed(self):
        self.put_source()
        for name, filters in (("clip1.mp4", HIDDEN), ("clip2.mp4", "null")):
            ffmpeg("-ss", 3, "-t", 3, "-i", media("franck.mp4"), "-an", "-vf", filters, "-qp", 8, self.input(name))
        result = self.run_batch("run", "--json")
        self.assert_code(result, 0)
        first, second = (event["doubts"]["stretches"] for event in result.events_of("video_done"))
        self.assertEqual((len(first), second), (1, []))
        self.assertAlmostEqual(first[0][0], 1, delta=0.15)
        self.assertAlmostEqual(first[0][1], 2, delta=0.3)
        self.assertIn("look there: 0:0", self.run_batch("report").out)
        told = json.loads(self.run_batch("report", "--json").out)
        self.assertEqual(told["videos"][0]["doubts"]["stretches"], first)
        self.assertEqual(self.leftovers(), [])


if __name__ == "__main__":
    unittest.main()
