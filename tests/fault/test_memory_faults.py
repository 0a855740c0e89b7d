"""Allocations that fail, one site after the other, and memory that leaks: the video is tried again and done, or fails
with its class; it never hangs, nothing wrong has a finished name, no other video is harmed.

RUNBATCH_SITES: how many sites, evenly spread over all (12), or "all".
"""
import os
import random
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from faults import FaultCase
from harness import ffmpeg, media

SHIM = os.path.abspath(os.environ["RUNBATCH_MEMORY_SHIM"])
SITES = os.environ.get("RUNBATCH_SITES", "12")
LONGEST_S = 120
# Where a library that lacks memory dies by itself, its video is tried again from the last chunk like any crash.
PASSING = {"memory", "crash", "killed"}


class MemoryFaults(FaultCase):
    def shimmed(self, what, times=1, **more):
        state = self.path("memory-state")
        with open(state, "wb") as handle:
            handle.write(bytes(4096))
        return self.start(LD_PRELOAD=SHIM, RUNBATCH_MEMORY_SHIM=what, RUNBATCH_MEMORY_STATE=state,
                          RUNBATCH_MEMORY_TIMES=str(times), prefix=("setarch", "-R"), **more)

    def failures_made(self):
        with open(self.path("memory-state"), "rb") as state:
            return int.from_bytes(state.read(4), sys.byteorder)

    def find_sites(self):
        self.clear()
        run = self.shimmed(f"sites={self.path('sites')}")
        self.assertEqual(run.wait(LONGEST_S), 0, str(run))
        with open(self.path("sites")) as lines:
            sites = list(dict.fromkeys(lines.read().split()))
        self.assertGreater(len(sites), 500)
        return sites

    def chosen(self, sites):
        if SITES == "all":
            return sites
        step = len(sites) / int(SITES)
        return [sites[int((number + random.Random(number).random()) * step)] for number in range(int(SITES))]

    def test_each_allocation_may_fail_once(self):
        for number in (1, 2):
            ffmpeg("-t", 1.5, "-ss", 2 * number, "-i", media("franck.mp4"), "-vf", "scale=320:-2",
                   self.input(f"clip{number}.mp4"))
        self.make_reference()
        failed = 0
        for site in self.chosen(self.find_sites()):
            with self.subTest(site=site):
                self.clear()
                run = self.shimmed(f"fail={site}")
                code = run.wait(LONGEST_S)
                self.assertIsNotNone(code, "it hangs\n" + str(run))
                classes = [event["error"]["class"] for event in run.events_of("video_retry", "video_failed")]
                failed += bool(classes)
                self.assertEqual(code, 0, str(run))
                self.assertLessEqual(set(classes), PASSING, str(run))
                self.assertLessEqual(len(classes), 1, str(run))
                self.assert_like_reference()
                self.assert_nothing_left()
        self.assertGreater(failed, 0, "no allocation failed")

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
