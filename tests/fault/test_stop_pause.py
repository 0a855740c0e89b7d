"""Stopping, pausing, hanging, poisoned videos: nothing finished is lost, and the batch goes on."""
import os
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from faults import HELD, FaultCase, clip_b_frames, clip_vfr
from harness import alive, own_kb, wait_until


class Stops(FaultCase):
    def setUp(self):
        super().setUp()
        clip_b_frames(self.input("clip1.mp4"), 8)
        clip_vfr(self.input("clip2.mp4"), 2)
        self.make_reference()

    def stopped(self, number, *arguments):
        """Starts, waits for a chunk, sends the signal; the run and how long it took to end."""
        run = self.start(*arguments)
        self.wait_chunk(run, 0)
        began = time.monotonic()
        run.process.send_signal(number)
        self.assertEqual(run.wait(30), 130, str(run))
        return run, time.monotonic() - began

    def assert_only_chunks_are_kept(self):
        self.assertEqual([path for path in self.orphans() if not path.endswith(".rbc") and "chunk" in path], [])
        self.assertFalse([path for path in self.orphans() if path.endswith("part")])

    def test_a_short_chunk_is_finished_first(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number.name):
                self.clear()
                run, _ = self.stopped(number, "--stop-grace", 10)
                made = self.chunks_made([run])
                kept = len(self.work_files(".rbc"))
                self.assertEqual(kept, len(made), "every chunk on the disk was told")
                self.assert_only_chunks_are_kept()
                again = self.finish()
                self.assertEqual(len(self.chunks_reused(again)), kept)
                self.assert_like_reference()
                self.assert_nothing_left()

    def test_a_long_chunk_is_given_up(self):
        """Eight seconds of video in one chunk, and no patience at all: nothing of it is kept, and it ends at once."""
        run = self.start("--chunk-seconds", 3600, "--stop-grace", 0)
        self.assertIsNotNone(run.wait_event(lambda e: e["event"] == "video_opened"), str(run))
        began = time.monotonic()
        run.process.send_signal(signal.SIGINT)
        self.assertEqual(run.wait(30), 130, str(run))
        self.assertLess(time.monotonic() - began, 2.5)
        self.assertEqual(self.work_files(".rbc"), [])
        self.assert_only_chunks_are_kept()

    def test_a_second_signal_ends_at_once(self):
        """All the patience of the world, and one chunk that takes its time."""
        run = self.start("--stop-grace", 600, "--chunk-seconds", 3600, "--output-video-preset", "veryslow")
        # how long the chunk takes is known once frames come
        self.assertIsNotNone(run.wait_event(lambda e: e["event"] == "progress" and e["fps"] > 0), str(run))
        worker = run.workers()[0]
        run.process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        self.assertTrue(run.running, "it does not wait for the chunk")
        run.process.send_signal(signal.SIGINT)
        self.assertEqual(run.wait(2), 130, str(run))
        self.assertTrue(wait_until(lambda: not alive(worker), 1.0))
        self.finish()
        self.assert_like_reference()
        self.assert_nothing_left()

    def test_stopped_by_the_terminal_and_continued(self):
        """Ctrl+Z and fg, or a laptop that sleeps: nothing counts as a hang."""
        run = self.start("--stall-timeout", 2)
        self.wait_chunk(run, 0)
        worker = run.workers()[0]
        run.process.send_signal(signal.SIGTSTP)
        self.assertTrue(wait_until(lambda: self.is_stopped(run.pid), 5))
        self.assertTrue(wait_until(lambda: self.is_stopped(worker), 5), "the worker goes on alone")
        time.sleep(3)
        run.process.send_signal(signal.SIGCONT)
        self.assertEqual(run.wait(), 0, str(run))
        self.assertEqual(set(self.chunks_made([run]).values()), {1})
        self.assert_like_reference()
        self.assert_nothing_left()

    @staticmethod
    def is_stopped(pid):
        try:
            with open(f"/proc/{pid}/stat") as handle:
                return handle.read().rsplit(")", 1)[1].split()[0] == "T"
        except OSError:
            return False

    # ---- from another terminal ----

    def test_pause_frees_the_memory_and_continue_goes_on(self):
        run = self.start(faults=HELD)
        self.wait_chunk(run, 0)
        self.assertGreater(own_kb(run.workers()[0]), 50 * 1024)
        self.ask_while_it_works("pause")
        self.assertTrue(wait_until(lambda: not run.workers(), 20), "a paused batch has no worker")
        before = len(self.work_files(".rbc"))
        self.assertLess(own_kb(run.pid), 10 * 1024)
        time.sleep(1)
        self.assertTrue(run.running)
        self.assertEqual(run.workers(), [])
        self.assertFalse([path for path in self.orphans() if path.endswith(".part")], "it ended at a chunk's end")
        self.ask("continue")
        self.assertEqual(run.wait(), 0, str(run))
        self.assertEqual(set(self.chunks_made([run]).values()), {1})
        self.assertGreaterEqual(len(self.chunks_reused(run)), before)
        self.assert_like_reference()
        self.assert_nothing_left()

    def test_one_video_is_paused_and_the_others_go_on(self):
        run = self.start(faults=HELD)
        self.wait_chunk(run, 0)
        self.ask_while_it_works("pause", "joconde_1.mp4")
        other = run.wait_event(lambda e: e["event"] == "video_done" and e["output"].endswith("joconde_2.mp4"))
        self.assertIsNotNone(other, str(run))
        self.assertFalse(os.path.exists(self.output("joconde_1.mp4")))
        self.assertTrue(run.running, "it waits for the paused one")
        self.ask("continue", "joconde_1.mp4")
        self.assertEqual(run.wait(), 0, str(run))
        self.assert_like_reference()
        self.assert_nothing_left()

    def test_cancel_leaves_nothing_of_the_video(self):
        run = self.start(faults=HELD)
        self.wait_chunk(run, 0)
        self.ask_while_it_works("cancel", "joconde_1.mp4")
        self.assertIsNotNone(run.wait(60), str(run))
        self.assertEqual(self.finished_outputs(), ["joconde_2.mp4"])
        self.assert_nothing_left()

    def test_a_paused_batch_can_be_killed_and_resumed(self):
        run = self.start(faults=HELD)
        self.wait_chunk(run, 0)
        self.ask_while_it_works("pause")
        self.assertTrue(wait_until(lambda: not run.workers(), 20))
        run.kill()
        self.finish()
        self.assert_like_reference()
        self.assert_nothing_left()

    # ---- workers that die or hang ----

    def test_a_video_that_kills_its_worker_is_set_aside(self):
        crash = "call=write;who=worker;path=*.joconde_1.mp4.runbatch-part;times=0;do=crash"
        run = self.finish(code=1, faults=[crash])
        self.assertEqual(len(run.events_of("video_started")), 4, "three times the one, once the other")
        aside = run.events_of("video_set_aside")
        self.assertEqual([(e["position"], e["error"]["class"]) for e in aside], [(1, "crash")], str(run))
        self.assertEqual(self.finished_outputs(), ["joconde_2.mp4"])
        told = self.ask("report", "--json").out
        self.assertIn("SIGSEGV", told)
        self.assertIn("set_aside", told)
        # the next run tries it again
        self.finish()
        self.assert_like_reference()
        self.assert_nothing_left()

    def test_a_crash_is_tried_again_from_the_last_chunk(self):
        run = self.finish(faults=["call=write;who=worker;path=*joconde_1*chunk-000003*;do=crash"])
        self.assertEqual(len(run.events_of("video_started")), 3, str(run))
        self.assertEqual(set(self.chunks_made([run]).values()), {1})
        self.assertEqual(len(self.chunks_reused(run)), 3)
        self.assert_like_reference()
        self.assert_nothing_left()

    def test_a_worker_that_hangs_is_ended_and_its_video_goes_on(self):
        run = self.finish("--stall-timeout", 2, faults=["call=write;who=worker;path=*joconde_1*chunk-000003*;do=hang"])
        self.assertEqual([e["error"]["class"] for e in run.events_of("video_retry")], ["timeout"], str(run))
        self.assertEqual(set(self.chunks_made([run]).values()), {1})
        self.assertEqual(len(self.chunks_reused(run)), 3)
        self.assert_like_reference()
        self.assert_nothing_left()

    def test_a_worker_that_is_stopped_does_not_hang(self):
        """By a debugger, or by somebody who needs the processor: it goes on where it was."""
        run = self.start("--stall-timeout", 2)
        self.wait_chunk(run, 0)
        worker = run.workers()[0]
        os.kill(worker, signal.SIGSTOP)
        told = run.wait_event(lambda e: e["event"] == "warning" and f"kill -CONT {worker}" in str(e), 20)
        self.assertIsNotNone(told, str(run))
        self.assertTrue(alive(worker))
        os.kill(worker, signal.SIGCONT)
        self.assertEqual(run.wait(), 0, str(run))
        self.assertEqual(run.events_of("video_retry"), [])
        self.assert_like_reference()
        self.assert_nothing_left()


if __name__ == "__main__":
    unittest.main()
