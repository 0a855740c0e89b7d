"""What the end-to-end and fault tests share: folders, clips, running the program, looking at videos.

Environment: RUNBATCH (the program), RUNBATCH_CACHE (the folder that
scripts/setup.sh filled; the real clips are in its media/).
"""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

PROGRAM = os.environ.get("RUNBATCH", "build/runbatch")
CACHE = os.environ.get("RUNBATCH_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "runbatch")
MEDIA = os.path.join(CACHE, "media")
DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "json.md")
VIDEO_PATTERN = (".mp4", ".mkv", ".webm", ".avi", ".mov", ".wmv")


def media(name):
    return os.path.join(MEDIA, name)


def ffmpeg(*arguments):
    """Runs ffmpeg quietly; an error is a failed test."""
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)], check=True,
                   stdin=subprocess.DEVNULL)


def probe(path, *entries, stream=None, data_hash=False):
    """ffprobe as a dict; `entries` in -show_entries' words. With `data_hash` packets have it."""
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_entries", ":".join(entries)]
    if data_hash:
        command += ["-show_data_hash", "md5"]
    if stream:
        command += ["-select_streams", stream]
    return json.loads(subprocess.run([*command, path], check=True, capture_output=True, text=True).stdout)


def frame_times(path):
    """Presentation times of the video's frames, in seconds, as the decoder gives them."""
    rows = probe(path, "frame=pts_time", stream="v:0")["frames"]
    return [float(row["pts_time"]) for row in rows]


def packets(path, stream="a:0"):
    """(presentation time, size, hash of the data) of every packet of a stream."""
    text = subprocess.run(["ffprobe", "-v", "error", "-select_streams", stream, "-show_packets",
                           "-show_data_hash", "md5", "-of", "json", path],
                          check=True, capture_output=True, text=True).stdout
    return [(round(float(p["pts_time"]), 6), int(p["size"]), p["data_hash"]) for p in json.loads(text)["packets"]]


def frame_hashes(path, filters=None):
    """An MD5 of every decoded frame (after `filters`)."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough"]
    if filters:
        command += ["-vf", filters]
    text = subprocess.run([*command, "-f", "framemd5", "-"], check=True, capture_output=True, text=True).stdout
    return [line.split(",")[-1].strip() for line in text.splitlines() if not line.startswith("#")]


def decoder_says(path):
    """What ffmpeg has to say when it decodes all of the file; empty when it has nothing to. Times stay as they are:
    it would round them to a frame rate, and complain of what comes of that."""
    done = subprocess.run(["ffmpeg", "-nostdin", "-v", "warning", "-xerror", "-i", path, "-fps_mode", "passthrough",
                           "-enc_time_base", "-1", "-f", "null", "-"], capture_output=True, text=True)
    return done.stderr.strip() or (f"exit code {done.returncode}" if done.returncode else "")


def decodes_clean(path):
    return decoder_says(path) == ""


def own_kb(pid):
    """What a process holds of its own in KiB, or None when it is gone. Its resident set is no measure of that: how much
    of a mapped file counts goes by how the page cache came by it (34 to 41 MB for one and the same supervisor)."""
    try:
        with open(f"/proc/{pid}/status") as status:
            rows = dict(line.split(":", 1) for line in status)
        return sum(int(rows[row].split()[0]) for row in ("RssAnon", "RssShmem"))
    except (OSError, KeyError):
        return None


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as handle:
            return [int(word) for word in handle.read().split()]
    except OSError:
        return []


def alive(pid):
    """Whether the process still runs (a zombie does not)."""
    try:
        with open(f"/proc/{pid}/stat") as handle:
            return handle.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition, seconds=30.0, step=0.02):
    """Polls until the condition holds; its value, or None when the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(step)
    return None


def documented(title):
    """The members that docs/json.md has in the tables under a heading."""
    with open(DOCUMENT, encoding="utf-8") as handle:
        parts = re.split(r"^#+ (.*)$", handle.read(), flags=re.MULTILINE)
    text = dict(zip(parts[1::2], parts[2::2]))[title]
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall("`([a-z_]+)`", cell)}


class Result:
    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    @property
    def events(self):
        return [json.loads(line) for line in self.out.splitlines()]

    def events_of(self, kind):
        return [event for event in self.events if event["event"] == kind]

    def __str__(self):
        return f"exit code {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class BatchCase(unittest.TestCase):
    """A test with a batch folder of its own: source/, inputVideos/, outputVideos/."""

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="runbatch-test-")
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        for name in ("source", "inputVideos", "outputVideos"):
            os.mkdir(self.path(name))

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def input(self, name):
        return self.path("inputVideos", name)

    def output(self, name):
        return self.path("outputVideos", name)

    def put_source(self, name="joconde.jpg", as_name=None):
        shutil.copy(media(name), self.path("source", as_name or name))

    def run_batch(self, *arguments, prefix=(), cwd=None, timeout=600, **environment):
        done = subprocess.run([*prefix, os.path.abspath(PROGRAM), *map(str, arguments)], cwd=cwd or self.root,
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout,
                              env={**os.environ, "LC_ALL": "C.UTF-8", "XDG_CONFIG_HOME": self.path("config"),
                                   **environment})
        return Result(done)

    def start_batch(self, *arguments, prefix=(), **environment):
        """Starts the program in a session of its own; it is killed at the end of the test if it still runs."""
        process = subprocess.Popen([*prefix, os.path.abspath(PROGRAM), *map(str, arguments)], cwd=self.root,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                   text=True, start_new_session=True,
                                   env={**os.environ, "LC_ALL": "C.UTF-8", "XDG_CONFIG_HOME": self.path("config"),
                                   **environment})

        def end():
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.communicate()

        self.addCleanup(end)
        return process

    def finished_outputs(self):
        return sorted(name for name in os.listdir(self.path("outputVideos")) if not name.startswith("."))

    def leftovers(self):
        """Everything in the output folder that is neither a finished video nor the state folder, and every
        unfinished file in the state folder."""
        found = [name for name in os.listdir(self.path("outputVideos"))
                 if name != ".runbatch" and (name.startswith(".") or not name.endswith(VIDEO_PATTERN))]
        for folder, _, names in os.walk(self.path("outputVideos", ".runbatch")):
            found += [os.path.join(folder, name) for name in names if "part" in name]
        return found

    def assert_code(self, result, code):
        self.assertEqual(result.code, code, str(result))
