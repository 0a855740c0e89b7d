#!/usr/bin/python3
"""What several sources in one run cost: against one source, and against as many runs.

usage: bench/sources.py [--seconds 30] [--build build] [--json FILE]
"""
import argparse
import os
import shutil
import time

from common import MEDIA, ROOT, BatchFolder, cut_clip, finish, run

SOURCES = ("joconde.jpg", "average.png", "sample3.jpg")


def measure(program, batch, sources):
    """Wall and processor seconds."""
    batch.clear()
    began = time.monotonic()
    _, processor = run(program, "--quiet", *(word for source in sources for word in ("-s", source)), folder=batch.path)
    return time.monotonic() - began, processor


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--json")
    options = parser.parse_args()
    program = os.path.join(options.build, "src", "runbatch")
    rows = []
    with BatchFolder() as batch:
        cut_clip(batch.inside("inputVideos", "clip1.mp4"), options.seconds)
        for source in SOURCES:
            shutil.copy(os.path.join(MEDIA, source), batch.path)
        for _ in range(3):
            one, three = measure(program, batch, SOURCES[:1]), measure(program, batch, SOURCES)
            rows.append({"one_s": one[0], "three_s": three[0], "wall": three[0] / one[0], "processor": three[1] / one[1]})
    rows.sort(key=lambda row: row["wall"])
    print(f"three sources take {rows[1]['wall']:.2f} times as long as one (of {', '.join('%.2f' % r['wall'] for r in rows)}),"
          f" {rows[1]['processor']:.2f} times the processor's time")
    finish(rows, options.json)


if __name__ == "__main__":
    main()
