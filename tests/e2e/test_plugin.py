"""Processors of one's own: the one in contrib, and some that are wrong."""
import os
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from harness import BatchCase, ffmpeg, frame_hashes, media

ROOT = os.path.dirname(os.path.dirname(HERE))
SPOTLIGHT = os.environ.get("RUNBATCH_SPOTLIGHT", os.path.join(ROOT, "build", "contrib", "spotlight.so"))

MINE = """
#include <stdio.h>
#include "runbatch/processor.h"
static int open_it(void **state, int threads, char *error, size_t size)
{
    (void)state, (void)threads, (void)error, (void)size;
    return 0;
}
static int process(void *state, int thread, const RunbatchFrame *frame, char *error, size_t size)
{
    (void)state, (void)thread, (void)error, (void)size, (void)frame;
    %s
    return 0;
}
%s
const RunbatchProcessor %s = {%s, .help = "", .every_frame = 1, .open = open_it, .process = process};
"""


class Plugin(BatchCase):
    def setUp(self):
        super().setUp()
        ffmpeg("-ss", 10, "-t", 0.4, "-i", media("franck.mp4"), "-an", "-qp", 0, self.input("clip1.mp4"))

    def build(self, body="", more="", symbol="runbatch_processor", version="RUNBATCH_PROCESSOR_VERSION"):
        source = self.path("mine.c")
        with open(source, "w", encoding="utf-8") as file:
            file.write(MINE % (body, more, symbol, version))
        made = self.path("mine.so")
        subprocess.run(["gcc", "-std=c17", "-fPIC", "-shared", "-I", os.path.join(ROOT, "include"), "-o", made + ".new",
                        source], check=True)
        os.replace(made + ".new", made)
        return made

    def run_with(self, path, *more):
        return self.run_batch("run", "--frame-processor", path, "--json", "--output-video-quality", 0, *more)

    def test_the_one_in_contrib_darkens_all_but_the_face(self):
        result = self.run_with(SPOTLIGHT)
        self.assert_code(result, 0)
        done = result.events_of("video_done")[0]
        self.assertEqual(done["frames_swapped"], done["frames"])
        face, corner = "crop=40:40:150:110", "crop=40:40:300:20"
        brightness = {}
        for name, path in (("before", self.input("clip1.mp4")), ("after", self.output("clip1.mp4"))):
            for where, crop in (("face", face), ("corner", corner)):
                raw = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-vf", f"{crop},format=gray", "-frames:v",
                                      "1", "-f", "rawvideo", "-"], check=True, capture_output=True).stdout
                brightness[name, where] = sum(raw) / len(raw)
        self.assertAlmostEqual(brightness["after", "face"], brightness["before", "face"], delta=2)
        self.assertLess(brightness["after", "corner"], 0.6 * brightness["before", "corner"])

    def test_one_that_changes_nothing_changes_nothing_and_another_build_makes_it_anew(self):
        path = self.build()
        self.assert_code(self.run_with("./mine.so"), 0)
        self.assertEqual(frame_hashes(self.input("clip1.mp4")), frame_hashes(self.output("clip1.mp4")))
        self.assertEqual(len(self.run_with("./mine.so").events_of("video_skipped")), 1)
        self.build("frame->data[0][0] = 99;")
        again = self.run_with("./mine.so")
        self.assert_code(again, 0)
        self.assertEqual(len(again.events_of("video_done")), 1)
        self.assertTrue(os.path.exists(path))

    def test_what_is_no_processor_is_refused_before_anything_is_done(self):
        crash = '__attribute__((constructor)) static void begin(void) { *(volatile int *)8 = 1; }'
        for what, make, words in (
                ("another version", lambda: self.build(version="77"), "77"),
                ("without the struct", lambda: self.build(symbol="something_else", version=".version = 1"), "runbatch_processor"),
                ("no library", lambda: self.input("clip1.mp4"), "clip1.mp4"),
                ("crashes when it is loaded", lambda: self.build(more=crash), "crashed")):
            with self.subTest(what):
                result = self.run_with(make())
                self.assert_code(result, 2)
                self.assertIn(words, result.err)
                self.assertEqual(self.finished_outputs(), [])

    def test_its_failure_is_its_videos(self):
        result = self.run_with(self.build('snprintf(error, size, "it is too dark here"); return 1;'))
        self.assert_code(result, 1)
        failed = result.events_of("video_failed")[0]["error"]
        self.assertEqual(failed["why"], "it is too dark here")
        self.assertIn("mine.so", failed["what"])
        crashed = self.run_with(self.build("*(volatile int *)8 = 1;"))
        self.assert_code(crashed, 1)
        self.assertEqual(len(crashed.events_of("video_set_aside")), 1)
        self.assertEqual(self.finished_outputs(), [])


if __name__ == "__main__":
    unittest.main()
