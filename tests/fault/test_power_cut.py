"""The power is cut: whatever the disk kept of a running batch leads to a right result.

RUNBATCH_CUTS: how many moments of each kind (3), RUNBATCH_SEED: of the moments (1).
"""
import os
import random
import shutil
import signal
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from faults import STATE, FaultCase, clip_b_frames, clip_vfr, clip_webm
from harness import alive

CUTS = int(os.environ.get("RUNBATCH_CUTS", "3"))
SEED = int(os.environ.get("RUNBATCH_SEED", "1"))
LONGEST_S = 1.2  # from one cut to the next


def copy_moving(source, target):
    """As cp -a does of a folder that changes meanwhile: what vanishes on the way is left out."""
    os.makedirs(target, exist_ok=True)
    shutil.copystat(source, target)
    for entry in sorted(os.scandir(source), key=lambda e: e.name):
        place = os.path.join(target, entry.name)
        try:
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), place)
            elif entry.is_dir():
                copy_moving(entry.path, place)
            else:
                shutil.copy2(entry.path, place)
        except FileNotFoundError:
            pass


class Disk:
    """What a power cut leaves, from the shim's record of what was synced: files keep what was synced last of them,
    names the last rename. The store's own files are left to SQLite: their tails are cut elsewhere."""

    def __init__(self, log_path):
        self.synced = {}
        with open(log_path) as log:
            for word, left, right in (line.rstrip("\n").split(" ") for line in log if line.endswith("\n")):
                left = os.path.normpath(left)
                if word == "sync":
                    self.synced[left] = int(right)
                else:
                    self.synced[os.path.normpath(right)] = self.synced.pop(left, 0)

    def cut(self, root):
        """Cuts every file below `root`/outputVideos to what is on the disk for sure."""
        for base, _, names in os.walk(os.path.join(root, "outputVideos")):
            for name in names:
                path = os.path.join(base, name)
                inside = os.path.relpath(path, root)
                if name.startswith("batch.db") or name == "lock" or not os.path.isfile(path):
                    continue
                kept = self.synced.get(inside)
                if kept is None:
                    os.unlink(path)
                elif kept < os.path.getsize(path):
                    os.truncate(path, kept)


class PowerCut(FaultCase):
    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        clip_b_frames(self.input("clip1.mp4"), 5)
        clip_vfr(self.input("clip2.mp4"), 3)
        clip_webm(self.input("clip3.webm"), 3)
        self.make_reference()

    def copies(self, take, log=None):
        """Copies of the whole folder at CUTS random moments of as many runs as that takes."""
        made = []
        while len(made) < CUTS:
            self.clear()
            if log and os.path.exists(log):
                os.unlink(log)
            run = self.start(log=log)
            while len(made) < CUTS and run.wait(self.random.uniform(0.05, LONGEST_S)) is None:
                folder = self.path(f"copy{len(made)}")
                take(run, folder)
                made.append(folder)
            run.kill()
        return made

    def batch_into(self, folder):
        os.makedirs(folder)
        for name in ("source", "inputVideos"):
            os.symlink(self.path(name), os.path.join(folder, name))
        copy_moving(self.path("outputVideos"), os.path.join(folder, "outputVideos"))

    def frozen_into(self, run, folder):
        """A copy while nothing moves: the state of one moment."""
        stopped = [run.pid, *run.workers()]
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            self.batch_into(folder)
        finally:
            for pid in stopped:
                if alive(pid):
                    os.kill(pid, signal.SIGCONT)

    def assert_all_recover(self, folders):
        for folder in folders:
            with self.subTest(os.path.basename(folder)):
                self.finish(root=folder)
                self.assert_like_reference(folder)
                self.assert_nothing_left(folder)

    def test_copies_made_while_it_runs(self):
        self.assert_all_recover(self.copies(lambda run, folder: self.batch_into(folder)))

    def test_copies_of_one_moment(self):
        self.assert_all_recover(self.copies(self.frozen_into))

    def test_only_what_was_synced_is_left(self):
        """The harshest disk: of every file only what was synced."""
        log = self.path("disk.log")

        def take(run, folder):
            self.frozen_into(run, folder)
            shutil.copy(log, os.path.join(folder, "disk.log"))

        folders = self.copies(take, log)
        for folder in folders:
            Disk(os.path.join(folder, "disk.log")).cut(folder)
            for name in os.listdir(os.path.join(folder, "outputVideos")):
                self.assertTrue(name.startswith(".") or os.path.getsize(os.path.join(folder, "outputVideos", name)) > 0)
        self.assert_all_recover(folders)

    def test_tails_that_were_not_written(self):
        """What was written last is short, or zeros: unfinished files, the store's log, and the last chunk."""
        folders = self.copies(self.frozen_into)
        for folder in folders:
            victims = [*self.work_files(".part", folder), *self.work_files(".rbc", folder)[-1:],
                       *(os.path.join(folder, "outputVideos", name) for name in
                         os.listdir(os.path.join(folder, "outputVideos")) if name.endswith(".runbatch-part"))]
            log = os.path.join(folder, STATE, "batch.db-wal")
            victims += [log] if os.path.exists(log) else []
            for path in victims:
                size = os.path.getsize(path)
                kept = self.random.randrange(size) if size else 0
                os.truncate(path, kept)
                if self.random.random() < 0.5:
                    os.truncate(path, size)
        self.assert_all_recover(folders)

    def test_the_power_goes_at_a_sync(self):
        """Dead at the n-th sync of chunk, output, store or folder, before it is done; n grows until nothing is left."""
        for who, number in (("worker", 1), ("worker", 4), ("worker", 9), ("supervisor", 2), ("supervisor", 7)):
            with self.subTest(f"{who}, sync {number}"):
                self.clear()
                run = self.start(faults=[f"call=sync;who={who};after={number - 1};do=kill"])
                self.assertIn(run.wait(), (0, -signal.SIGKILL), str(run))
                self.assertGreaterEqual(self.fault_count(), number, "it was not reached")
                self.finish()
                self.assert_like_reference()
                self.assert_nothing_left()


if __name__ == "__main__":
    unittest.main()
