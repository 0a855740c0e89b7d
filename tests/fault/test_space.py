"""Too small volumes, disks that fail in the middle: the batch waits or tries again, and the result is right."""
import os
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from faults import FaultCase, clip_b_frames, clip_vfr, has_mount_namespace
from harness import children, wait_until

MIB = 1 << 20


class Trouble(FaultCase):
    def setUp(self):
        super().setUp()
        clip_b_frames(self.input("clip1.mp4"), 4)
        clip_vfr(self.input("clip2.mp4"), 2)


@unittest.skipUnless(has_mount_namespace(), "no mount namespace can be made here (not root, or the root is no mount)")
class SmallVolume(Trouble):
    """A tmpfs in a mount namespace of its own, so that nothing stays mounted whatever happens."""

    SCRIPT = ('mkdir -p "$1" && mount -t tmpfs -o "size=$2" tmpfs "$1" && shift 2 && "$@"; code=$?; '
              'cp -a outputVideos kept; exit $code')

    def start_on(self, folder, size, *arguments, **more):
        """`folder` (below the batch's) is a volume of `size` bytes. The output folder's end is kept/."""
        run = self.start(*arguments, prefix=("unshare", "--mount", "sh", "-c", self.SCRIPT, "sh", folder, str(size)),
                         **more)
        self.supervisor = wait_until(lambda: [pid for pid in children(run.pid) if self.is_supervisor(pid)], 10)
        self.assertTrue(self.supervisor, str(run))
        self.supervisor = self.supervisor[0]
        return run

    @staticmethod
    def is_supervisor(pid):
        try:
            with open(f"/proc/{pid}/comm") as name:
                return name.read().strip() == "runbatch"
        except OSError:
            return False

    def inside(self, *parts):
        """A path as the program sees it."""
        return f"/proc/{self.supervisor}/root" + self.path(*parts)

    def resize(self, folder, size):
        subprocess.run(["nsenter", "--target", str(self.supervisor), "--mount", "mount", "-o", f"remount,size={size}",
                        self.path(folder)], check=True)

    def fill(self, folder, leave):
        """Takes all but `leave` bytes of the volume, at once; the program may take some meanwhile."""
        with open(self.inside(folder, "filler"), "wb") as filler:
            for taken in range(0, 256 * 4096, 4 * 4096):
                status = os.statvfs(self.inside(folder))
                try:
                    os.posix_fallocate(filler.fileno(), 0, max(1, status.f_bavail * status.f_frsize - leave - taken))
                    return
                except OSError:
                    pass
        self.fail("the volume could not be filled")

    def waits_for_space(self, run):
        told = run.wait_event(lambda e: e["event"] == "batch_paused", 60)
        self.assertIsNotNone(told, str(run))
        return told

    def assert_done(self, run):
        self.assertEqual(run.wait(), 0, str(run))
        kept = self.path("after")
        os.makedirs(kept)
        shutil.move(self.path("kept"), os.path.join(kept, "outputVideos"))
        self.assert_like_reference(kept)
        self.assert_nothing_left(kept)

    def test_a_small_output_volume_is_waited_for(self):
        self.make_reference()
        run = self.start_on("outputVideos", 300 * 1024)
        told = self.waits_for_space(run)
        self.assertRegex(told["text"], r"outputVideos.*\d", "says where, and how much is missing")
        self.assertEqual(run.events_of("video_failed"), [])
        # it goes on by itself
        self.resize("outputVideos", 64 * MIB)
        self.assert_done(run)
        self.assertTrue(run.events_of("batch_resumed"), str(run))

    def test_a_small_work_volume_is_waited_for(self):
        self.make_reference()
        run = self.start_on("outputVideos/.runbatch", 400 * 1024)
        self.waits_for_space(run)
        self.resize("outputVideos/.runbatch", 64 * MIB)
        self.assert_done(run)

    def test_under_the_reserve_while_it_runs(self):
        """The workers keep their place: what was made is not made again."""
        self.make_reference()
        run = self.start_on("outputVideos", 96 * MIB, "--disk-reserve", 8 * MIB)
        self.wait_chunk(run, 0)
        self.fill("outputVideos", 4 * MIB)
        self.waits_for_space(run)
        os.unlink(self.inside("outputVideos", "filler"))
        self.assert_done(run)
        self.assertEqual({times for times in self.chunks_made([run]).values()}, {1})

    def test_no_space_in_the_middle_of_a_write(self):
        self.make_reference()
        # a reserve of next to nothing: the worker meets the end of the volume itself
        run = self.start_on("outputVideos", 96 * MIB, "--disk-reserve", 1)
        self.wait_chunk(run, 0)
        self.fill("outputVideos", 0)
        self.waits_for_space(run)
        os.unlink(self.inside("outputVideos", "filler"))
        self.assert_done(run)

    def test_a_video_that_waited_too_long_fails_with_its_reason(self):
        run = self.start_on("outputVideos", 300 * 1024, "--disk-timeout", 1)
        self.assertEqual(run.wait(), 1, str(run))
        self.assertEqual([e["error"]["class"] for e in run.events_of("video_failed")], ["space", "space"], str(run))

    def test_it_can_be_stopped_while_it_waits(self):
        run = self.start_on("outputVideos", 300 * 1024)
        self.waits_for_space(run)
        subprocess.run(["kill", "-INT", str(self.supervisor)], check=True)
        self.assertEqual(run.wait(5), 130, str(run))


class FailingCalls(Trouble):
    """A library in between makes single calls on files fail."""

    def one_fault(self, name, fault, code=0, failed=0, classes=None):
        """The batch meets the fault, goes on, and in the end, at the latest after another run, the result is right."""
        with self.subTest(name):
            self.clear()
            run = self.start(faults=[fault])
            self.assertEqual(run.wait(), code, str(run))
            after = int(re.search(r"after=(\d+)|$", fault).group(1) or 0)
            self.assertGreater(self.fault_count(), after, "nothing was called that could fail")
            self.assertEqual(len(run.events_of("video_failed")), failed, str(run))
            if classes:
                told = [e["error"]["class"] for e in run.events_of("video_failed", "video_retry", "video_waiting")]
                self.assertTrue(told and set(told) <= set(classes), f"{told}\n{run}")
            self.assert_no_wrong_output()
            if code != 0:
                self.finish()
            self.assert_like_reference()
            self.assert_nothing_left()

    def test_chunks(self):
        self.make_reference()
        self.one_fault("no space in a chunk", "call=write;path=*chunk-*;after=6;do=ENOSPC", classes=["space"])
        self.one_fault("EIO in a chunk", "call=write;path=*chunk-*;after=6;do=EIO", classes=["disk"])
        self.one_fault("a chunk is not synced", "call=sync;path=*chunk-*;after=1;do=EIO", classes=["disk"])
        self.one_fault("a chunk gets no name", "call=rename;path=*chunk-*;after=2;do=EIO", classes=["disk"])
        self.one_fault("a chunk may not be made", "call=open;path=*chunk-*.part;after=2;do=EACCES",
                       classes=["environment"])

    def test_inputs(self):
        """A disk that does not read once is no bad video: it is tried again."""
        self.make_reference()
        for after in (0, 1, 2, 5):
            self.one_fault(f"EIO in read {after + 1} of the input",
                           f"call=read;who=worker;path=*clip1.mp4;after={after};do=EIO", classes=["disk"])

    def test_outputs(self):
        self.make_reference()
        temporary = "path=*joconde_*.runbatch-part"
        self.one_fault("no space in the output", f"call=write;{temporary};after=6;do=ENOSPC", classes=["space"])
        self.one_fault("EIO in the output", f"call=write;who=worker;{temporary};after=6;do=EIO", classes=["disk"])
        self.one_fault("the output is not synced", f"call=sync;{temporary};do=EIO", classes=["disk"])
        self.one_fault("the output gets no name", f"call=rename;who=supervisor;{temporary};do=EIO", classes=["disk"])
        self.one_fault("the output may not be made", f"call=open;who=supervisor;{temporary};do=EACCES", code=1,
                       failed=1, classes=["environment"])

    def test_the_store(self):
        """Where the store fails, the videos are still made: the files are the truth, the store repeats them."""
        self.make_reference()
        self.one_fault("EIO in the store", "call=write;path=*batch.db-wal;after=60;do=EIO")
        self.one_fault("no space in the store", "call=write;path=*batch.db-wal;after=60;times=3;do=ENOSPC")
        self.one_fault("the store is not synced", "call=sync;path=*batch.db*;after=9;do=EIO")

    def test_logs(self):
        self.make_reference()
        self.one_fault("a log cannot be opened", "call=open;path=*/logs/*;times=0;do=EACCES")
        self.one_fault("logs cannot be written", "call=write;path=*/logs/*;times=0;do=ENOSPC")

    def test_the_lock(self):
        for word in ("EACCES", "EIO"):
            with self.subTest(word):
                self.clear()
                run = self.finish(code=3, faults=[f"call=open;path=*/lock;do={word}"])
                self.assertIn("lock", run.err, str(run))

    def test_leftovers_that_cannot_be_removed_stop_nothing(self):
        self.make_reference()
        self.finish(faults=["call=unlink;path=*chunk-*;times=0;do=EACCES"])
        self.assert_like_reference()
        # and go as soon as they can
        self.finish()
        self.assert_nothing_left()


if __name__ == "__main__":
    unittest.main()
