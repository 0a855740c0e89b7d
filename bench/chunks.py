#!/usr/bin/python3
"""What chunks cost: the same clip as one chunk and in chunks of ten seconds, in turn (A B A B …), times and sizes.

The clip begins at --start, because its own key frames, 250 frames apart, would otherwise fall together with those of an
encoder that is left alone, and with no others: an advantage that no other clip gives.

usage: bench/chunks.py [--seconds 80] [--start 3.3] [--turns 3] [--encoder libx264] [--preset NAME] [--build build] [--json FILE]
"""
import argparse
import os
import statistics

from common import ROOT, BatchFolder, cut_clip, finish, run


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=80)
    parser.add_argument("--start", type=float, default=3.3)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--encoder", default="libx264")
    parser.add_argument("--preset")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--json")
    options = parser.parse_args()
    program = os.path.join(options.build, "runbatch")
    more = ["--output-video-preset", options.preset] if options.preset else []
    rows = {3600: [], 10: []}
    with BatchFolder() as batch:
        cut_clip(batch.inside("inputVideos", "clip1.mp4"), options.seconds, start=options.start)
        for turn in range(options.turns):
            for length, seen in rows.items():
                batch.clear()
                wall, processor = run(program, "--chunk-seconds", length, "--output-video-encoder", options.encoder,
                                      *more, folder=batch.path)
                seen.append((wall, processor, os.path.getsize(batch.inside("outputVideos", "joconde_1.mp4"))))
            print(f"turn {turn + 1}: " + ", ".join(f"{length} s: {seen[-1][0]:.2f} s wall, {seen[-1][1]:.2f} s cpu"
                                                   for length, seen in rows.items()), flush=True)
    ratio = lambda column: round(statistics.median(b[column] / a[column] for a, b in zip(rows[3600], rows[10])), 4)
    finish({"clip_s": options.seconds, "start_s": options.start, "encoder": options.encoder, "turns": options.turns, "wall": ratio(0),
            "processor": ratio(1), "size": ratio(2)}, options.json)


if __name__ == "__main__":
    main()
