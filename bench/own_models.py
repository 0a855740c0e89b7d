#!/usr/bin/python3
"""The estimate of a worker's memory with a user's swapper, against real workers.

The models are generated: convolutions of random weights, as many bytes of them as the real ones have, behind the real
ones' inputs and outputs. Takes 1.1 GB in the temporary folder.

usage: bench/own_models.py [--threads 1,4] [--frames 12] [--build build] [--json FILE]
"""
import argparse
import os
import shutil
import subprocess
import sys

import numpy as np
from onnx import numpy_helper, save

from common import CACHE, ROOT, BatchFolder, cut_clip, finish, watch_workers

SUPPORT = os.path.join(ROOT, "tests", "support")
sys.path.insert(0, SUPPORT)
import swapper_models  # noqa: E402  pylint: disable=wrong-import-position

# name: channels at the smallest size, how often it is halved, blocks of convolutions there
NETWORKS = {"inswapper_128": (1024, 2, 12), "inswapper_128_fp16": (1024, 2, 12), "simswap_256": (512, 3, 18)}


def network(name):
    """Down to the smallest size, convolutions moved by the source, up again."""
    width, halvings, blocks = NETWORKS[name]
    side = swapper_models.KINDS[name][0]
    graph = swapper_models.Graph("fp16" in name)
    random = np.random.default_rng(1)

    def weights(*shape):
        spread = np.float32(1 / np.sqrt(np.prod(shape[1:])))
        return graph.constant(random.standard_normal(shape, dtype=np.float32) * spread)

    def convolve(value, to, of, stride=1):
        value = graph.add("Conv", value, weights(to, of, 3, 3), pads=[1] * 4, strides=[stride] * 2)
        return graph.add("Relu", value)

    graph.initializers.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "twice"))
    channels = [width >> i for i in range(halvings, -1, -1)]
    value = convolve("target", channels[0], 3)
    for of, to in zip(channels, channels[1:]):
        value = convolve(value, to, of, 2)
    for _ in range(blocks):
        moved = graph.add("MatMul", "source", weights(swapper_models.SIZE, width))
        moved = graph.add("Reshape", moved, graph.constant([1, width, 1, 1], np.int64))
        value = graph.add("Add", convolve(value, width, width), moved)
    for of, to in zip(channels[::-1], channels[-2::-1]):
        value = convolve(graph.add("Resize", value, "", "twice", mode="nearest"), to, of)
    value = graph.add("Conv", value, weights(3, channels[0], 3, 3), pads=[1] * 4)
    graph.add("Sigmoid", value, output="output")
    kind = np.float16 if graph.half else np.float32
    graph.initializers.append(numpy_helper.from_array(swapper_models.swap_matrix().astype(kind), "buff2fs"))
    return graph.model([("target", [1, 3, side, side]), ("source", [1, swapper_models.SIZE])],
                       [("output", [1, 3, side, side])])


def models_folder(batch):
    folder = batch.inside("models")
    shutil.copytree(os.path.join(CACHE, "models"), folder)
    made = batch.inside("made")
    subprocess.run([os.path.join(SUPPORT, "swapper_models.py"), made], check=True)
    for name in ("w600k_r50", "crossface_simswap"):
        shutil.copy(os.path.join(made, "same", f"{name}.onnx"), folder)
    return folder


def measure(batch, program, models, name, threads):
    batch.clear()
    process = batch.start(program, "--models-dir", models, "--face-swapper-model", name, "--execution-threads", threads)
    seen = watch_workers(process)
    if process.returncode != 0:
        sys.exit(f"{name}: exit code {process.returncode}")
    estimate = batch.events("video_opened")[0]["memory_estimate"]["total_bytes"]
    row = {"model": name, "threads": threads, "estimate": estimate, "peak": seen["peak"],
           "error": round(estimate / seen["peak"] - 1, 4)}
    print(f"{name:20} {threads} threads: {estimate / 1e6:7.1f} MB, peak {seen['peak'] / 1e6:7.1f} "
          f"({100 * row['error']:+5.1f} %)", flush=True)
    return row


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", default="1,4")
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--json")
    options = parser.parse_args()
    rows = []
    with BatchFolder() as batch:
        models = models_folder(batch)
        cut_clip(batch.inside("inputVideos", "clip1.mp4"), options.frames / 24)
        for name in NETWORKS:
            path = os.path.join(models, f"{name}.onnx")
            save(network(name), path)
            for threads in map(int, options.threads.split(",")):
                rows.append(measure(batch, os.path.join(options.build, "runbatch"), models, name, threads))
            os.unlink(path)
    errors = [row["error"] for row in rows]
    finish({"cases": rows, "most_over": max(errors), "most_under": min(errors)}, options.json)


if __name__ == "__main__":
    main()
