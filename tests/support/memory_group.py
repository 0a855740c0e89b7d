"""A control group with a limit of memory for a batch and for who takes memory from it, watched from outside.

Version 1, as it can be made here. The group is removed with all that runs in it.
"""
import itertools
import os
import signal
import subprocess
import sys
import threading
import time

ROOT = "/sys/fs/cgroup/memory"
STEP_S = 0.02
NUMBERS = itertools.count(1)

# Takes so many MB in so many seconds, and holds them until its input ends.
HOG = """
import mmap, sys, time
megabytes, seconds = int(sys.argv[1]), float(sys.argv[2])
held = []
for number in range(megabytes // 10):
    held.append(mmap.mmap(-1, 10 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
    for place in range(0, 10 << 20, 4096):
        held[-1][place] = 1
    time.sleep(seconds * 10 / megabytes)
sys.stdin.read()
"""


def why_not():
    """Why such a group cannot be made here; empty when it can."""
    name = os.path.join(ROOT, f"runbatch-test-{os.getpid()}")
    try:
        os.mkdir(name)
        try:
            with open(os.path.join(name, "memory.limit_in_bytes"), "w") as limit:
                limit.write(str(64 << 20))
        finally:
            os.rmdir(name)
    except OSError as problem:
        return f"no control group (version 1) with a memory limit can be made here: {problem}"
    return ""


def machine_kills():
    """By the kernel, for want of memory, on the whole machine since it runs."""
    with open("/proc/vmstat") as handle:
        return int(dict(line.split() for line in handle)["oom_kill"])


class MemoryGroup:
    def __init__(self, limit_mb):
        self.limit = limit_mb << 20
        self.folder = os.path.join(ROOT, f"runbatch-test-{os.getpid()}-{next(NUMBERS)}")
        self.most = 0  # anonymous memory, with the groups below
        self.hogs = []
        os.mkdir(self.folder)
        with open(os.path.join(self.folder, "memory.limit_in_bytes"), "w") as limit:
            limit.write(str(self.limit))
        self.watching = True
        self.watcher = threading.Thread(target=self.watch)
        self.watcher.start()

    def read(self, name):
        with open(os.path.join(self.folder, name)) as handle:
            return dict(line.split() for line in handle if len(line.split()) == 2)

    def anonymous(self):
        return int(self.read("memory.stat")["total_rss"])

    def watch(self):
        while self.watching:
            self.most = max(self.most, self.anonymous())
            time.sleep(STEP_S)

    @property
    def most_percent(self):
        return 100 * self.most / self.limit

    @property
    def kernel_kills(self):
        """Of this group and, since version 1 counts each by itself, of those of the workers that still are."""
        count = 0
        for folder, _, _ in os.walk(self.folder):
            try:
                with open(os.path.join(folder, "memory.oom_control")) as handle:
                    count += int(dict(line.split() for line in handle).get("oom_kill", 0))
            except FileNotFoundError:
                pass
        return count

    def prefix(self):
        """Before a command: it runs in the group."""
        return ("sh", "-c", f'echo $$ > {self.folder}/cgroup.procs && exec "$@"', "sh")

    def start_hog(self, megabytes, seconds):
        hog = subprocess.Popen([*self.prefix(), sys.executable, "-c", HOG, str(megabytes), str(seconds)],
                               stdin=subprocess.PIPE)
        self.hogs.append(hog)
        return hog

    @staticmethod
    def end_hog(hog):
        hog.stdin.close()
        return hog.wait(30)

    def close(self):
        """May be called again."""
        if not self.watching:
            return
        self.watching = False
        self.watcher.join()
        for folder, _, _ in os.walk(self.folder, topdown=False):
            for _ in range(100):
                with open(os.path.join(folder, "cgroup.procs")) as handle:
                    inside = [int(line) for line in handle]
                for process in inside:
                    os.kill(process, signal.SIGKILL)
                for hog in self.hogs:
                    hog.poll()
                try:
                    os.rmdir(folder)
                    break
                except OSError:
                    time.sleep(0.05)
        for hog in self.hogs:
            hog.stdin.close()
            hog.wait(10)
