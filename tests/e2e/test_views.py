"""status, report, pause, continue, cancel, clean, resume: from another terminal, through the program, on a batch that
runs, was killed, is over, and never was."""
import json
import os
import re
import shutil
import signal
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from harness import BatchCase, documented, decodes_clean, ffmpeg, media, wait_until

SLOW = ("--execution-threads", "1", "--chunk-seconds", "1")


class Views(BatchCase):
    def put_clips(self, count, seconds):
        self.put_source()
        for number in range(1, count + 1):
            ffmpeg("-t", seconds, "-i", media("franck.mp4"), "-c", "copy", self.input(f"clip{number}.mp4"))

    def status(self, *arguments):
        result = self.run_batch("status", "--json", *arguments)
        self.assert_code(result, 0)
        return json.loads(result.out)

    def states(self):
        return {video["output"]: video["state"] for video in self.status()["videos"]}

    def work(self, name):
        return self.path("outputVideos", ".runbatch", "work", name)

    def begun(self, chunks=1):
        """The first video once it runs and has so many chunks on disk."""
        def look():
            videos = self.status()["videos"]
            first = videos[0] if videos else None
            ready = first and first["state"] == "running" and first["chunks"] >= chunks and first["rss_bytes"]
            return first if ready else None
        video = wait_until(look, 90, 0.2)
        self.assertIsNotNone(video, "no chunk came")
        return video

    def killed(self):
        """A batch of two videos that was killed in the middle of the first."""
        self.put_clips(2, 30)
        process = self.start_batch(*SLOW)
        self.begun(2)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        self.assertTrue(wait_until(lambda: self.status()["state"] == "killed", 10))

    def test_where_nothing_was_run(self):
        for arguments, code in ((("status",), 0), (("report",), 0), (("clean",), 0), (("pause",), 3),
                                (("continue",), 3), (("cancel",), 3), (("resume",), 3), (("status", "x"), 2)):
            result = self.run_batch(*arguments)
            self.assert_code(result, code)
        self.assertEqual(self.status()["state"], "none")
        self.assertEqual(os.listdir(self.path("outputVideos")), [], "looking leaves nothing behind")

    def test_while_it_runs(self):
        self.put_clips(2, 30)
        process = self.start_batch(*SLOW)
        first = self.begun()
        self.assertEqual(self.status()["run"]["process"], process.pid)
        self.assertGreater(first["share"], 0, "how long the video is must be known while it runs")
        text = self.run_batch("status", COLUMNS="80").out
        self.assertIn("Running", text)
        self.assertIn("clip1.mp4", text)
        self.assertTrue(all(len(line) <= 80 for line in text.splitlines()), text)
        self.assert_code(self.run_batch("status", "clip1", "2"), 0)
        self.assert_code(self.run_batch("status", "nobody"), 2)
        # what is at work is not cleaned away
        cleaned = json.loads(self.run_batch("clean", "--json").out)
        self.assertTrue(cleaned["in_use"])
        self.assertEqual(cleaned["items"], [])
        # paused: its worker ends with its chunk; the other one goes on
        result = self.run_batch("pause", "clip1")
        self.assert_code(result, 0)
        self.assertRegex(result.out, "pauses at the end of its chunk, within about [0-9]+ s")
        self.assertTrue(wait_until(lambda: self.states()["joconde_1.mp4"] == "paused", 60, 0.2), self.states())
        self.assert_code(self.run_batch("pause", "clip1"), 2)  # it is
        answer = json.loads(self.run_batch("cancel", "joconde_2.mp4", "--json").out)
        self.assertEqual((answer["request"], answer["videos"][0]["asked"]), ("cancel", True))
        self.assertTrue(wait_until(lambda: self.states()["joconde_2.mp4"] == "cancelled", 60, 0.2), self.states())
        self.assertIn("goes on at frame", self.run_batch("continue", "1").out)
        out, err = process.communicate(timeout=300)
        self.assertEqual(process.returncode, 0, out + err)
        self.assertEqual(self.finished_outputs(), ["joconde_1.mp4"])
        self.assertTrue(decodes_clean(self.output("joconde_1.mp4")))
        over = self.status()
        self.assertEqual((over["state"], over["counts"]["done"], over["counts"]["cancelled"]), ("over", 1, 1))
        attempts = json.loads(self.run_batch("report", "clip1", "--json").out)["videos"][0]["attempts"]
        self.assertEqual([attempt["result"] for attempt in attempts], ["paused", "done"])

    def test_after_a_kill(self):
        self.killed()
        self.assertEqual(self.states(), {"joconde_1.mp4": "stopped", "joconde_2.mp4": "queued"})
        self.assertIn("runbatch resume", self.run_batch("status").out)
        report = self.run_batch("report")
        self.assert_code(report, 0)
        self.assertIn("The run was killed", report.out)
        self.assertRegex(report.out, r"\n  try  begun +result ")
        self.assertIn("runbatch resume goes on at frame", report.out)
        self.assert_code(self.run_batch("pause"), 3)
        # what can be gone on from stays; the unfinished output of the killed run goes
        dry = json.loads(self.run_batch("clean", "--dry-run", "--json").out)
        self.assertEqual([item["kind"] for item in dry["items"]], ["parts", "unfinished"], dry)
        self.assertEqual(self.run_batch("status").code, 0)
        self.assert_code(self.run_batch("clean"), 0)
        self.assertEqual([name for name in os.listdir(self.path("outputVideos")) if name != ".runbatch"], [])
        self.assertEqual([name for name in os.listdir(self.work("joconde_1.mp4")) if name.endswith(".part")], [])
        planned = self.run_batch(*SLOW, "--dry-run", "--json").events
        self.assertEqual([event["action"] for event in planned], ["go on", "new"])
        self.assertGreaterEqual(planned[0]["chunks"], 2)
        planned = self.run_batch(*SLOW, "--output-video-quality", 30, "--dry-run", "--json").events
        self.assertEqual([event["action"] for event in planned], ["new", "new"], "chunks are never mixed")
        result = self.run_batch("resume", "--json")
        self.assert_code(result, 0)
        self.assertIn("note: goes on with the run of", result.err)
        self.assertEqual(self.finished_outputs(), ["joconde_1.mp4", "joconde_2.mp4"])
        attempts = json.loads(self.run_batch("report", "1", "--json").out)["videos"][0]["attempts"]
        self.assertGreaterEqual(attempts[-1]["chunks_reused"], 2)

    def assert_curves(self, report):
        """The memory of the first video and of the machine, of a killed run; the second was not begun."""
        first, second = report["videos"]
        self.assertIsNone(second["memory"])
        for curve in (report["memory"], first["memory"]):
            self.assertEqual(set(curve), documented("Memory over time"))
            self.assertIn(len(curve["points"]), range(1, 121))
            times = [seconds for seconds, _ in curve["points"]]
            self.assertEqual(times, sorted(times))
            self.assertEqual(max(size for _, size in curve["points"]), curve["peak_bytes"])
            self.assertLessEqual(curve["lowest_bytes"], min(size for _, size in curve["points"]))
            self.assertTrue(times[0] <= curve["peak_s"] < times[-1] + curve["step_s"])
        self.assertEqual(first["memory"]["peak_bytes"], first["peak_rss_bytes"])
        self.assertGreater(first["memory"]["peak_bytes"], 50_000_000)
        self.assertLess(report["memory"]["peak_bytes"], report["memory"]["limit_bytes"])

    def test_what_a_kill_ended_is_reported(self):
        self.killed()
        report = json.loads(self.run_batch("report", "--json", LC_ALL="es_ES.UTF-8").out)
        first, second = report["videos"]
        # all that the document tells is there, and nothing else
        status = self.status()
        self.assertEqual(set(status) | set(status["videos"][0]), documented("status"))
        self.assertEqual((set(report) - set(status)) | (set(first) - set(status["videos"][0])), documented("report"))
        attempt, = first["attempts"]
        self.assertEqual(set(attempt), documented("An attempt"))
        self.assert_curves(report)
        self.assertAlmostEqual(attempt["estimate_bytes"] / first["peak_rss_bytes"], 1, delta=0.25)
        self.assertEqual(second["attempts"], [])
        self.assertEqual((attempt["result"], attempt["ended"]), (None, None))
        self.assertEqual((attempt["chunks"], attempt["chunks_reused"]), (first["chunks"], 0))
        self.assertGreaterEqual(attempt["chunks"], 2)
        self.assertEqual(attempt["frames"], first["frames_done"])
        self.assertGreater(first["partial_bytes"], first["chunk_bytes"])
        self.assertFalse(first["would_be_removed"])
        # what would be removed is what clean says
        dry = json.loads(self.run_batch("clean", "--dry-run", "--json").out)
        self.assertEqual(set(dry), documented("clean"))
        self.assertTrue(dry["items"])
        self.assertEqual(set(dry["items"][0]), documented("An item"))
        self.assertEqual(first["removable"] + second["removable"] + report["removable_logs"], dry["items"])
        self.assertEqual(first["removable_bytes"] + second["removable_bytes"], dry["bytes"])
        text = self.run_batch("report", COLUMNS="80", LC_ALL="es_ES.UTF-8").out
        self.assertRegex(text, r"\n  memoria [▁▂▃▄▅▆▇█]+ de [0-9.]+ [kM]B \([0-9:]+\) a [0-9.]+ MB \([0-9:]+\), "
                               r"estimado [0-9.]+ MB\n")
        self.assertRegex(text, r"\nMemoria en uso [▁▂▃▄▅▆▇█]+ de [0-9.]+ [MG]B \([0-9:]+\) a [0-9.]+ [MG]B ")
        plain = self.run_batch("report", "1", LC_ALL="C").out
        self.assertRegex(plain, r"\n  memory [.:=+*#@-]+ [0-9.]+ [kM]B \([0-9:]+\) to ")
        for words in ("intento  empezado", "cortado", "se conserva para seguir", "runbatch clean borraría",
                      dry["items"][0]["path"], "cómo seguir: runbatch resume sigue en el fotograma"):
            self.assertIn(words, text)
        wide = [line for line in text.splitlines() if len(line) > 80 and "outputVideos/" not in line]
        self.assertEqual(wide, [], "but for paths, which are there to be copied")
        # given up: then the chunks would go, and a foreign file with them in the folder is told of
        with open(os.path.join(self.work("joconde_1.mp4"), "mine.txt"), "w") as handle:
            handle.write("not ours")
        self.assert_code(self.run_batch("cancel", "clip1"), 0)
        self.assertEqual(json.loads(self.run_batch("report", "1", "--json").out)["videos"][0]["partial_bytes"], 0)

    def test_a_spanish_batch_is_read_in_any_language(self):
        self.put_clips(1, 30)
        process = self.start_batch(*SLOW, LC_ALL="es_ES.UTF-8")
        self.begun()
        self.assert_code(self.run_batch("pause"), 0)
        self.assertTrue(wait_until(lambda: self.status()["state"] == "paused", 60, 0.2))
        self.assertEqual(self.status()["run"]["note"], "paused by the user")
        self.assertIn(": paused by the user", self.run_batch("status").out)
        self.assertIn(": en pausa por orden del usuario", self.run_batch("status", LC_ALL="es_ES.UTF-8").out)
        self.assert_code(self.run_batch("cancel"), 0)
        out, err = process.communicate(timeout=100)
        self.assertIn("En pausa: en pausa por orden del usuario", out + err)
        attempts = json.loads(self.run_batch("report", "--json", LC_ALL="es_ES.UTF-8").out)["videos"][0]["attempts"]
        self.assertEqual(attempts[0]["result"], "paused")

    def test_resumed_from_another_folder(self):
        """Paths are those of the folder that the run was started in; outputs stay where their folder is now."""
        self.put_clips(1, 30)
        process = self.start_batch(*SLOW, "--frame-store", "disk", "--temp-dir", "temp/frames")
        self.begun(2)
        frames = self.path("temp", "frames", *os.listdir(self.path("temp", "frames")))
        self.assertTrue(wait_until(lambda: len(os.listdir(frames)) > 10, 20, 0.005))
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        self.assertTrue(wait_until(lambda: self.status()["state"] == "killed", 10))
        os.mkdir(self.path("elsewhere"))
        dry = json.loads(self.run_batch("clean", "--dry-run", "--json", "--output-dir", self.path("outputVideos"),
                                        cwd=self.path("elsewhere")).out)
        (item,) = [item for item in dry["items"] if item["kind"] == "frames"]
        self.assertEqual((item["path"], item["files"]), (frames, len(os.listdir(frames))))
        self.assertEqual(item["bytes"], sum(os.path.getsize(os.path.join(frames, name)) for name in os.listdir(frames)))
        self.assertGreater(item["files"], 0, "the killed worker had no time to clean up")
        result = self.run_batch("resume", "--json", "--output-dir", "../outputVideos", cwd=self.path("elsewhere"))
        self.assert_code(result, 0)
        self.assertGreaterEqual(len([e for e in result.events_of("chunk_done") if e["reused"]]), 2)
        self.assertTrue(decodes_clean(self.output("joconde_1.mp4")))
        self.assertEqual(os.listdir(self.path("temp", "frames")), [])
        self.assertEqual(os.listdir(self.path("elsewhere")), [])
        # one video, into a file
        one = ("-s", "source/joconde.jpg", "-t", "inputVideos/clip1.mp4", "-o", "one/made.mp4")
        ffmpeg("-t", 1, "-i", media("franck.mp4"), "-c", "copy", self.input("clip1.mp4"))
        self.assert_code(self.run_batch("run", *one), 0)
        os.unlink(self.path("one", "made.mp4"))
        self.assert_code(self.run_batch("resume", "--output-dir", "../one", cwd=self.path("elsewhere")), 0)
        self.assertTrue(decodes_clean(self.path("one", "made.mp4")))
        os.rename(self.path("one"), self.path("two"))
        os.unlink(self.path("two", "made.mp4"))
        self.assert_code(self.run_batch("resume", "--output-dir", "../two", cwd=self.path("elsewhere")), 0)
        self.assertTrue(decodes_clean(self.path("two", "made.mp4")))
        self.assertFalse(os.path.exists(self.path("one")))
        self.assertEqual(os.listdir(self.path("elsewhere")), [])

    def test_a_stopped_video_is_cancelled_without_a_batch(self):
        self.killed()
        foreign = os.path.join(self.work("joconde_1.mp4"), "mine.txt")
        self.assert_code(self.run_batch("cancel"), 3)  # all of them: there is no batch to ask
        with open(foreign, "w") as handle:
            handle.write("not ours")
        self.assert_code(self.run_batch("cancel", "clip1"), 0)
        self.assertEqual(self.states()["joconde_1.mp4"], "cancelled")
        self.assertEqual(os.listdir(self.work("joconde_1.mp4")), ["mine.txt"], "nothing foreign is deleted")
        os.unlink(foreign)
        shutil.rmtree(self.work("joconde_1.mp4"))
        self.assertEqual(self.leftovers(), [])
        self.assert_code(self.run_batch("cancel", "clip1"), 2)

    def test_watching_ends_with_the_batch(self):
        self.put_clips(1, 30)
        process = self.start_batch(*SLOW)
        self.begun()
        watched = self.run_batch("status", "--watch", timeout=200)
        self.assert_code(watched, 0)
        self.assertIn("Running", watched.out)
        self.assertIn("The run is over", watched.out)
        self.assertNotIn("\033", watched.out, "no terminal, no escape sequences")
        process.communicate(timeout=60)
        self.put_clips(1, 180)  # long enough for any machine; the test ends it
        process = self.start_batch("--restart", *SLOW)
        self.begun()
        watcher = self.start_batch("status", "--watch")
        self.assertIsNone(wait_until(lambda: watcher.poll(), 2))
        watcher.send_signal(signal.SIGINT)
        self.assertEqual(watcher.wait(5), 130)
        self.assertIsNone(process.poll(), "the batch does not notice")

    def test_each_command_has_its_own_options(self):
        for command in ("status", "report", "resume", "pause", "continue", "cancel", "clean"):
            result = self.run_batch("help", command)
            self.assert_code(result, 0)
            self.assertIn(f"Usage: runbatch {command}", result.out)
            self.assertIn("Exit codes:", result.out)
            self.assertEqual(self.run_batch(command, "--help").out, result.out)
        self.assert_code(self.run_batch("status", "--jobs", "2"), 2)


if __name__ == "__main__":
    unittest.main()
