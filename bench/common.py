"""What the measuring scripts share: where the clips are, running something and its times, a batch folder."""
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CACHE = os.environ.get("RUNBATCH_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "runbatch")
MEDIA = os.path.join(CACHE, "media")


def run(*command, folder=None):
    """Wall seconds and processor seconds of a command and its children; ends the script when it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    done = subprocess.run([str(word) for word in command], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True)
    wall = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class BatchFolder:
    """A folder with source/ and inputVideos/, removed in the end; a context manager."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="runbatch-bench-")
        for name in ("source", "inputVideos"):
            os.mkdir(os.path.join(self.path, name))
        shutil.copy(os.path.join(MEDIA, "joconde.jpg"), os.path.join(self.path, "source"))
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def inside(self, *parts):
        return os.path.join(self.path, *parts)

    def clear(self):
        shutil.rmtree(self.inside("outputVideos"), ignore_errors=True)

    def start(self, program, *arguments):
        """Starts the program with its events in events.json."""
        with open(self.inside("events.json"), "w") as events:
            return subprocess.Popen([program, "--json", *map(str, arguments)], cwd=self.path, stdin=subprocess.DEVNULL,
                                    stdout=events)

    def events(self, *kinds):
        with open(self.inside("events.json")) as events:
            rows = [json.loads(line) for line in events if line.endswith("\n")]
        return [row for row in rows if row["event"] in kinds]


def cut_clip(path, seconds, name="franck.mp4", start=0):
    """Some seconds of a real clip: from its beginning packet by packet, from elsewhere frame by frame without loss."""
    kept = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", 0, "-g", 24) if start else ("-c", "copy")
    run("ffmpeg", "-v", "error", "-y", "-ss", start, "-t", seconds, "-i", os.path.join(MEDIA, name), *kept, path)


def look_at_worker(pid, seen):
    fields = {"VmHWM": "peak", "RssAnon": "own", "RssFile": "mapped", "VmData": "data"}
    try:
        with open(f"/proc/{pid}/status") as status:
            for line in status:
                name = fields.get(line.split(":")[0])
                if name:
                    seen[name] = max(seen.get(name, 0), int(line.split()[1]) * 1024)
    except OSError:
        pass  # it ended


def watch_workers(process):
    """Until the program ends: in bytes the largest that any of its workers had, seen from outside: the peak of its
    resident set, of it its own pages and mapped ones, and private writable memory as RLIMIT_DATA counts it."""
    seen = {}
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/task/{process.pid}/children") as children:
                for pid in children.read().split():
                    look_at_worker(pid, seen)
        except OSError:
            pass
        time.sleep(0.01)
    return seen


def finish(report, path):
    """Prints the report, and writes it where it is wanted."""
    print(json.dumps(report, indent=2))
    if path:
        with open(path, "w") as handle:
            json.dump(report, handle, indent=2)
