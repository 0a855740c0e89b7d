"""runbatch plan: what it says beforehand is what a run does; broken files cost only themselves; nobody is disturbed."""
import fcntl
import json
import os
import shutil
import signal
import sqlite3
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from harness import BatchCase, documented, ffmpeg, media, wait_until


class PlanCase(BatchCase):
    def clip(self, name, seconds=0.4, *words):
        ffmpeg("-ss", 2, "-t", seconds, "-i", media("franck.mp4"), "-c:v", "libx264", "-preset", "ultrafast", *words,
               self.input(name))
        return self.input(name)

    def plan(self, *arguments, code=0, **more):
        result = self.run_batch("plan", "--json", *arguments, **more)
        self.assert_code(result, code)
        return json.loads(result.out)

    def states(self, plan):
        return {os.path.basename(video["input"]): video["state"] for video in plan["videos"]}


class Plan(PlanCase):
    def make_bad_ones(self, whole):
        open(self.input("bad_101.mp4"), "w").close()
        with open(self.input("bad_102.mp4"), "w") as handle:
            handle.write("this is not a video, only a text\n" * 50)
        with open(whole, "rb") as source, open(self.input("bad_103.mp4"), "wb") as cut:
            cut.write(source.read()[:os.path.getsize(whole) // 2])
        mkv = self.path("whole.mkv")
        ffmpeg("-i", whole, "-c", "copy", mkv)
        with open(mkv, "rb") as source, open(self.input("bad_104.mkv"), "wb") as cut:
            cut.write(source.read()[:os.path.getsize(mkv) // 2])
        ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac", self.input("bad_105.mp4"))
        os.mkdir(self.input("bad_107.mp4"))
        with open(self.input("bad_108.avi"), "wb") as handle:
            handle.write(bytes(range(256)) * 400)
        return [f"bad_{number}" for number in (101, 102, 103, 104, 105, 107, 108)]

    def test_what_will_fail_is_what_fails(self):
        self.put_source()
        for number in range(1, 4):
            self.clip(f"clip{number}.mp4")
        bad = self.make_bad_ones(self.clip("clip4.mp4", 1))
        plan = self.plan(code=1)
        self.assertFalse(plan["all_go"])
        self.assertEqual(plan["counts"], {"new": 4, "again": 0, "resumable": 0, "done": 0, "clash": 0, "unreadable": len(bad), "too_large": 0})
        told = {os.path.basename(v["input"]): v["error"] for v in plan["videos"] if v["state"] == "unreadable"}
        for name, error in told.items():
            self.assertTrue(error["what"] and error["why"], name)
            self.assertEqual(error["class"], "input", f"{name}: {error}")
        text = self.run_batch("plan")
        self.assert_code(text, 1)
        self.assertIn(f"{len(bad)} of 11 will fail:", text.out)
        self.assertIn("the file is empty (1): bad_101.mp4", text.out)

        failed = {os.path.basename(e["input"]): e["error"] for e in self.run_batch("--json").events_of("video_failed")}
        self.assertEqual(sorted(failed), sorted(told))
        for name, error in failed.items():
            self.assertEqual(error["class"], told[name]["class"], name)
            # how many frames there are of a file that is cut off is only known in the end
            self.assertTrue(error["why"].startswith(told[name]["why"]), f"{name}: {error['why']} / {told[name]['why']}")
        after = self.plan(code=1)
        self.assertEqual((after["counts"]["done"], after["counts"]["unreadable"], after["to_make"]), (4, len(bad), 0))

    def test_figures_and_history(self):
        self.put_source()
        self.clip("clip1.mp4", 1)
        self.clip("clip2.mkv", 2, "-vf", "scale=640:360", "-pix_fmt", "yuv420p10le")
        plan = self.plan()
        first, second = plan["videos"]
        self.assertEqual((first["video"]["codec"], first["video"]["width"], first["video"]["height"], first["video"]["frames"]),
                         ("h264", 360, 288, 24))
        self.assertEqual((second["video"]["bit_depth"], second["video"]["width"]), (10, 640))
        self.assertAlmostEqual(second["video"]["duration_s"], 2, delta=0.1)
        self.assertEqual((plan["time_from"], plan["time_tries"], plan["at_once"]["videos"]), ("guess", 0, 1))
        self.assertGreater(first["time_s"], 0)
        self.assertGreater(second["output_bytes"], first["output_bytes"])
        self.assertEqual(plan["to_make"], 2)
        self.assertGreater(second["memory"]["total_bytes"], first["memory"]["total_bytes"])
        small = self.plan("--preset", "stable", "--max-memory", "0.03", code=1)
        self.assertEqual(small["counts"]["too_large"], 2)
        self.assertIn("needs at least", small["videos"][0]["error"]["why"])
        sources = {line["option"]: line["from"] for line in small["options"]}
        self.assertEqual((small["preset"], sources["max-memory"], sources["execution-threads"]),
                         ("stable", "command-line", "preset"))
        self.assert_code(self.run_batch("1"), 0)
        plan = self.plan()
        self.assertEqual(self.states(plan), {"clip1.mp4": "done", "clip2.mkv": "new"})
        self.assertEqual((plan["time_from"], plan["time_tries"]), ("history", 1))
        # the size of what was made counts for what is to be made
        made = os.path.getsize(self.output("joconde_1.mp4"))
        self.assertLess(abs(plan["videos"][1]["output_bytes"] - made * 2 * 640 * 360 / (360 * 288)), made * 2)
        other = self.plan("--output-video-encoder", "libx265")
        self.assertEqual((other["time_from"], self.states(other)["clip1.mp4"]), ("guess", "again"))

    def test_history_corrects_memory(self):
        self.put_source()
        for number in range(1, 5):
            self.clip(f"clip{number}.mp4", 1)
        before = self.plan()["videos"]
        self.assertEqual([video["memory_factor"] for video in before], [1] * 4)
        self.assert_code(self.run_batch("1-3"), 0)
        after = self.plan()["videos"]
        self.assertEqual([video["memory"] for video in after[:3]], [None] * 3)
        tries = json.loads(self.run_batch("report", "--json").out)["videos"]
        ratios = sorted(t["peak_rss_bytes"] / t["estimate_bytes"] for video in tries for t in video["attempts"])
        self.assertAlmostEqual(after[3]["memory_factor"], min(max(ratios[1], 0.75), 1.5), delta=0.001)
        for part, size in after[3]["memory"].items():
            self.assertAlmostEqual(size / 1e6, before[3]["memory"][part] * after[3]["memory_factor"] / 1e6, delta=0.1, msg=part)
        text = self.run_batch("plan", "--verbose").out
        self.assertRegex(" ".join(text.split()), r"clip4\.mp4 .*memory 0\.\d\d GB: program 0\.\d\d, .*models 0\.\d\d")

    def test_json_is_as_documented(self):
        self.put_source()
        self.clip("clip1.mp4")
        plan = self.plan()
        self.assertEqual(set(plan), documented("plan"))
        self.assertEqual(set(plan["videos"][0]), documented("A planned video"))

    def test_begun_and_clashing_videos(self):
        self.put_source()
        self.clip("clip1.mp4", 6)
        self.clip("clip2.mp4")
        process = self.start_batch("--chunk-seconds", "1", "--json")
        work = self.path("outputVideos", ".runbatch", "work", "joconde_1.mp4")
        self.assertTrue(wait_until(lambda: os.path.isdir(work) and sum(n.endswith(".rbc") for n in os.listdir(work)) > 1, 60))
        process.send_signal(signal.SIGKILL)
        process.wait()
        arguments = ("--chunk-seconds", "1")
        plan = self.plan(*arguments)
        begun = plan["videos"][0]
        self.assertEqual(begun["state"], "resumable")
        self.assertGreaterEqual(begun["chunks"], 1)
        self.assertGreater(begun["chunk_frames"], 0)
        self.assertEqual(plan["frames"], begun["video"]["frames"] - begun["chunk_frames"] + plan["videos"][1]["video"]["frames"])
        self.clip("other2.mp4")
        plan = self.plan(*arguments, code=1)
        self.assertEqual(self.states(plan), {"clip1.mp4": "resumable", "clip2.mp4": "clash", "other2.mp4": "clash"})
        self.assertIn("clip2.mp4", plan["videos"][2]["why"])
        self.assert_code(self.run_batch(*arguments), 2)
        self.assert_code(self.run_batch("plan", "--output-name", "{stem}", *arguments), 0)

    def test_it_fits_the_screen_and_speaks_spanish(self):
        self.put_source()
        self.clip("a_video_whose_name_is_rather_long_for_any_table_1.mp4")
        open(self.input("empty2.mp4"), "w").close()
        for columns in (60, 80, 120):
            text = self.run_batch("plan", COLUMNS=str(columns)).out
            for line in text.splitlines():
                self.assertLessEqual(len(line), columns, line)
        spanish = self.run_batch("plan", LC_ALL="es_ES.UTF-8", LANGUAGE="es").out
        self.assertIn("No todo", spanish)
        self.assertNotIn("will fail", spanish)


class Store(PlanCase):
    def rows(self):
        database = self.path("outputVideos", ".runbatch", "batch.db")
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            return dict(connection.execute("SELECT path, mtime_ns FROM inputs"))

    def test_what_was_seen_is_kept_until_the_file_changes(self):
        self.put_source()
        self.clip("clip1.mp4")
        self.clip("clip2.mp4")
        open(self.input("empty3.mp4"), "w").close()
        self.plan(code=1)
        before = self.rows()
        self.assertEqual(sorted(before), [self.input("clip1.mp4"), self.input("clip2.mp4")])
        self.clip("clip1.mp4", 1)
        shutil.copy(self.input("clip1.mp4"), self.input("empty3.mp4"))
        plan = self.plan()
        self.assertEqual(plan["videos"][0]["video"]["frames"], 24)
        after = self.rows()
        self.assertEqual(len(after), 3)
        self.assertNotEqual(after[self.input("clip1.mp4")], before[self.input("clip1.mp4")])
        self.assertEqual(after[self.input("clip2.mp4")], before[self.input("clip2.mp4")])

    def test_a_run_keeps_what_its_workers_tell(self):
        self.put_source()
        self.clip("clip1.mp4")
        self.assert_code(self.run_batch(), 0)
        self.assertEqual(list(self.rows()), [self.input("clip1.mp4")])

    def test_where_a_batch_works_nothing_is_written(self):
        self.put_source()
        self.clip("clip1.mp4")
        state = self.path("outputVideos", ".runbatch")
        os.mkdir(state)
        with open(os.path.join(state, "lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.assertEqual(self.states(self.plan()), {"clip1.mp4": "new"})
            self.assertEqual(os.listdir(state), ["lock"])

    def test_a_dry_run_means_what_it_did(self):
        self.put_source()
        self.clip("clip1.mp4")
        result = self.run_batch("--dry-run", "--json")
        self.assert_code(result, 0)
        self.assertEqual([(e["event"], e["action"]) for e in result.events], [("planned", "new")])
        self.assertFalse(os.path.exists(self.path("outputVideos", ".runbatch")))


if __name__ == "__main__":
    unittest.main()
