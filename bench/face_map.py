#!/usr/bin/python3
"""Whether --face-map gives everybody the right face: a clip of three real people, ten hard cuts, two of them crossing.

A face counts as right where it got what the map says for that person, as wrong where it got another source, and as
left out where it stayed as it was though it was to be changed. Judged by likeness to what comes of the clip when
everybody gets one source. Faces of which more than --hidden is covered are not judged:
what is seen there is the other one's.

usage: bench/face_map.py [--frames 50] [--hidden 0.3] [--build build] [--keep FOLDER] [--json FILE]
"""
import argparse
import collections
import json
import os
import shutil
import sys

from common import MEDIA, ROOT, BatchFolder, finish, run

sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
from labelled_clip import PEOPLE, LabelledClip, judge  # noqa: E402

SOURCES = {"franck": "joconde.jpg", "cap": "average.png", "astronaut": "sample3.jpg"}
OPTIONS = ("--frame-processor", "face_swapper", "--output-video-quality", 4, "--output-video-preset", "veryfast", "--quiet")


def reference(batch, person):
    """A picture of the person at another moment than those of the clip."""
    name, start, _, _ = PEOPLE[person]
    path = batch.inside(f"{person}.png")
    moment = ("-ss", 60 if person == "franck" else 30) if start is not None else ()
    run("ffmpeg", "-v", "error", "-y", *moment, "-i", os.path.join(MEDIA, name), "-frames:v", 1, path)
    return os.path.basename(path)


def make(program, batch, name, *words):
    run(program, "run", "-t", batch.inside("inputVideos", "clip.mkv"), "-o", batch.inside(name), *OPTIONS, *words,
        folder=batch.path)
    return batch.inside(name)


def measure(program, batch, clip, others, hidden):
    """Counts by person. `others`: who is not in the map."""
    wanted = {person: None if person in others else source for person, source in SOURCES.items()}
    people = [{"who": reference(batch, person), "becomes": source} for person, source in wanted.items() if source]
    for source in SOURCES.values():
        shutil.copy(os.path.join(MEDIA, source), batch.path)
    with open(batch.inside("map.json"), "w") as file:
        json.dump({"people": people, "others": "keep"}, file)
    made = make(program, batch, f"map{len(others)}.mkv", "--face-map", "map.json")
    alone = {source: batch.inside(f"{source}.mkv") for source in SOURCES.values()}
    for source, path in alone.items():
        if not os.path.exists(path):
            make(program, batch, os.path.basename(path), "-s", source)
    counts = collections.defaultdict(collections.Counter)
    wrong = []
    for number, person, seen, want, got in judge(clip, batch.inside("inputVideos", "clip.mkv"), made, alone, wanted):
        verdict = "right" if got == want else "left out" if got is None else "wrong"
        if verdict != "right" and seen < 1 - hidden:
            verdict = "hidden"
        if verdict in ("wrong", "left out"):
            wrong.append((number, person, round(seen, 2), verdict, want, got))
        counts[person][verdict] += 1
    return counts, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--frames", type=int, default=50, help="of each of the eleven shots")
    parser.add_argument("--hidden", type=float, default=0.3)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--keep")
    parser.add_argument("--json")
    options = parser.parse_args()
    program = os.path.join(options.build, "src", "runbatch")
    clip = LabelledClip(options.frames)
    told = {}
    with BatchFolder() as batch:
        clip.make(batch.inside("inputVideos", "clip.mkv"))
        for title, others in (("all three are named", ()), ("one is named by nobody", ("astronaut",))):
            counts, wrong = measure(program, batch, clip, others, options.hidden)
            total = sum(counts.values(), collections.Counter())
            judged = total["right"] + total["wrong"] + total["left out"]
            print(f"{title}: {judged} faces, {total['wrong']} wrong, {100 * total['right'] / judged:.1f} % right"
                  f" ({total['left out']} left out, {total['hidden']} hidden ones not judged)")
            for row in wrong:
                print("  frame {} of {}: {} in sight, {}: wanted {}, got {}".format(*row))
            told[title] = {**total}
        if options.keep:
            shutil.copytree(batch.path, options.keep, dirs_exist_ok=True)
    finish(told, options.json)


if __name__ == "__main__":
    main()
