"""What the fault tests share: a batch of real clips, runs whose events go to files, comparison with an unbroken run.

Environment: RUNBATCH_FAULT_SHIM (the library that makes calls on files fail, tests/support/fault_shim.c).
"""
import collections
import filecmp
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

from harness import PROGRAM, BatchCase, alive, children, decoder_says, ffmpeg, media, probe, wait_until

SHIM = os.environ.get("RUNBATCH_FAULT_SHIM", "build/tests/support/fault_shim.so")
SINE = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000")
# Workers wait at the end of their third chunk, so that a batch is not over before a test has asked it for something.
HELD = ["call=sync;who=worker;path=*chunk-000002*;times=0;do=hold"]
STATE = os.path.join("outputVideos", ".runbatch")


def clip_b_frames(path, seconds=6.0):
    """H.264 as it was filmed: B-frames, closed groups."""
    ffmpeg("-t", seconds, "-i", media("franck.mp4"), *SINE, "-t", seconds, "-c:v", "copy", "-c:a", "aac", path)


def clip_vfr(path, seconds=4.0):
    """Every frame at its own distance, as a phone would; open groups, so key frames have frames before them."""
    ffmpeg("-ss", 20, "-t", seconds, "-i", media("franck.mp4"), "-vf", "setpts='(N+mod(N,3)*0.4)/24/TB'", "-fps_mode",
           "vfr", "-c:v", "libx264", "-preset", "veryfast", "-x264-params", "open-gop=1:keyint=40:bframes=3:scenecut=0",
           "-video_track_timescale", 90000, path)


def clip_webm(path, seconds=5.0):
    ffmpeg("-t", seconds, "-i", media("cap12_edit.webm"), *SINE, "-t", seconds, "-c:v", "copy", "-c:a", "libopus", path)


def clip_mkv(path, seconds=5.0):
    ffmpeg("-ss", 4, "-t", seconds, "-i", media("cap13_edit2.mp4"), "-c", "copy", path)


def fingerprint(path):
    """Of the video the presentation times, the decoding times and the key frames, of the other streams' packets the
    times and contents. Which frames are B-frames is the encoder's choice, by pictures that differ a little: a face
    tracker that begins in the middle is warm, not the same."""
    told = probe(path, "packet", "stream=index,codec_type,codec_name,time_base", data_hash=True)
    streams = collections.defaultdict(list)
    for packet in told["packets"]:
        streams[packet["stream_index"]].append(packet)
    result = {"streams": told["streams"]}
    for index, rows in streams.items():
        if rows[0]["codec_type"] == "video":
            result[f"{index}: pts"] = sorted(row["pts"] for row in rows)
            result[f"{index}: dts"] = [row.get("dts") for row in rows]
            result[f"{index}: keys"] = sorted(row["pts"] for row in rows if "K" in row["flags"])
        else:
            result[f"{index}"] = [(row.get("pts"), row.get("dts"), row["flags"], row["data_hash"]) for row in rows]
    return result


def first_difference(left, right):
    """In words, for the message of a failed test; empty when they are the same."""
    for what in {**left, **right}:
        a, b = left.get(what, []), right.get(what, [])
        for number, (x, y) in enumerate(zip(a, b)):
            if x != y:
                return f"{what}, number {number}: {x} and {y}"
        if len(a) != len(b):
            return f"{what}: {len(a)} and {len(b)}"
    return ""


def worst_likeness(path, reference):
    """PSNR in dB of the frame that is least like the reference's of the same place."""
    text = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-i", reference, "-filter_complex",
                           "[0:v:0]setpts=N[a];[1:v:0]setpts=N[b];[a][b]psnr=stats_file=-", "-f", "null", "-"],
                          capture_output=True, text=True, check=True).stdout
    return min(float(word[9:]) for word in text.split() if word.startswith("psnr_avg:"))


class Run:
    """A runbatch that was started. Its events go to a file, so that it never waits for a reader and what it told
    before a kill is there."""

    def __init__(self, command, folder, name, **environment):
        self.out_path = os.path.join(folder, name + ".out")
        self.err_path = os.path.join(folder, name + ".err")
        with open(self.out_path, "w") as out, open(self.err_path, "w") as err:
            self.process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=err, stdin=subprocess.DEVNULL,
                                            start_new_session=True,
                                            env={**os.environ, "LC_ALL": "C.UTF-8", **environment})
        self.pid = self.process.pid

    @property
    def events(self):
        with open(self.out_path) as out:
            return [json.loads(line) for line in out if line.endswith("\n") and line.startswith("{")]

    def events_of(self, *kinds):
        return [event for event in self.events if event["event"] in kinds]

    @property
    def err(self):
        with open(self.err_path) as err:
            return err.read()

    @property
    def running(self):
        return self.process.poll() is None

    def workers(self):
        return [pid for pid in children(self.pid) if alive(pid)]

    def wait(self, seconds=300):
        """The exit code, or None when it still runs then."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def wait_event(self, condition, seconds=60):
        """The first event for which the condition holds, or None."""
        def look():
            return next((event for event in self.events if condition(event)), None)
        return wait_until(lambda: look() or not self.running, seconds, 0.01) and look()

    def frames_done(self, name=None):
        """How far a video is, by its last progress event."""
        told = [e["frames_done"] for e in self.events_of("progress") if name is None or e["output"].endswith(name)]
        return told[-1] if told else 0

    def kill(self):
        """The supervisor; its workers follow."""
        workers = self.workers()
        if self.running:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)
        return wait_until(lambda: not any(alive(pid) for pid in workers), 5.0)

    def __str__(self):
        with open(self.out_path) as out:
            return f"exit code {self.process.poll()}\n--- stdout\n{out.read()[-8000:]}\n--- stderr\n{self.err[-4000:]}"


class FaultCase(BatchCase):
    """A batch of its own, and what an unbroken run makes of it."""

    OPTIONS = ("--output-video-preset", "veryfast", "--chunk-seconds", 1)

    def setUp(self):
        super().setUp()
        self.put_source()
        self.runs = []
        self.references = {}
        self.reference_s = 0.0

    def tearDown(self):
        for run in self.runs:
            run.kill()

    def start(self, *arguments, prefix=(), faults=None, log=None, root=None, options=None, **environment):
        """Starts the program with --json and the class's options. `faults`: rules for the shim; counts are kept for
        the whole test. `log`: where the shim tells what is on the disk."""
        if faults or log:
            state = self.path("fault-state")
            if not os.path.exists(state):
                with open(state, "wb") as handle:
                    handle.write(bytes(4096))
            environment.update(LD_PRELOAD=os.path.abspath(SHIM), RUNBATCH_FAULT_STATE=state)
            if faults:
                environment["RUNBATCH_FAULTS"] = "|".join(faults)
            if log:
                environment["RUNBATCH_FAULT_LOG"] = log
        command = [*prefix, os.path.abspath(PROGRAM), "--json",
                   *map(str, self.OPTIONS if options is None else options), *map(str, arguments)]
        run = Run(command, root or self.root, f"run{len(self.runs)}", **environment)
        self.runs.append(run)
        return run

    def clear(self):
        """As before the first run."""
        shutil.rmtree(self.path("outputVideos"))
        os.mkdir(self.path("outputVideos"))
        if os.path.exists(self.path("fault-state")):
            os.unlink(self.path("fault-state"))

    def ask_while_it_works(self, *arguments):
        """A command from another terminal for a run that was started with `faults=HELD`: the supervisor has taken it
        before a worker goes on."""
        result = self.ask(*arguments)
        taken = "SELECT count(*) FROM requests WHERE taken_s IS NULL"
        self.assertTrue(wait_until(lambda: self.store(taken) == [(0,)], 20), "nobody took the request")
        with open(self.path("fault-state"), "r+b") as state:
            state.seek(-1, os.SEEK_END)
            state.write(b"\1")
        return result

    def fault_count(self):
        """How often the first rule's call was made."""
        with open(self.path("fault-state"), "rb") as state:
            return int.from_bytes(state.read(4), sys.byteorder)

    def finish(self, *arguments, code=0, seconds=300, **more):
        """Runs the program to its end."""
        run = self.start(*arguments, **more)
        self.assertEqual(run.wait(seconds), code, str(run))
        return run

    def ask(self, *arguments, code=0):
        """A command from another terminal."""
        result = self.run_batch(*arguments, timeout=60)
        self.assert_code(result, code)
        return result

    # ---- the unbroken run ----

    def make_reference(self, *arguments):
        """What an unbroken run makes: self.references, fingerprints by output name, and the files themselves; how
        long it takes."""
        folder = tempfile.mkdtemp(prefix="runbatch-test-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        for name in ("source", "inputVideos"):
            os.symlink(self.path(name), os.path.join(folder, name))
        began_s = time.monotonic()
        done = subprocess.run([os.path.abspath(PROGRAM), *map(str, self.OPTIONS), *map(str, arguments)], cwd=folder,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
        self.reference_s = time.monotonic() - began_s
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.unbroken = os.path.join(folder, "outputVideos")
        self.references = {name: fingerprint(os.path.join(self.unbroken, name)) for name in os.listdir(self.unbroken)
                           if not name.startswith(".")}
        for name in self.references:
            self.assertEqual(decoder_says(os.path.join(self.unbroken, name)), "", name)

    def assert_like_reference(self, root=None):
        """Every output is there, decodes without a word, and is that of the unbroken run."""
        folder = os.path.join(root or self.root, "outputVideos")
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
        self.assertEqual(names, sorted(self.references))
        for name in names:
            path = os.path.join(folder, name)
            if filecmp.cmp(path, os.path.join(self.unbroken, name), shallow=False):
                continue
            self.assertEqual(decoder_says(path), "", name)
            self.assertEqual(first_difference(self.references[name], fingerprint(path)), "", name)
            self.assertGreater(worst_likeness(path, os.path.join(self.unbroken, name)), 40, f"{name}: another picture")

    def assert_no_wrong_output(self):
        """What stands under a finished name is that of the unbroken run, however the batch is."""
        for name in self.finished_outputs():
            self.assertEqual(first_difference(self.references[name], fingerprint(self.output(name))), "", name)

    # ---- what is on the disk ----

    def orphans(self, root=None):
        """Every file and folder of ours that a finished batch does not need: all but outputs, the store, the lock and
        the logs."""
        folder = os.path.join(root or self.root, "outputVideos")
        found = []
        for base, folders, names in os.walk(folder):
            inside = os.path.relpath(base, folder)
            if inside == os.path.join(".runbatch", "logs"):
                continue
            for name in names:
                known = name.startswith("batch.db") or name == "lock" if inside == ".runbatch" else \
                    inside == "." and not name.startswith(".")
                if not known:
                    found.append(os.path.join(inside, name))
            if inside.startswith(os.path.join(".runbatch", "work") + os.sep):
                found.append(inside)
        return found

    def assert_nothing_left(self, root=None):
        self.assertEqual(self.orphans(root), [])

    def work_files(self, suffix, root=None):
        """Files of chunks, in order."""
        base = os.path.join(root or self.root, STATE, "work")
        return sorted(os.path.join(folder, name) for folder, _, names in os.walk(base) for name in names
                      if name.endswith(suffix))

    def store(self, statement, *values, root=None):
        """Rows of the store, read as another program would."""
        path = os.path.join(root or self.root, STATE, "batch.db")
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10) as connection:
            rows = connection.execute(statement, values).fetchall()
        connection.close()
        return rows

    # ---- chunks ----

    def wait_chunk(self, run, index=0, output=None, seconds=60):
        """Waits until that chunk was made by this run."""
        event = run.wait_event(lambda e: e["event"] == "chunk_done" and e["index"] >= index and not e["reused"] and
                               (output is None or e["output"].endswith(output)), seconds)
        self.assertIsNotNone(event, f"chunk {index} was not made\n{run}")
        return event

    @staticmethod
    def chunks_made(runs):
        """How often each chunk was encoded to its end: {(output, index): times}."""
        return collections.Counter((event["output"], event["index"]) for run in runs
                                   for event in run.events_of("chunk_done") if not event["reused"])

    @staticmethod
    def chunks_reused(run):
        return [event for event in run.events_of("chunk_done") if event["reused"]]


def has_mount_namespace():
    return os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"],
                                                stderr=subprocess.DEVNULL).returncode == 0
