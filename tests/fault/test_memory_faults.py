"""Allocations that fail, one site after the other, and memory that leaks: the video is tried again and done, or fails
with its class; it never hangs, nothing wrong has a finished name, no other video is harmed.

RUNBATCH_SITES: how many sites, evenly spread over all (12), or "all": some 1,700, half an hour.

    RUNBATCH_SITES=all meson test -C build memory_faults -t 0 -v

Each line that it prints then is a site that failed, with who asked for how much.
"""
import os
import random
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from faults import SINE, FaultCase
from harness import ffmpeg, media

SHIM = os.path.abspath(os.environ["RUNBATCH_MEMORY_SHIM"])
SITES = os.environ.get("RUNBATCH_SITES", "12")
LONGEST_S = 120


class MemoryFaults(FaultCase):
    OPTIONS = ("--output-video-preset", "ultrafast", "--chunk-seconds", 1)

    def make_clip(self, name, height, *options):
        ffmpeg("-t", 0.5, "-ss", 2, "-i", media("franck.mp4"), *SINE, "-t", 0.5, "-vf", f"scale=-2:{height}", *options,
               self.input(name))

    def shimmed(self, what, *arguments, times=1):
        state = self.path("memory-state")
        with open(state, "wb") as handle:
            handle.write(bytes(4096))
        return self.start(*arguments, LD_PRELOAD=SHIM, RUNBATCH_MEMORY_SHIM=what, RUNBATCH_MEMORY_STATE=state,
                          RUNBATCH_MEMORY_TIMES=str(times), prefix=("setarch", "-R"))

    def find_sites(self, *arguments):
        """As lines: its number, who asks, for how much."""
        self.clear()
        path = self.path("sites")
        if os.path.exists(path):
            os.unlink(path)
        run = self.shimmed(f"sites={path}", *arguments)
        self.assertEqual(run.wait(LONGEST_S), 0, str(run))
        with open(path) as lines:
            sites = list(dict.fromkeys(line.strip() for line in lines))
        self.assertGreater(len(sites), 500)
        return sites

    @staticmethod
    def chosen(sites, most):
        step = max(len(sites) / most, 1)
        return [sites[int((number + random.Random(number).random()) * step)]
                for number in range(min(most, len(sites)))]

    def run_without(self, site, times):
        self.clear()
        run = self.shimmed(f"fail={site.split()[0]}", times=times)
        self.assertIsNotNone(run.wait(LONGEST_S), "it hangs\n" + str(run))
        failures = run.events_of("video_retry", "video_failed", "video_set_aside")
        self.assertLessEqual({event["error"]["class"] for event in failures}, {"memory"}, str(run))
        return run, failures

    def test_each_allocation_may_fail_once(self):
        self.make_clip("clip1.mp4", 90, "-c:a", "aac")
        self.make_clip("clip2.mov", 90, "-c:a", "pcm_s16le")
        self.make_reference()
        failed = 0
        sites = self.find_sites()
        for site in sites if SITES == "all" else self.chosen(sites, int(SITES)):
            with self.subTest(site=site):
                run, failures = self.run_without(site, 1)
                failed += bool(failures)
                self.assertEqual(run.wait(), 0, str(run))
                self.assertLessEqual(len(failures), 1, str(run))
                self.assert_like_reference()
                self.assert_nothing_left()
        self.assertGreater(failed, 0, "no allocation failed")

    def test_an_allocation_always_fails(self):
        """One that only the larger video needs."""
        self.make_clip("clip1.mp4", 90)
        self.make_clip("clip2.mp4", 134)
        self.make_reference()
        small = self.find_sites("1")
        # of some size: those of messages differ from run to run
        larger = sorted(site for site in set(self.find_sites()) - set(small) if int(site.split()[-1]) >= 4096)
        failed = 0
        for site in self.chosen(larger, 3):
            with self.subTest(site=site):
                run, failures = self.run_without(site, 0)
                ended = run.events_of("video_failed")
                failed += len(ended)
                self.assertEqual(run.wait(), 1 if ended else 0, str(run))
                harmed = {os.path.basename(event["input"]) for event in failures}
                self.assertLessEqual(harmed, {"clip2.mp4"}, str(run))
                self.assertIn("joconde_1.mp4", self.finished_outputs())
                self.assert_no_wrong_output()
        self.assertGreater(failed, 0, "with less each was done")

    def test_a_leak_is_found_and_its_worker_renewed(self):
        ffmpeg("-t", 16, "-i", media("franck.mp4"), "-vf", "scale=320:-2", self.input("clip1.mp4"))
        self.make_reference()
        run = self.shimmed(f"leak={1 << 20}")
        self.assertEqual(run.wait(LONGEST_S), 0, str(run))
        self.assert_like_reference()
        told = [event["text"] for event in run.events_of("warning") if "leaks" in event["text"]]
        self.assertTrue(told, str(run))
        for text in told:
            number, unit = re.search(r"leaks memory, ([0-9.]+) ([kM]B) a frame", text).groups()
            self.assertAlmostEqual(float(number) * {"kB": 1 / 1024, "MB": 1}[unit], 1, delta=0.1, msg=text)
        report = self.ask("report").out
        self.assertIn("renewed", report)
        self.assertRegex(report, r"its worker leaks memory, [0-9.]+ [kM]B a frame")
        self.assert_nothing_left()


if __name__ == "__main__":
    unittest.main()
