#!/usr/bin/python3
"""What a video costs besides the work on its frames: a folder of many tiny videos, one worker at a time.

Told are the overhead of a video (worker, models, source, store, check, sync: the wall time less the stages' own working
time) and how much the supervisor grows from the tenth video to the last.

usage: bench/many_videos.py [--videos 1000] [--build build] [--json FILE]
"""
import argparse
import os
import statistics
import sys
import time

from common import MEDIA, ROOT, BatchFolder, finish, run


def memory_kb(pid):
    """(resident set, of it the process's own) in KiB."""
    with open(f"/proc/{pid}/status") as status:
        fields = dict(line.split(":", 1) for line in status)
    return int(fields["VmRSS"].split()[0]), int(fields["RssAnon"].split()[0])


def watch(process, outputs):
    """Memory of the supervisor by how many videos are done, until it ends."""
    seen = []
    while process.poll() is None:
        try:
            done = sum(1 for name in os.listdir(outputs) if not name.startswith("."))
            seen.append((done, *memory_kb(process.pid)))
        except (OSError, KeyError):
            pass
        time.sleep(0.25)
    return seen


def growth(seen, videos, column):
    """Largest growth in KiB from the tenth video on, against the most until then."""
    before = [row[column] for row in seen if row[0] <= min(10, videos)]
    return max(row[column] for row in seen) - max(before)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--videos", type=int, default=1000)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--json")
    options = parser.parse_args()
    with BatchFolder() as batch:
        first = batch.inside("inputVideos", "clip1.mp4")
        run("ffmpeg", "-v", "error", "-ss", 2, "-i", os.path.join(MEDIA, "franck.mp4"), "-vf", "scale=128:-2",
            "-frames:v", 10, "-c:v", "libx264", first)
        for number in range(2, options.videos + 1):
            os.link(first, batch.inside("inputVideos", f"clip{number}.mp4"))
        began = time.monotonic()
        process = batch.start(os.path.join(options.build, "runbatch"), "--jobs", 1)
        seen = watch(process, batch.inside("outputVideos"))
        wall = time.monotonic() - began
        done = batch.events("video_done")
        if process.returncode != 0 or len(done) != options.videos:
            sys.exit(f"exit code {process.returncode}, {len(done)} of {options.videos} videos done")
        work = [sum(event["busy_s"].values()) for event in done]
        finish({"videos": options.videos, "frames_each": done[0]["frames"],
                "wall_s_a_video": round(wall / options.videos, 4),
                "work_s_a_video": round(statistics.mean(work), 4),
                "overhead_s_a_video": round((wall - sum(work)) / options.videos, 4),
                "supervisor_kb": max(row[1] for row in seen),
                "supervisor_growth_kb": growth(seen, options.videos, 1),
                "supervisor_growth_own_kb": growth(seen, options.videos, 2)}, options.json)


if __name__ == "__main__":
    main()
