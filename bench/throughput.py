#!/usr/bin/python3
"""Speed and memory of the main job against a plain transcode and against the way over frame files.

All ways run in turn (A B C A B C …) on the same 720p clip with one face, so that a noisy machine is noisy for all;
what counts are the ratios within one turn. Needs build/runbatch, build/bench/frame_files, ffmpeg.

usage: bench/throughput.py [--seconds 10] [--turns 3] [--threads 2] [--no-frame-files] [--json FILE]
"""
import argparse
import os
import shutil
import statistics
import subprocess
import tempfile

from common import MEDIA, ROOT, finish, run

QUALITY = 18
CRF = (QUALITY + 1) * 51 // 100


def make_clip(path, seconds):
    run("ffmpeg", "-v", "error", "-y", "-t", seconds, "-i", os.path.join(MEDIA, "franck.mp4"), "-f", "lavfi", "-t",
        seconds, "-i", "sine=frequency=300", "-vf", "scale=1280:720:force_original_aspect_ratio=increase:flags=lanczos,"
        "crop=1280:720:(iw-1280)/2:0", "-c:v", "libx264", "-crf", 16, "-c:a", "aac", path)


def transcode(clip, made, threads):
    return run("ffmpeg", "-nostdin", "-v", "error", "-y", "-threads", threads, "-i", clip, "-c:v", "libx264", "-preset",
               "medium", "-crf", CRF, "-threads", threads, "-c:a", "copy", made)


def streaming(build, source, clip, made, threads):
    return run(os.path.join(build, "runbatch"), "run", "-s", source, "-t", clip, "-o", made, "--output-video-preset",
               "medium", "--output-video-quality", QUALITY, "--execution-threads", threads, "--encoder-threads",
               threads)


def frame_files(build, source, clip, made, threads, folder):
    """As the old system does it: all frames to PNG, a pass over the files, and together again with the audio."""
    os.makedirs(folder)
    pattern = os.path.join(folder, "%06d.png")
    silent = made + ".silent.mp4"
    rate = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries",
                           "stream=avg_frame_rate", "-of", "csv=p=0", clip], capture_output=True, text=True,
                          check=True).stdout.strip().strip(",")
    steps = [
        run("ffmpeg", "-nostdin", "-v", "error", "-threads", threads, "-i", clip, "-pix_fmt", "rgb24", pattern),
        run(os.path.join(build, "bench", "frame_files"), source, folder, threads),
        run("ffmpeg", "-nostdin", "-v", "error", "-y", "-r", rate, "-i", pattern, "-c:v", "libx264", "-preset",
            "medium", "-crf", CRF, "-threads", threads, "-pix_fmt", "yuv420p", silent),
        run("ffmpeg", "-nostdin", "-v", "error", "-y", "-i", silent, "-i", clip, "-c", "copy", "-map", "0:v:0", "-map",
            "1:a:0", made),
    ]
    size = sum(entry.stat().st_size for entry in os.scandir(folder))
    shutil.rmtree(folder)
    os.unlink(silent)
    return tuple(map(sum, zip(*steps))) + (size,)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-frame-files", action="store_true")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--json")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="runbatch-bench-")
    try:
        clip = os.path.join(folder, "clip.mp4")
        source = os.path.join(MEDIA, "joconde.jpg")
        made = os.path.join(folder, "made.mp4")
        make_clip(clip, options.seconds)
        rows = {"transcode": [], "streaming": [], "frame_files": []}
        for turn in range(options.turns):
            rows["transcode"].append(transcode(clip, made, options.threads))
            os.unlink(made)
            rows["streaming"].append(streaming(options.build, source, clip, made, options.threads))
            os.unlink(made)
            if not options.no_frame_files:
                rows["frame_files"].append(frame_files(options.build, source, clip, made, options.threads,
                                                       os.path.join(folder, "frames")))
                os.unlink(made)
            print(f"turn {turn + 1}: " + ", ".join(f"{way} {seconds[-1][0]:.2f} s wall {seconds[-1][1]:.2f} s cpu"
                                                   for way, seconds in rows.items() if seconds), flush=True)
        ratio = lambda a, b, i: statistics.median(x[i] / y[i] for x, y in zip(rows[a], rows[b]))
        report = {"clip": f"1280x720, {options.seconds:g} s, one face", "threads": options.threads,
                  "turns": options.turns,
                  "streaming_to_transcode_wall": round(ratio("streaming", "transcode", 0), 3),
                  "streaming_to_transcode_cpu": round(ratio("streaming", "transcode", 1), 3)}
        if rows["frame_files"]:
            report["frame_files_to_streaming_wall"] = round(ratio("frame_files", "streaming", 0), 2)
            report["frame_files_disk_mb"] = round(rows["frame_files"][-1][2] / 1e6)
        finish(report, options.json)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
