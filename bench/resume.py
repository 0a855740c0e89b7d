#!/usr/bin/python3
"""What a kill costs: a clip in one go, and killed at a share of its frames and resumed, in turn.

usage: bench/resume.py [--seconds 180] [--share 0.9] [--turns 2] [--build build] [--json FILE]
"""
import argparse
import os
import statistics
import sys
import time

from common import ROOT, BatchFolder, cut_clip, finish


def whole(batch, program):
    """Seconds of an unbroken run, and its frames."""
    batch.clear()
    began = time.monotonic()
    if batch.start(program).wait() != 0:
        sys.exit("the unbroken run failed")
    return time.monotonic() - began, batch.events("video_done")[0]["frames"]


def killed(batch, program, frames):
    """Kills the program, and so its worker, once so many frames are written."""
    batch.clear()
    process = batch.start(program)
    while process.poll() is None and max((e["frames_done"] for e in batch.events("progress")), default=0) < frames:
        time.sleep(0.02)
    if process.poll() is not None:
        sys.exit("it was over before it could be killed")
    process.kill()
    process.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--share", type=float, default=0.9)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--json")
    options = parser.parse_args()
    program = os.path.join(options.build, "runbatch")
    rows = []
    with BatchFolder() as batch:
        cut_clip(batch.inside("inputVideos", "clip1.mp4"), options.seconds)
        for turn in range(options.turns):
            unbroken, frames = whole(batch, program)
            killed(batch, program, options.share * frames)
            began = time.monotonic()
            if batch.start(program).wait() != 0:
                sys.exit("the resumed run failed")
            resumed = time.monotonic() - began
            made = sum(e["frames"] for e in batch.events("chunk_done") if not e["reused"])
            rows.append((resumed / unbroken, made / frames))
            print(f"turn {turn + 1}: unbroken {unbroken:.2f} s, resumed {resumed:.2f} s, {made} of {frames} frames "
                  "made", flush=True)
    finish({"clip_s": options.seconds, "killed_at": options.share,
            "resumed_to_unbroken_wall": round(statistics.median(row[0] for row in rows), 4),
            "frames_made_again_and_left": round(statistics.median(row[1] for row in rows), 4)}, options.json)


if __name__ == "__main__":
    main()
