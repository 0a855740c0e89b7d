#!/usr/bin/python3
"""--max-memory in steps on one clip: each limit is either kept, seen from outside, or refused before a frame is made with
the least that works, and that least works.

usage: bench/max_memory.py [--size 1080] [--frames 90] [--encoder libx264] [--preset medium] [--build build] [--json FILE]
"""
import argparse
import os
import re
import sys

from calibrate import Case, SIZES
from common import ROOT, BatchFolder, finish, watch_workers

GB = 1e9
STEPS = [0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 2, 3, 4, 6, 8]


def attempt(batch, program, limit, options):
    """A run with that limit in GB: its row of the report."""
    batch.clear()
    process = batch.start(program, "--max-memory", limit, *options)
    seen = watch_workers(process)
    row = {"limit_gb": limit, "peak_gb": round(seen["peak"] / GB, 3), "own_gb": round(seen["own"] / GB, 3)}
    failed = batch.events("video_failed")
    if failed:
        error = failed[0]["error"]
        told = re.search(r"--max-memory ([0-9.]+)", error["todo"] or "")
        if error["class"] != "usage" or not told or batch.events("chunk_done"):
            sys.exit(f"with {limit} GB it failed otherwise: {error}")
        return {**row, "refused": True, "least_gb": float(told.group(1)), "why": error["why"]}
    if process.returncode != 0 or batch.events("video_retry"):
        sys.exit(f"with {limit} GB it did not work at once")
    opened = batch.events("video_opened")[0]
    return {**row, "refused": False, "estimate_gb": round(opened["memory_estimate"]["total_bytes"] / GB, 3),
            "shape": opened["shape"]}


def show(row):
    if row["refused"]:
        return f"{row['limit_gb']:5} GB: refused: {row['why']}"
    shape = row["shape"]
    return (f"{row['limit_gb']:5} GB: peak {row['peak_gb']:.3f}, estimate {row['estimate_gb']:.3f}; threads "
            f"{shape['execution_threads']}/{shape['decoder_threads']}/{shape['encoder_threads']}, pool "
            f"{shape['frame_budget_bytes'] / 1e6:.0f} MB")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=SIZES, default="1080")
    parser.add_argument("--frames", type=int, default=90)
    parser.add_argument("--encoder", default="libx264")
    parser.add_argument("--preset", default="medium")
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--json")
    options = parser.parse_args()
    program = os.path.join(options.build, "runbatch")
    case = Case(options.size, encoder=options.encoder, preset=options.preset, frames=options.frames,
                threads=(options.threads,) * 3)
    rows = []
    with BatchFolder() as batch:
        clip = case.clip(batch.path)
        os.symlink(clip, batch.inside("inputVideos", "clip1.mp4"))
        steps = list(STEPS)
        while steps:
            row = attempt(batch, program, steps.pop(0), case.options())
            print(show(row), flush=True)
            rows.append(row)
            if row["refused"] and row["least_gb"] not in steps + [done["limit_gb"] for done in rows]:
                steps.insert(0, row["least_gb"])
    over = [row for row in rows if not row["refused"] and row["peak_gb"] > row["limit_gb"]]
    leasts = {row["least_gb"] for row in rows if row["refused"]}
    worked = {row["limit_gb"] for row in rows if not row["refused"]}
    finish({"clip": str(case), "rows": rows, "over_the_limit": over, "least_that_did_not_work": sorted(leasts - worked)},
           options.json)
    sys.exit(1 if over or leasts - worked else 0)


if __name__ == "__main__":
    main()
