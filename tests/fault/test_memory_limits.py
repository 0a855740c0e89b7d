"""Real memory, really short: a control group with a limit, and somebody else who takes most of it."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from faults import FaultCase
from harness import ffmpeg, media, wait_until
from memory_group import MemoryGroup, machine_kills, why_not

SHIM = os.path.abspath(os.environ["RUNBATCH_MEMORY_SHIM"])
REFUSED = why_not()
MOST_PERCENT = 95
LONGEST_S = 300


@unittest.skipIf(REFUSED, REFUSED)
class MemoryLimits(FaultCase):
    def make_clips(self, count, seconds, height):
        for number in range(1, count + 1):
            ffmpeg("-ss", 7 * number, "-t", seconds, "-i", media("franck.mp4"), "-vf", f"scale=-2:{height}", "-c:v",
                   "libx264", "-preset", "ultrafast", "-c:a", "copy", self.input(f"clip{number}.mp4"))

    def group(self, megabytes):
        group = MemoryGroup(megabytes)
        self.addCleanup(group.close)
        return group

    def assert_all_done(self, run, count):
        self.assertEqual(run.wait(LONGEST_S), 0, str(run))
        self.assertEqual(len(self.finished_outputs()), count)
        self.assertEqual(run.events_of("video_failed", "video_set_aside"), [], str(run))
        self.assert_nothing_left()

    def assert_never_over(self, group, run):
        self.assertLess(group.most_percent, MOST_PERCENT, str(run))
        self.assertEqual(group.kernel_kills, 0, str(run))
        # a worker's own group counts its kill and is gone with it: the batch knows of each
        killed = [event for event in run.events_of("video_retry", "video_failed", "video_set_aside")
                  if "out-of-memory killer" in event["error"]["why"]]
        self.assertEqual(killed, [], str(run))

    def test_ten_large_clips_in_a_small_group(self):
        self.make_clips(10, 2, 1080)
        group = self.group(700)
        run = self.start("--jobs", "4", prefix=group.prefix())
        self.assert_all_done(run, 10)
        self.assert_never_over(group, run)

    def test_somebody_takes_memory_and_lets_go(self):
        self.make_clips(6, 6, 720)
        group = self.group(1000)
        run = self.start("--jobs", "2", prefix=group.prefix())
        self.assertTrue(run.wait_event(lambda event: event["event"] == "chunk_done"), str(run))
        hog = group.start_hog(600, 4)
        told = run.wait_event(lambda event: event["event"] == "warning" and "memory" in event["text"])
        self.assertTrue(told, str(run))
        self.assertRegex(told["text"], r"control group .* used, .* of it ours")
        self.assertEqual(group.end_hog(hog), 0, str(run))
        self.assert_all_done(run, 6)
        self.assert_never_over(group, run)

    def test_somebody_takes_memory_for_good(self):
        self.make_clips(3, 4, 720)
        for what, code in (("continue", 0), ("fail", 1)):
            with self.subTest(what=what):
                self.clear()
                group = self.group(1000)
                hog = group.start_hog(620, 1)
                self.assertTrue(wait_until(lambda: group.anonymous() >= 600 << 20), "the hog is slow")
                options = ("--memory-high", 60, "--memory-resume", 30, "--memory-timeout", 2, "--memory-poll", 0.5,
                           "--on-memory-timeout", what)
                run = self.start(*options, prefix=group.prefix())
                self.assertEqual(run.wait(LONGEST_S), code, str(run))
                self.assertEqual(len(self.finished_outputs()), 3 if code == 0 else 0, str(run))
                if code != 0:
                    self.assertEqual({event["error"]["class"] for event in run.events_of("video_failed")}, {"memory"})
                paused = run.events_of("batch_paused")
                self.assertTrue(paused and "waits for memory" in paused[0]["text"], str(run))
                self.assert_never_over(group, run)
                self.assertEqual(group.end_hog(hog), 0)
                group.close()

    def gulp(self, times):
        """Workers take more than there is from one frame to the next, sooner than anybody could steer."""
        self.clear()
        group = self.group(400)
        kills_before = machine_kills()
        with open(self.path("memory-state"), "wb") as state:
            state.write(bytes(4096))
        # one at a time: of two in one group the kernel may end the other one too
        run = self.start("--jobs", "1", prefix=group.prefix(), LD_PRELOAD=SHIM,
                         RUNBATCH_MEMORY_SHIM=f"gulp={600 << 20}", RUNBATCH_MEMORY_TIMES=str(times),
                         RUNBATCH_MEMORY_STATE=self.path("memory-state"))
        self.assertIsNotNone(run.wait(LONGEST_S), "it hangs\n" + str(run))
        failures = run.events_of("video_retry", "video_failed", "video_set_aside")
        self.assertEqual({event["error"]["class"] for event in failures}, {"memory"}, str(run))
        # the governor may be quicker; one that is ended while it makes room has not failed
        killed = [event for event in failures if "out-of-memory killer" in event["error"]["why"]]
        self.assertGreaterEqual(machine_kills() - kills_before, len(killed) + 1, str(run))  # one proves the limits
        group.close()
        return run, failures

    def test_the_kernel_ends_workers(self):
        self.make_clips(2, 2, 360)
        self.make_reference()
        run, failures = self.gulp(times=1)
        self.assertEqual(len(failures), 1, str(run))
        self.assertIn("smallest frame budget", failures[0]["text"])
        self.assert_all_done(run, 2)
        self.assert_like_reference()
        run, failures = self.gulp(times=0)
        self.assertEqual(run.wait(), 1, str(run))
        self.assertEqual(len(run.events_of("video_failed")), 2, str(run))
        self.assertEqual(self.finished_outputs(), [])


if __name__ == "__main__":
    unittest.main()
