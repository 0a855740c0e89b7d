"""A damaged, foreign or held store; inputs and options that change between a kill and the next run."""
import os
import shutil
import sqlite3
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from faults import STATE, FaultCase, clip_b_frames, clip_vfr
from harness import ffmpeg, media


class StoreDamage(FaultCase):
    def setUp(self):
        super().setUp()
        clip_b_frames(self.input("clip1.mp4"), 2)
        clip_vfr(self.input("clip2.mp4"), 5)

    def state(self, *parts):
        return self.path(STATE, *parts)

    def killed_run(self):
        """The first video done, the second in the middle."""
        run = self.start()
        self.wait_chunk(run, 1, "joconde_2.mp4")
        self.assertTrue(run.kill())
        return run

    # ---- damage ----

    def garbage(self, path):
        with open(path, "r+b") as store:
            store.write(os.urandom(4096))

    def zeroed_page(self, path):
        size = os.path.getsize(path)
        with open(path, "r+b") as store:
            for page in range(1, max(2, size // 4096), 2):
                store.seek(page * 4096)
                store.write(bytes(4096))

    def damage(self, how):
        # what stands in the log would mend the file
        with sqlite3.connect(self.state("batch.db")) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        how(self.state("batch.db"))

    def test_a_damaged_store_is_set_aside_and_nothing_is_made_again(self):
        self.make_reference()
        for name, how in (("garbage", self.garbage), ("zeroed pages", self.zeroed_page),
                          ("cut short", lambda path: os.truncate(path, os.path.getsize(path) // 2)),
                          ("empty", lambda path: os.truncate(path, 0)), ("gone", os.unlink)):
            with self.subTest(name):
                self.clear()
                self.killed_run()
                was = os.stat(self.output("joconde_1.mp4"))
                self.damage(how)
                run = self.finish()
                if name in ("garbage", "zeroed pages", "cut short"):
                    self.assertTrue([entry for entry in os.listdir(self.state()) if "damaged" in entry], str(run))
                    self.assertTrue(any("damaged" in e["text"] for e in run.events_of("warning")), str(run))
                now = os.stat(self.output("joconde_1.mp4"))
                self.assertEqual((was.st_ino, was.st_mtime_ns), (now.st_ino, now.st_mtime_ns), "finished work is kept")
                self.assertGreaterEqual(len(self.chunks_reused(run)), 2, str(run))
                self.assert_like_reference()
                # and the new store knows it all
                again = self.finish()
                self.assertEqual(len(again.events_of("video_skipped")), 2, str(again))

    def test_a_store_of_a_newer_version_is_refused_and_left_alone(self):
        self.killed_run()
        with sqlite3.connect(self.state("batch.db")) as connection:
            connection.execute("PRAGMA user_version = 999")
        connection.close()
        kept = self.work_files(".rbc")
        run = self.finish(code=3)
        self.assertIn("newer", run.err, str(run))
        self.assertEqual(self.work_files(".rbc"), kept)
        with sqlite3.connect(self.state("batch.db")) as connection:
            self.assertEqual(connection.execute("PRAGMA user_version").fetchone()[0], 999)
        connection.close()

    def test_a_folder_in_the_stores_place_is_told(self):
        os.makedirs(self.state("batch.db"))
        run = self.finish(code=3)
        self.assertIn("batch.db", run.err, str(run))
        self.assertTrue(os.path.isdir(self.state("batch.db")), "what is not ours is left alone")

    def test_a_store_that_may_not_be_opened_is_told(self):
        self.killed_run()
        kept = self.work_files(".rbc")
        run = self.finish(code=3, faults=["call=open;path=*batch.db;do=EACCES;times=0"])
        self.assertIn("batch.db", run.err, str(run))
        self.assertEqual(self.work_files(".rbc"), kept)
        self.finish()

    def test_a_second_runbatch_is_told_who_holds_the_folder(self):
        run = self.start()
        self.wait_chunk(run, 0)
        second = self.run_batch("--json")
        self.assert_code(second, 3)
        self.assertIn(str(run.pid), second.err)
        self.assertEqual(second.out, "")
        self.assertEqual(run.wait(), 0, str(run))
        # readers are welcome at any time
        self.ask("status", "--json")

    # ---- what the video is made from changes between the kill and the next run ----

    def change_input(self):
        clip_b_frames(self.input("clip2.mp4"), 3)
        return ()

    def change_source(self):
        shutil.copy(media("average.png"), self.path("other.png"))
        ffmpeg("-i", self.path("other.png"), self.path("source", "joconde.jpg"))
        return ()

    def change_quality(self):
        return ("--output-video-quality", 40)

    def change_chunk_length(self):
        return ("--chunk-seconds", 1.5)

    def change_encoder(self):
        return ("--output-video-encoder", "libx265", "--output-video-preset", "ultrafast")

    def test_chunks_of_two_recipes_are_never_mixed(self):
        for change in (self.change_input, self.change_quality, self.change_chunk_length, self.change_encoder,
                       self.change_source):
            with self.subTest(change.__name__):
                self.clear()
                clip_vfr(self.input("clip2.mp4"), 5)
                self.killed_run()
                arguments = change()
                self.make_reference(*arguments)
                run = self.finish(*arguments)
                self.assertEqual(self.chunks_reused(run), [], "chunks of another recipe were used")
                self.assert_like_reference()
                self.assert_nothing_left()

    def test_a_finished_video_of_another_recipe_is_made_anew_and_told_so(self):
        self.finish("1")
        was = os.stat(self.output("joconde_1.mp4"))
        self.finish("1")
        self.assertEqual(was.st_ino, os.stat(self.output("joconde_1.mp4")).st_ino)
        run = self.start("1", "--output-video-quality", 40)
        # until the new one is complete the old one stays
        self.wait_chunk(run, 0)
        self.assertEqual(was.st_ino, os.stat(self.output("joconde_1.mp4")).st_ino)
        self.assertEqual(run.wait(), 0, str(run))
        self.assertNotEqual(was.st_ino, os.stat(self.output("joconde_1.mp4")).st_ino)
        self.assertTrue(any("output-video-quality" in e["text"] for e in run.events_of("warning")), str(run))

    def test_restart_uses_nothing_of_before(self):
        self.make_reference()
        self.killed_run()
        was = os.stat(self.output("joconde_1.mp4"))
        run = self.finish("--restart")
        self.assertEqual(self.chunks_reused(run), [])
        self.assertNotEqual(was.st_ino, os.stat(self.output("joconde_1.mp4")).st_ino)
        self.assert_like_reference()
        self.assert_nothing_left()

    def test_a_damaged_chunk_is_made_again_and_those_before_it_are_not(self):
        self.make_reference()
        self.killed_run()
        chunks = self.work_files(".rbc")
        self.assertGreaterEqual(len(chunks), 2)
        with open(chunks[1], "r+b") as chunk:
            chunk.seek(os.path.getsize(chunks[1]) // 2)
            byte = chunk.read(1)
            chunk.seek(-1, os.SEEK_CUR)
            chunk.write(bytes([byte[0] ^ 1]))
        run = self.finish()
        self.assertEqual([event["index"] for event in self.chunks_reused(run)], [0], str(run))
        self.assert_like_reference()
        self.assert_nothing_left()


if __name__ == "__main__":
    unittest.main()
