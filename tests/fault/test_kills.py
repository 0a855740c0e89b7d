"""Kills and stops: the batch goes on, workers end with their supervisor, nothing unfinished has a finished name."""
import json
import os
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from harness import BatchCase, alive, children, decodes_clean, ffmpeg, frame_times, media, wait_until


class Kills(BatchCase):
    def setUp(self):
        super().setUp()
        self.put_source()
        for number in (1, 2):
            ffmpeg("-t", 12, "-i", media("franck.mp4"), "-c", "copy", self.input(f"clip{number}.mp4"))

    def busy_worker(self, process):
        """The pid of a worker that has begun to write its video."""
        def look():
            temporaries = [name for name in os.listdir(self.path("outputVideos")) if name.endswith(".runbatch-part")]
            sizes = [os.path.getsize(self.output(name)) for name in temporaries]
            workers = [pid for pid in children(process.pid) if alive(pid)]
            return workers[-1] if sizes and max(sizes) > 0 and workers else None
        worker = wait_until(look, 60)
        self.assertIsNotNone(worker, "no worker wrote anything")
        return worker

    def assert_all_whole(self):
        for name in self.finished_outputs():
            self.assertTrue(decodes_clean(self.output(name)), name)
            number = name.split("_")[1].split(".")[0]
            self.assertEqual(len(frame_times(self.output(name))), len(frame_times(self.input(f"clip{number}.mp4"))))

    def test_a_killed_worker_is_replaced(self):
        process = self.start_batch("--json")
        os.kill(self.busy_worker(process), signal.SIGKILL)
        out, err = process.communicate(timeout=200)
        self.assertEqual(process.returncode, 0, out + err)
        self.assertEqual(self.finished_outputs(), ["joconde_1.mp4", "joconde_2.mp4"])
        retries = [event for event in map(json.loads, out.splitlines()) if event["event"] == "video_retry"]
        self.assertEqual([event["error"]["class"] for event in retries], ["killed"])
        self.assertIn("SIGKILL", retries[0]["error"]["why"])
        self.assertEqual(self.leftovers(), [])
        self.assert_all_whole()

    def test_workers_end_with_a_killed_supervisor_and_the_next_run_finishes(self):
        process = self.start_batch("--jobs", "2")
        self.busy_worker(process)
        workers = children(process.pid)
        self.assertTrue(workers)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        gone = wait_until(lambda: not any(alive(pid) for pid in workers), 1.0)
        self.assertTrue(gone, "workers outlive their supervisor")
        self.assertEqual(self.finished_outputs(), [])
        result = self.run_batch("--jobs", "2")
        self.assert_code(result, 0)
        self.assertEqual(self.finished_outputs(), ["joconde_1.mp4", "joconde_2.mp4"])
        self.assertEqual(self.leftovers(), [])
        self.assert_all_whole()

    def test_the_first_interrupt_ends_cleanly_within_two_seconds(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number.name):
                process = self.start_batch()
                self.busy_worker(process)
                workers = children(process.pid)
                began = time.monotonic()
                process.send_signal(number)
                out, err = process.communicate(timeout=20)
                self.assertLess(time.monotonic() - began, 2.5, "two seconds, and a little for a busy machine")
                self.assertEqual(process.returncode, 130, out + err)
                self.assertFalse(any(alive(pid) for pid in workers))
                self.assertEqual(self.finished_outputs(), [])
                self.assertEqual(self.leftovers(), [])

    def test_a_second_interrupt_ends_at_once(self):
        process = self.start_batch()
        worker = self.busy_worker(process)
        os.kill(worker, signal.SIGSTOP)  # a worker that cannot react
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(3), 130)
        self.assertTrue(wait_until(lambda: not alive(worker), 1.0))
        self.assertEqual(self.finished_outputs(), [])

    def test_stopping_and_continuing_does_no_harm(self):
        process = self.start_batch()
        worker = self.busy_worker(process)
        process.send_signal(signal.SIGSTOP)
        os.kill(worker, signal.SIGSTOP)
        time.sleep(0.5)
        os.kill(worker, signal.SIGCONT)
        process.send_signal(signal.SIGCONT)
        out, err = process.communicate(timeout=200)
        self.assertEqual(process.returncode, 0, out + err)
        self.assert_all_whole()


if __name__ == "__main__":
    unittest.main()
