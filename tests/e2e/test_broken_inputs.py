"""Twenty good videos among ten bad ones: every good one is done, each bad one has its reason, nothing is left over."""
import json
import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from harness import PROGRAM, BatchCase, decodes_clean, ffmpeg, frame_times, media, wait_until


class BrokenInputs(BatchCase):
    def make_bad_ones(self):
        open(self.input("bad_101.mp4"), "w").close()
        with open(self.input("bad_102.mp4"), "w") as handle:
            handle.write("this is not a video, only a text\n" * 50)
        whole = self.path("whole.mp4")
        ffmpeg("-t", 2, "-i", media("franck.mp4"), "-c", "copy", whole)
        with open(whole, "rb") as source, open(self.input("bad_103.mp4"), "wb") as cut:
            cut.write(source.read()[:os.path.getsize(whole) // 2])
        ffmpeg("-i", whole, "-c", "copy", self.path("whole.mkv"))
        with open(self.path("whole.mkv"), "rb") as source, open(self.input("bad_104.mkv"), "wb") as cut:
            cut.write(source.read()[:os.path.getsize(self.path("whole.mkv")) // 2])
        ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac", self.input("bad_105.mp4"))
        shutil.copy(whole, self.input("bad_106.mp4"))
        os.chmod(self.input("bad_106.mp4"), 0)
        os.mkdir(self.input("bad_107.mp4"))
        shutil.copy(whole, self.input("late_108.mp4"))  # vanishes meanwhile
        return {"bad_101.mp4": "empty", "bad_102.mp4": "", "bad_103.mp4": "", "bad_104.mkv": "", "bad_105.mp4": "video",
                "bad_106.mp4": "ermission", "bad_107.mp4": "folder", "late_108.mp4": ""}

    def test_the_good_are_done_and_the_bad_have_their_reason(self):
        self.put_source()
        for number in range(1, 19):
            ffmpeg("-ss", number, "-t", 0.4, "-i", media("franck.mp4" if number % 2 else "cap13_edit2.mp4"),
                   "-c:v", "libx264", "-preset", "ultrafast", self.input(f"clip{number}.mp4"))
        ffmpeg("-f", "lavfi", "-i", "testsrc=size=16x16:rate=10:duration=1", "-c:v", "libx264", "-pix_fmt", "yuv420p",
               self.input("clip19.mp4"))
        ffmpeg("-t", 0.5, "-i", media("franck.mp4"), "-vf", "scale=321:239", "-c:v", "libx264", "-pix_fmt", "yuv444p",
               self.input("clip20.mp4"))
        reasons = self.make_bad_ones()
        # root reads what it may not; without these capabilities it cannot
        limited = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
        process = self.start_limited(limited)
        self.assertTrue(wait_until(lambda: self.finished_outputs(), 60))
        os.unlink(self.input("late_108.mp4"))
        out, err = process.communicate(timeout=500)
        self.assertEqual(process.returncode, 1, out + err)
        self.assertEqual(self.finished_outputs(), sorted(f"joconde_{n}.mp4" for n in range(1, 21)))
        for number in range(1, 21):
            made = self.output(f"joconde_{number}.mp4")
            self.assertTrue(decodes_clean(made), made)
            self.assertEqual(len(frame_times(made)), len(frame_times(self.input(f"clip{number}.mp4"))))
        events = [json.loads(line) for line in out.splitlines()]
        failed = {os.path.basename(e["input"]): e["error"] for e in events if e["event"] == "video_failed"}
        self.assertEqual(sorted(failed), sorted(reasons))
        for name, word in reasons.items():
            text = failed[name]["what"] + " " + failed[name]["why"]
            self.assertTrue(failed[name]["why"], name)
            self.assertIn(word, text, name)
            self.assertEqual(failed[name]["class"], "input", f"{name}: {text}")
        self.assertEqual((events[-1]["done"], events[-1]["failed"]), (20, len(reasons)))
        self.assertEqual(self.leftovers(), [])

    def start_limited(self, prefix):
        process = subprocess.Popen([*prefix, os.path.abspath(PROGRAM), "--json"], cwd=self.root,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                                   env={**os.environ, "LC_ALL": "C.UTF-8"})
        self.addCleanup(lambda: process.poll() is None and process.kill())
        return process


if __name__ == "__main__":
    unittest.main()
