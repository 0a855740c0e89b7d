#!/usr/bin/python3
"""How much nearer face_enhancer's built-in way brings faces to what they were: PSNR and SSIM of the luma of the face,
before and after, for faces that were blurred, shrunk and enlarged again, noisy, or compressed hard.

usage: bench/enhancer.py [PROGRAM]      (default: build/runbatch)
"""
import os
import re
import subprocess
import sys

import common

FRAMES = 24
# Around the face, which hardly moves in so few frames: width, height, x, y.
CLIPS = {"franck": (130, 180, 122, 60), "cap12_edit": (90, 125, 152, 102)}
KINDS = {
    "as it is": ([], "null"),
    "blur, sigma 0.8": ([], "gblur=0.8"), "blur, sigma 1.2": ([], "gblur=1.2"), "blur, sigma 2": ([], "gblur=2"),
    "half the size": ([], "scale=iw/2:-2:flags=bicubic,scale={w}:{h}:flags=bicubic"),
    "a third": ([], "scale=iw/3:-2:flags=bicubic,scale={w}:{h}:flags=bicubic"),
    "a quarter": ([], "scale=iw/4:-2:flags=bicubic,scale={w}:{h}:flags=bicubic"),
    "noise": ([], "noise=alls=12:allf=t"),
    "MJPEG, q 20": (["-c:v", "mjpeg", "-q:v", "20"], "format=yuvj420p"),
    "MPEG-4, q 20": (["-c:v", "mpeg4", "-q:v", "20"], "null"),
    "H.264, crf 35": (["-c:v", "libx264", "-crf", "35"], "null"),
    "H.264, crf 40": (["-c:v", "libx264", "-crf", "40"], "null"),
}
LOSSLESS = ["-c:v", "libx264", "-qp", "0", "-pix_fmt", "yuv420p"]


def size_of(path):
    out = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "stream=width,height", "-of",
                          "csv=p=0", path], capture_output=True, text=True, check=True).stdout
    return out.strip().split(",")


def likeness(path, reference, box):
    """PSNR in dB and SSIM of the luma in the box."""
    crop = "crop={}:{}:{}:{},extractplanes=y,split".format(*box)
    graph = f"[0]{crop}[a][b];[1]{crop}[c][d];[a][c]psnr;[b][d]ssim"
    said = subprocess.run(["ffmpeg", "-v", "info", "-nostdin", "-i", path, "-i", reference, "-lavfi", graph, "-f", "null", "-"],
                          capture_output=True, text=True, check=True).stderr
    return float(re.search(r"average:(\S+)", said)[1]), float(re.search(r"All:(\S+)", said)[1])


def main():
    program = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(common.ROOT, "build", "runbatch"))
    with common.BatchFolder() as folder:
        references = {}
        for clip in CLIPS:
            references[clip] = folder.inside(f"{clip}.mp4")
            common.run("ffmpeg", "-v", "error", "-ss", "2", "-i", os.path.join(common.MEDIA, f"{clip}.mp4"), "-frames:v",
                       FRAMES, *LOSSLESS, references[clip])
            width, height = size_of(references[clip])
            for number, (codec, graph) in enumerate(KINDS.values()):
                container = "mkv" if "mjpeg" in codec else "mp4"
                common.run("ffmpeg", "-v", "error", "-i", references[clip], "-vf", graph.format(w=width, h=height),
                           *(codec or LOSSLESS), folder.inside("inputVideos", f"{clip}_{number}.{container}"))
        common.run(program, "--input-dir", folder.inside("inputVideos"), "--output-dir", folder.inside("outputVideos"),
                   "--frame-processor", "face_enhancer", "--output-video-quality", "0", folder=folder.path)
        print("| | " + " | ".join(f"{clip}: PSNR, dB | SSIM" for clip in CLIPS) + " |")
        print("|---|" + "---|---|" * len(CLIPS))
        for number, kind in enumerate(KINDS):
            cells = []
            for clip, box in CLIPS.items():
                name = next(n for n in os.listdir(folder.inside("inputVideos")) if n.startswith(f"{clip}_{number}."))
                before = likeness(folder.inside("inputVideos", name), references[clip], box)
                after = likeness(folder.inside("outputVideos", f"{clip}_{number}.mp4"), references[clip], box)
                cells += [f"{before[0]:.2f} → {after[0]:.2f}", f"{before[1]:.4f} → {after[1]:.4f}"]
            print(f"| {kind} | " + " | ".join(cells) + " |")


main()
