"""Workers are held to --max-memory: one that takes more than its video should (here: a leak) is ended alone, the others
finish, nothing is left behind. By control groups where this machine has them, and without them. Groups are made and
removed below this process's own."""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from faults import FaultCase
from harness import ffmpeg, media, wait_until

SHIM = os.path.abspath(os.environ["RUNBATCH_MEMORY_SHIM"])
LIMIT = 500 * 1000 * 1000
LEAK = 12 << 20  # a frame


def own_group():
    """The folder of the control group with the memory controller that this process is in; None: there is none, or no
    group can be made in it."""
    with open("/proc/self/cgroup") as handle:
        rows = [line.rstrip("\n").split(":", 2) for line in handle]
    for _, controllers, path in rows:
        if "memory" in controllers.split(","):
            folder = "/sys/fs/cgroup/memory" + path
            return folder if os.access(folder, os.W_OK) else None
    return None


def groups(folder):
    return [name for name in os.listdir(folder) if name.startswith("runbatch-")]


def worker_with_group(run):
    """A worker that has one; the child that proves at start that limits hold has another name."""
    return next((pid for pid in run.workers() if re.search(r"/runbatch-\d+-\d+-\d+$", group_of(pid) or "")), None)


def group_of(pid):
    try:
        with open(f"/proc/{pid}/cgroup") as handle:
            return next((line.rstrip("\n").split(":", 2)[2] for line in handle if ":memory:" in line), None)
    except OSError:
        return None


class MemoryLimit(FaultCase):
    OPTIONS = ("--output-video-preset", "veryfast", "--jobs", 2, "--execution-threads", 2, "--max-memory", "0.5")

    def setUp(self):
        super().setUp()
        self.group = own_group()
        # at their leak the short ones end far below the limit, the long one would take 0.9 GB more than it should
        for name, frames in ("short1.mp4", 8), ("long2.mp4", 72), ("short3.mp4", 8):
            ffmpeg("-i", media("franck.mp4"), "-frames:v", frames, "-vf", "scale=320:-2", self.input(name))

    def start_leaking(self, **more):
        return self.start(LD_PRELOAD=SHIM, RUNBATCH_MEMORY_SHIM=f"leak={LEAK}", **more)

    def check(self, run, means):
        self.assertEqual(run.wait(), 1, str(run))
        note = run.events_of("note")
        self.assertEqual(len(note), 1, str(run))
        self.assertIn(means, note[0]["text"])
        failed = run.events_of("video_failed")
        self.assertEqual([os.path.basename(event["input"]) for event in failed], ["long2.mp4"], str(run))
        self.assertEqual(failed[0]["error"]["class"], "memory")
        self.assertIn("its limit", failed[0]["error"]["why"])
        self.assertIn("0.50 GB", failed[0]["error"]["why"])
        self.assertIn("--max-memory", failed[0]["error"]["todo"])
        self.assertEqual(self.finished_outputs(), ["joconde_1.mp4", "joconde_3.mp4"])
        # with less, at once: neither the others' memory nor being alone was waited for
        retries = run.events_of("video_retry")
        self.assertEqual({os.path.basename(event["input"]) for event in retries}, {"long2.mp4"}, str(run))
        for event in retries:
            self.assertIn("threads: 1, smallest frame budget", event["text"])
        self.assertEqual(self.leftovers(), [])

    def test_by_a_control_group_each(self):
        if self.group is None:
            self.skipTest("no control group of version 1 can be made here")
        before = groups(self.group)
        run = self.start_leaking()
        worker = wait_until(lambda: worker_with_group(run))
        self.assertTrue(worker, str(run))
        folder = "/sys/fs/cgroup/memory" + group_of(worker)
        with open(os.path.join(folder, "memory.limit_in_bytes")) as handle:
            self.assertAlmostEqual(int(handle.read()), LIMIT, delta=65536)
        self.assertNotIn("/runbatch-", group_of(run.pid))
        with open(f"/proc/{worker}/oom_score_adj") as handle:
            self.assertEqual(int(handle.read()), 500)
        with open(f"/proc/{run.pid}/oom_score_adj") as handle, open("/proc/self/oom_score_adj") as own:
            self.assertEqual(handle.read(), own.read())
        self.check(run, "a control group each (version 1)")
        self.assertIn("needed more memory than its limit", run.events_of("video_failed")[0]["error"]["why"])
        self.assertEqual(groups(self.group), before)

    def test_without_control_groups(self):
        run = self.start_leaking(RUNBATCH_LIMITS="watch")
        self.check(run, "looked at ten times a second (RLIMIT_DATA)")
        if self.group is not None:
            self.assertNotIn(f"runbatch-{run.pid}-", " ".join(groups(self.group)))

    def test_groups_of_a_killed_run_are_removed_by_the_next(self):
        if self.group is None:
            self.skipTest("no control group of version 1 can be made here")
        run = self.start_leaking()
        mine = f"runbatch-{run.pid}-"
        self.assertTrue(wait_until(lambda: worker_with_group(run)), str(run))
        run.kill()
        self.assertTrue(any(name.startswith(mine) for name in groups(self.group)))
        again = self.start_leaking()
        self.check(again, "a control group each")
        self.assertFalse(any(name.startswith(mine) for name in groups(self.group)))

    def test_without_a_leak_the_limit_holds_nobody_back(self):
        run = self.start()
        self.assertEqual(run.wait(), 0, str(run))
        self.assertEqual(run.events_of("video_retry"), [])
        self.assertEqual(len(self.finished_outputs()), 3)


if __name__ == "__main__":
    unittest.main()
