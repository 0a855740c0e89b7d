"""The command line: what is refused is refused before anything starts, with a message that helps."""
import os
import shutil
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from harness import BatchCase, ffmpeg, media


class CommandLine(BatchCase):
    def put_clips(self, *names):
        for name in names:
            shutil.copy(media("cap13_edit2.mp4"), self.input(name))

    def refused(self, code, *words, args=()):
        result = self.run_batch(*args)
        self.assert_code(result, code)
        for word in words:
            self.assertIn(word, result.err, str(result))
        self.assertEqual(self.finished_outputs(), [])
        return result

    def test_version_names_what_it_is_built_on(self):
        result = self.run_batch("--version")
        self.assert_code(result, 0)
        for word in ("runbatch 0.", "FFmpeg", "ONNX Runtime", "cpu"):
            self.assertIn(word, result.out)

    def test_help_shows_every_option_that_works_and_no_other(self):
        result = self.run_batch("--help")
        self.assert_code(result, 0)
        for option in ("--source", "--frame-processor", "--keep-fps", "--skip-audio", "--many-faces",
                       "--reference-face-position", "--reference-frame-number", "--similar-face-distance",
                       "--output-video-encoder", "--output-video-quality", "--output-video-preset",
                       "--execution-provider", "--execution-threads", "--output-name", "--dry-run", "--json",
                       "--frame-budget", "--output-fps", "--keep-frames", "--temp-frame-format",
                       "--temp-frame-quality", "--temp-dir", "--frame-store", "--max-memory",
                       "--max-total-memory", "--max-video-memory", "--memory-high", "--order", "--lot-size",
                       "--preset", "--face-map", "--tile-size", "frame_enhancer"):
            self.assertIn(option, result.out.replace("[no-]", ""))
        self.assertNotIn("--watch", result.out)
        self.assertTrue(all(len(line) <= 110 for line in result.out.splitlines()))

    def test_a_mistyped_option_gets_a_suggestion(self):
        self.refused(2, "--skip-audio", args=["--skip-aduio"])

    def test_an_unknown_value_lists_the_known_ones(self):
        self.refused(2, "libx264", "libx265", "libvpx-vp9", args=["--output-video-encoder", "divx"])
        self.refused(2, "face_swapper", args=["--frame-processor", "face_swoper"])
        self.refused(2, "100", args=["--output-video-quality", "101"])
        self.refused(2, "1", args=["--execution-threads", "0"])

    def test_a_provider_that_is_not_there_is_named(self):
        self.put_source()
        self.put_clips("clip1.mp4")
        result = self.run_batch("--execution-provider", "tensorrt")
        self.assertIn(result.code, (2, 3), str(result))
        self.assertIn("cpu", result.err)

    def test_missing_source_and_empty_folder_are_told(self):
        self.put_clips("clip1.mp4")
        self.refused(3, "source")
        self.put_source()
        os.unlink(self.input("clip1.mp4"))
        self.refused(3, "inputVideos")

    def test_a_source_without_a_face_is_told(self):
        ffmpeg("-f", "lavfi", "-i", "testsrc=size=320x240", "-frames:v", "1", self.path("source", "a.png"))
        self.put_clips("clip1.mp4", "clip2.mp4", "clip3.mp4")
        for jobs in ("1", "2"):
            result = self.refused(3, "no face was found", args=["--jobs", jobs])
            self.assertEqual((result.out + result.err).count("no face was found"), 1, str(result))
            self.assertNotIn("clip3.mp4", result.out, str(result))
            left = [name for name in os.listdir(self.path("outputVideos")) if name.endswith("-part")]
            self.assertEqual(left, [])

    def test_two_inputs_on_one_output_name(self):
        self.put_source()
        self.put_clips("a_7.mp4", "b_7.mp4")
        self.refused(2, "a_7.mp4", "b_7.mp4", "--output-name")
        result = self.run_batch("--output-name", "{source}_{stem}", "--dry-run")
        self.assert_code(result, 0)
        self.assertIn("joconde_a_7.mp4", result.out)

    def test_an_output_folder_that_cannot_be_written(self):
        self.put_source()
        self.put_clips("clip1.mp4")
        shutil.rmtree(self.path("outputVideos"))
        with open(self.path("outputVideos"), "w") as handle:
            handle.write("a file")
        result = self.run_batch()
        self.assert_code(result, 3)
        self.assertIn("outputVideos", result.err)

    def test_ranges_and_natural_order_in_a_dry_run(self):
        self.put_source()
        self.put_clips("clip10.mp4", "clip2.mp4", "clip1.mp4", "clip33.mp4")
        lines = lambda result: [name for line in result.out.splitlines() for name in
                                ("clip1.mp4", "clip2.mp4", "clip10.mp4", "clip33.mp4") if name in line.split("→")[0]
                                or name in line.split("->")[0]]
        result = self.run_batch("--dry-run")
        self.assert_code(result, 0)
        self.assertEqual(lines(result), ["clip1.mp4", "clip2.mp4", "clip10.mp4", "clip33.mp4"], str(result))
        result = self.run_batch("2-3", "--dry-run")
        self.assertEqual(lines(result), ["clip2.mp4", "clip10.mp4"], str(result))
        result = self.run_batch("1,3-", "--dry-run")
        self.assertEqual(lines(result), ["clip1.mp4", "clip10.mp4", "clip33.mp4"], str(result))
        self.refused(2, "4", args=["9", "--dry-run"])
        self.refused(2, args=["3-1", "--dry-run"])
        self.refused(2, args=["1-x", "--dry-run"])

    def test_defaults_and_presets_come_from_files(self):
        self.put_source()
        self.put_clips("clip1.mp4")
        os.makedirs(self.path("config", "runbatch"))
        with open(self.path("config", "runbatch", "runbatch.ini"), "w", encoding="utf-8") as ini:
            ini.write("[defaults]\noutput-dir = mine\n[preset mkv]\noutput-name = {stem}.mkv\n")
        result = self.run_batch("--dry-run")
        self.assert_code(result, 0)
        self.assertIn("mine/joconde_1.mp4", result.out)
        self.assertIn("config/runbatch/runbatch.ini", result.err)
        self.assertIn("other/clip1.mkv", self.run_batch("-n", "--preset=mkv", "--output-dir=other").out)
        with open(self.path("runbatch.ini"), "w", encoding="utf-8") as ini:
            ini.write("[defaults]\n\nsandbox = off\n")
        self.refused(2, "runbatch.ini:3", "sandbox", args=["--dry-run"])

    def test_a_dry_run_changes_nothing(self):
        self.put_source()
        self.put_clips("clip1.mp4")
        before = sorted(os.listdir(self.path("outputVideos")))
        self.assert_code(self.run_batch("--dry-run"), 0)
        self.assertEqual(sorted(os.listdir(self.path("outputVideos"))), before)


if __name__ == "__main__":
    unittest.main()
