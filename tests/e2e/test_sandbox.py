"""The sandbox through the program: files that point at others get nothing, honest work goes on wherever its files lie."""
import ctypes
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from harness import CACHE, PROGRAM, BatchCase, children, ffmpeg, frame_hashes, frame_times, media, wait_until

MARK = b"THE-SECRET-ITSELF"
SYSTEM_CALLS = {"Landlock": "landlock_create_ruleset", "System call filter": "seccomp"}


class Watch:
    """Tells whether anybody opened a file, by inotify."""
    IN_ACCESS, IN_OPEN = 0x1, 0x20

    def __init__(self, path):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0 or libc.inotify_add_watch(self.fd, path.encode(), self.IN_ACCESS | self.IN_OPEN) < 0:
            raise OSError(ctypes.get_errno(), "inotify")

    def seen(self):
        try:
            return len(os.read(self.fd, 65536)) > 0
        except BlockingIOError:
            return False

    def close(self):
        os.close(self.fd)


def boxes(data, start, end):
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        if size < 8:
            raise ValueError(f"a box of {size} bytes")
        yield kind, start, start + size
        start += size


def box(kind, content):
    return struct.pack(">I4s", 8 + len(content), kind) + content


def with_alias(data, start, end, alias):
    """The boxes between start and end, with `alias` as the place of each track's data."""
    result = b""
    for kind, begin, stop in boxes(data, start, end):
        if kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
            result += box(kind, with_alias(data, begin + 8, stop, alias))
        elif kind == b"dref":
            result += box(kind, struct.pack(">II", 0, 1) + alias)
        else:
            result += data[begin:stop]
    return result


def alias_record(name):
    """QuickTime's data reference to a file beside this one: what FFmpeg's demuxer follows when it is allowed to."""
    path = b"disk:" + name.encode() + b"\0" * (len(name) % 2 + 1)
    record = bytes(10) + bytes([4]) + b"disk".ljust(27, b"\0") + bytes(12)
    record += bytes([len(name)]) + name.encode().ljust(63, b"\0") + bytes(16) + struct.pack(">HH", 1, 1) + bytes(16)
    record += struct.pack(">HH", 2, len(path)) + path + b"\0" * (len(path) % 2) + struct.pack(">hH", -1, 0)
    return box(b"alis", struct.pack(">I", 0) + record)


def mov_with_data_elsewhere(whole, name):
    """A file that holds the index of `whole` only, and says that the data are in the file `name` beside it."""
    with open(whole, "rb") as source:
        data = source.read()
    parts = {kind: (begin, stop) for kind, begin, stop in boxes(data, 0, len(data))}
    begin, stop = parts[b"ftyp"]
    return data[begin:stop] + with_alias(data, *parts[b"moov"], alias_record(name)) + box(b"mdat", bytes(64))


def lacking(call):
    """A prefix: the program runs as on a kernel that does not have this system call."""
    script = f"""
import ctypes, os, sys
library = ctypes.CDLL("libseccomp.so.2")
library.seccomp_init.restype = ctypes.c_void_p
filter = ctypes.c_void_p(library.seccomp_init(0x7FFF0000))
number = library.seccomp_syscall_resolve_name(b"{call}")
number = number if number >= 0 else 444
assert library.seccomp_rule_add_array(filter, 0x00050000 | 38, number, 0, None) == 0 and library.seccomp_load(filter) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""
    return sys.executable, "-c", script


class Secrets(BatchCase):
    def setUp(self):
        super().setUp()
        self.put_source()
        self.secret = self.input("secret.ts")

    def put_secret(self, container):
        ffmpeg("-t", 0.5, "-i", media("franck.mp4"), "-c:v", "libx264", "-pix_fmt", "yuv420p", "-f", container,
               self.secret)
        with open(self.secret, "ab") as handle:
            handle.write(box(b"free", MARK))

    def assert_secret_is_kept(self, name, content, opened_by=None):
        """`opened_by`: options with which ffmpeg falls for it, which shows that the trap is one."""
        with open(self.input(name), "wb") as handle:
            handle.write(content)
        watch = Watch(self.secret)
        self.addCleanup(watch.close)
        if opened_by is not None:
            trap = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", *opened_by, "-i", self.input(name), "-f",
                                   "null", "-"], capture_output=True, text=True)
            self.assertTrue(watch.seen(), trap.stderr)
        for how in ("strict", "off"):
            with self.subTest(name, sandbox=how):
                shutil.rmtree(self.path("outputVideos"))
                result = self.run_batch("--json", "--verbose", "--sandbox", how)
                self.assert_code(result, 1)
                failed = result.events_of("video_failed")
                self.assertEqual([e["error"]["class"] for e in failed], ["input"], str(result))
                self.assertFalse(watch.seen(), "somebody opened the secret")
                self.assertNotIn(MARK.decode(), result.out + result.err)
                self.assertEqual(self.finished_outputs(), [])
                for folder, _, names in os.walk(self.path("outputVideos")):
                    for other in names:
                        with open(os.path.join(folder, other), "rb") as handle:
                            self.assertNotIn(MARK, handle.read(), other)
        os.unlink(self.input(name))

    def test_playlists_and_scripts_named_as_videos(self):
        self.put_secret("mpegts")
        url = "file://" + self.secret
        playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n"
        self.assert_secret_is_kept("clip1.mp4", playlist.encode(), ["-allowed_extensions", "ALL"])
        script = f"ffconcat version 1.0\nfile '{self.secret}'\n"
        self.assert_secret_is_kept("clip2.mp4", script.encode(), ["-safe", "0"])
        others = {
            "clip3.mp4": f"<ASX version='3.0'><entry><ref href='{url}'/></entry></ASX>\n",
            "clip4.mp4": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 33\n",
            "clip5.mp4": f"[Reference]\nRef1={url}\n",
            "clip6.mp4": f"<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011' type='static'><Period>"
                         f"<BaseURL>{url}</BaseURL></Period></MPD>\n",
            "clip7.wmv": f"RTSPtext {url}\n",
        }
        for name, content in others.items():
            self.assert_secret_is_kept(name, content.encode())

    def test_a_mov_whose_data_are_in_another_file(self):
        self.put_secret("mp4")
        content = mov_with_data_elsewhere(self.secret, "secret.ts")
        self.assert_secret_is_kept("clip1.mp4", content, ["-enable_drefs", "1"])
        self.assert_secret_is_kept("clip2.mov", content)

    def test_names_that_mean_something_to_ffmpeg(self):
        """They are names of files, and these are videos."""
        names = ["concat:a|b1.mp4", "subfile,,start,0,end,9,,:c2.mp4", "clip%03d.mp4", "cache:d4.mp4", "-5.mp4",
                 "file:e6.mp4", "data:video,f7.mp4"]
        ffmpeg("-t", 0.3, "-i", media("franck.mp4"), "-c:v", "libx264", self.path("whole.mp4"))
        for name in names:
            shutil.copy(self.path("whole.mp4"), self.input(name))
        result = self.run_batch("--json", "--sandbox", "strict", "--output-name", "{index}")
        self.assert_code(result, 0)
        self.assertEqual(len(self.finished_outputs()), len(names))
        for name in names[:3]:  # without a folder before it the name begins as a protocol's does
            shutil.copy(self.path("whole.mp4"), self.path(name))
            result = self.run_batch("run", "--json", "-s", media("joconde.jpg"), "-t", name, "-o", f"made_{name}")
            self.assert_code(result, 0)
            self.assertTrue(os.path.exists(self.path(f"made_{name}")))


class Work(BatchCase):
    """Honest work under every setting, wherever the files lie."""

    def put_clip(self, path, seconds=0.4):
        ffmpeg("-ss", 2, "-t", seconds, "-i", media("franck.mp4"), "-f", "lavfi", "-t", seconds, "-i",
               "sine=frequency=440:sample_rate=48000", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", path)

    def assert_made(self, result, clips, folder=None):
        self.assert_code(result, 0)
        self.assertEqual(len(result.events_of("video_done")), len(clips), str(result))
        made = sorted(name for name in os.listdir(folder or self.path("outputVideos")) if not name.startswith("."))
        for clip, name in zip(clips, made, strict=True):
            path = os.path.join(folder or self.path("outputVideos"), name)
            self.assertEqual(len(frame_hashes(path)), len(frame_times(clip)), name)

    def test_every_encoder_and_container(self):
        self.put_source()
        self.put_clip(self.input("clip1.mp4"))
        for encoder, extension in (("libx264", "mp4"), ("libx265", "mkv"), ("libvpx-vp9", "webm"), ("libx265", "mov")):
            with self.subTest(encoder, extension=extension):
                shutil.rmtree(self.path("outputVideos"))
                result = self.run_batch("--json", "--sandbox", "strict", "--output-video-encoder", encoder,
                                        "--output-name", "{index}." + extension, "--no-many-faces", "--verify", "full")
                self.assert_made(result, [self.input("clip1.mp4")])
                shutil.rmtree(self.path("outputVideos", ".runbatch"))  # or nobody would look into it
                again = self.run_batch("--json", "--sandbox", "strict", "--output-video-encoder", encoder,
                                       "--output-name", "{index}." + extension, "--no-many-faces", "--verify", "full")
                self.assertEqual(len(again.events_of("video_skipped")), 1, str(again))

    def test_auto_and_off(self):
        self.put_source()
        self.put_clip(self.input("clip1.mp4"))
        for how in ("auto", "off"):
            with self.subTest(how):
                shutil.rmtree(self.path("outputVideos"))
                self.assert_made(self.run_batch("--json", "--sandbox", how), [self.input("clip1.mp4")])

    def test_files_from_everywhere(self):
        """Picture, models, videos and outputs in other folders, by links, by way of "..", on another mount."""
        elsewhere = self.path("else where")
        os.makedirs(os.path.join(elsewhere, "models"))
        os.makedirs(os.path.join(elsewhere, "videos"))
        os.mkdir(self.path("deep"))
        shutil.copy(media("joconde.jpg"), os.path.join(elsewhere, "face.jpg"))
        os.symlink(os.path.join(elsewhere, "face.jpg"), self.path("deep", "face.jpg"))
        for name in os.listdir(os.path.join(CACHE, "models")):
            os.symlink(os.path.join(CACHE, "models", name), os.path.join(elsewhere, "models", name))
        memory = "/dev/shm" if os.path.ismount("/dev/shm") else None
        real = os.path.join(elsewhere, "videos", "clip1.mp4")
        self.put_clip(real)
        os.rename(self.path("inputVideos"), self.path("moved"))
        os.symlink("moved", self.path("inputVideos"))
        os.symlink("../else where/videos/clip1.mp4", self.path("moved", "clip1.mp4"))
        clips = [real]
        if memory:
            mounted = os.path.join(memory, f"runbatch-test-{os.getpid()}.mp4")
            self.addCleanup(lambda: os.path.exists(mounted) and os.unlink(mounted))
            self.put_clip(mounted)
            os.symlink(mounted, self.path("moved", "clip2.mp4"))
            clips.append(mounted)
        result = self.run_batch("--json", "--sandbox", "strict", "-s", "face.jpg", "--input-dir", "../inputVideos",
                                "--output-dir", "../else where/out/videos", "--models-dir", "../else where/models",
                                cwd=self.path("deep"))
        self.assert_made(result, clips, os.path.join(elsewhere, "out", "videos"))
        shutil.rmtree(os.path.join(elsewhere, "out", "videos", ".runbatch"))
        again = self.run_batch("--json", "--sandbox", "strict", "-s", "face.jpg", "--input-dir", "../inputVideos",
                               "--output-dir", "../else where/out/videos", "--models-dir", "../else where/models",
                               cwd=self.path("deep"))
        self.assertEqual(len(again.events_of("video_skipped")), len(clips), str(again))

    def test_one_target(self):
        self.put_clip(self.path("one.mp4"))
        result = self.run_batch("run", "--json", "--sandbox", "strict", "-s", media("joconde.jpg"), "-t", "one.mp4", "-o",
                                "made.mp4")
        self.assert_code(result, 0)
        self.assertEqual(len(frame_hashes(self.path("made.mp4"))), len(frame_times(self.path("one.mp4"))))

    def test_a_worker_that_runs_is_locked_in(self):
        self.put_source()
        self.put_clip(self.input("clip1.mp4"), 8)
        process = self.start_batch("--json", "--sandbox", "strict")

        def locked_in():
            for pid in children(process.pid):
                try:
                    with open(f"/proc/{pid}/status") as handle:
                        status = dict(line.rstrip("\n").split(":\t", 1) for line in handle if ":\t" in line)
                    with open(f"/proc/{pid}/limits") as handle:
                        limits = handle.read()
                except OSError:
                    continue
                if status.get("NoNewPrivs") == "1" and status.get("Seccomp") == "2" and int(status["Threads"]) > 3:
                    return status, limits
            return None

        found = wait_until(locked_in, 30)
        self.assertTrue(found, "no worker was seen with a filter")
        status, limits = found
        self.assertEqual(int(status["CapPrm"], 16) & ~0b110, 0)
        self.assertRegex(limits, r"Max core file size +0 +0")
        self.assertRegex(limits, r"Max open files +256 +256")
        process.wait(120)

    def ask_probe(self, how, prefix):
        """What the probe worker says of the first output, asked as a supervisor does."""
        ours, its = socket.socketpair()
        question = {"type": "probe", "input": self.input("clip1.mp4"), "output": self.output("joconde_1.mp4")}
        with ours, subprocess.Popen([*prefix, os.path.abspath(PROGRAM), "worker", "--probe", how],
                                    preexec_fn=lambda: os.dup2(its.fileno(), 3), close_fds=False):
            its.close()
            ours.settimeout(60)
            ours.sendall(json.dumps(question).encode() + b"\n")
            with ours.makefile() as lines:
                answer = next(message for message in map(json.loads, lines) if message["type"] not in ("hello", "log"))
            ours.shutdown(socket.SHUT_RDWR)
        return answer

    def test_a_kernel_that_lacks_a_part(self):
        self.put_source()
        self.put_clip(self.input("clip1.mp4"))
        self.put_clip(self.input("clip2.mp4"))
        for part, call in SYSTEM_CALLS.items():
            with self.subTest(part):
                shutil.rmtree(self.path("outputVideos"))
                for more in ((), ("--dry-run",)):
                    result = self.run_batch("--json", "--sandbox", "strict", *more, prefix=lacking(call))
                    self.assert_code(result, 3)
                    self.assertEqual(result.out, "", "no video is tried")
                    self.assertIn("Landlock" if part == "Landlock" else "seccomp", result.err)
                    self.assertIn("--sandbox auto", result.err)
                self.assertEqual(os.listdir(self.path("outputVideos")), [])
                result = self.run_batch("--json", "--sandbox", "auto", prefix=lacking(call))
                self.assert_made(result, [self.input("clip1.mp4"), self.input("clip2.mp4")])
                warnings = [e["text"] for e in result.events_of("warning") if "not available" in e["text"]]
                self.assertEqual(len(warnings), 1, warnings)
                self.assertIn(f"{part}: not available (kernel without it)", warnings[0])
                with open(self.path("outputVideos", ".runbatch", "logs", "joconde_1.log")) as handle:
                    lines = [line for line in handle if "not available" in line]
                self.assertEqual(len(lines), 1, lines)
                self.assertIn(f"{part}: not available (kernel without it)", lines[0])
                # the question about an output that the store does not know is asked from inside a sandbox too
                os.remove(self.path("outputVideos", ".runbatch", "batch.db"))
                plan = self.run_batch("--dry-run", "--json", "--sandbox", "auto", prefix=lacking(call))
                self.assertEqual([e["action"] for e in plan.events], ["skip", "skip"], str(plan))
                for how, kind in (("auto", "probed"), ("strict", "failed")):
                    self.assertEqual(self.ask_probe(how, lacking(call))["type"], kind)


if __name__ == "__main__":
    unittest.main()
