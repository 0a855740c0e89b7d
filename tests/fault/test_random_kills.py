"""kill -9 at random moments: in the end there is what an unbroken run makes, and next to nothing was made twice.

RUNBATCH_KILLS: how many kills (15), RUNBATCH_SEED: of the moments (1).
"""
import os
import random
import signal
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from faults import FaultCase, clip_b_frames, clip_mkv, clip_vfr, clip_webm

KILLS = int(os.environ.get("RUNBATCH_KILLS", "15"))
SEED = int(os.environ.get("RUNBATCH_SEED", "1"))
# Between a start or a kill and the next kill: as long as here a few chunks take, or none would ever be finished.
LONGEST_S = 1.8
LONGEST_SHARE = 0.4  # of an unbroken run
# A video that ended its worker three times in a row without getting on is set aside and tried by the next run.
RESTARTS_MOST = 10


class RandomKills(FaultCase):
    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        self.longest_s = LONGEST_S
        clip_b_frames(self.input("clip1.mp4"))
        clip_vfr(self.input("clip2.mp4"))
        clip_webm(self.input("clip3.webm"))
        clip_mkv(self.input("clip4.mkv"))

    def kill(self, run):
        """One kill of one or both; what was killed, or None when no worker was there."""
        victim = self.random.choice(("worker", "supervisor", "both"))
        workers = run.workers()
        if not workers and victim != "supervisor":
            return None
        if victim != "worker":
            run.process.send_signal(signal.SIGKILL)
        if victim != "supervisor":
            for worker in workers:
                try:
                    os.kill(worker, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        if victim != "worker":
            self.assertTrue(run.kill(), "workers outlive their supervisor")
        return victim

    def until_done(self, kills, arguments):
        """Runs the batch until it is done, with at most `kills` kills; how many there were."""
        first = len(self.runs)
        done = 0
        restarts = 0
        while True:
            run = self.start(*arguments)
            killed = None
            while killed in (None, "worker"):
                if run.wait(self.random.uniform(0, self.longest_s) if done < kills else 600) is not None:
                    break
                killed = self.kill(run)
                done += killed is not None
            self.assert_no_wrong_output()
            if killed in ("supervisor", "both"):
                continue
            self.assertIn(run.process.returncode, (0, 1), str(run))
            if run.process.returncode == 0:
                break
            restarts += 1
            self.assertLess(restarts, RESTARTS_MOST, str(run))
        twice = {chunk: times for chunk, times in self.chunks_made(self.runs[first:]).items() if times > 1}
        self.assertEqual(twice, {}, "chunks that were on the disk were made again")
        return done

    def killed(self, kills, *arguments):
        self.make_reference(*arguments)
        self.longest_s = max(LONGEST_S, LONGEST_SHARE * self.reference_s)
        done = rounds = 0
        while done < kills:
            for name in self.finished_outputs():
                os.unlink(self.output(name))
            done += self.until_done(kills - done, arguments)
            rounds += 1
            self.assertLess(rounds, 4 * kills + 4, "the batch is over before anything can be killed")
            self.assert_like_reference()
            self.assert_nothing_left()
        reused = sum(len(self.chunks_reused(run)) for run in self.runs)
        self.assertTrue(reused > 0 or kills < 8, "no chunk was ever used again")

    def test_x264_in_mp4(self):
        self.killed(KILLS - 2 * (KILLS // 5))

    def test_x265_in_mkv(self):
        self.killed(KILLS // 5, "--output-video-encoder", "libx265", "--output-video-preset", "ultrafast",
                    "--output-name", "{source}_{number}.mkv")

    def test_vp9_in_webm(self):
        self.killed(KILLS // 5, "--output-video-encoder", "libvpx-vp9", "--output-video-preset", "8", "--output-name",
                    "{source}_{number}.webm", "1-3")


if __name__ == "__main__":
    unittest.main()
