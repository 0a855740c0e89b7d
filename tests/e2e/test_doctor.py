"""runbatch doctor: what it finds, what it calls an error, that it changes nothing."""
import ctypes
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from faults import has_mount_namespace
from harness import CACHE, DOCUMENT, BatchCase, alive, documented, ffmpeg, media, wait_until

MODELS = os.path.join(CACHE, "models")
FAKE_NVML = os.environ.get("RUNBATCH_FAKE_NVML", "")


def documented_figures():
    """The figures of each check, as docs/json.md has them."""
    with open(DOCUMENT, encoding="utf-8") as handle:
        table = handle.read().split("### Figures of a check\n")[1].split("\n\n")[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| `")]
    return {row[1].strip(" `"): set(re.findall("`([a-z0-9_]+)`", row[2])) for row in rows}


def leave_a_process(name):
    """A process of that name whose parent is gone; its number."""
    reading, writing = os.pipe()
    parent = os.fork()
    if parent == 0:
        child = os.fork()
        if child == 0:
            os.setsid()
            ctypes.CDLL(None).prctl(15, name.encode(), 0, 0, 0)  # PR_SET_NAME
            os.write(writing, str(os.getpid()).encode())
            signal.pause()
        os._exit(0)
    os.waitpid(parent, 0)
    os.close(writing)
    number = int(os.read(reading, 32))
    os.close(reading)
    return number


class Doctor(BatchCase):
    def setUp(self):
        super().setUp()
        self.put_source()
        ffmpeg("-t", 1, "-i", media("franck.mp4"), "-c", "copy", self.input("clip1.mp4"))

    def examine(self, *arguments, code=0, **how):
        result = self.run_batch("doctor", "--json", *arguments, **how)
        self.assert_code(result, code)
        self.report = json.loads(result.out)
        self.assert_documented()
        return {(check["group"], check["name"]): check for check in self.report["checks"]}

    def assert_documented(self):
        """All that the document tells is there, and nothing else."""
        self.assertEqual(set(self.report), documented("doctor"))
        known = documented_figures()
        for check in self.report["checks"]:
            self.assertEqual(set(check), documented("A check"))
            self.assertIn(check["name"], known)
            self.assertIn(set(check["figures"]), (known[check["name"]], set()), check)

    def checks(self, name):
        return [check for check in self.report["checks"] if check["name"] == name]

    def mounted(self, options):
        """Runs it with a file system of its own in place of the output folder."""
        script = f'mount -t tmpfs -o {options} none outputVideos && exec "$0" "$@"'
        return ("unshare", "--mount", "sh", "-c", script)

    def levels(self, group):
        return {check["level"] for check in self.report["checks"] if check["group"] == group}

    def errors(self):
        return [check for check in self.report["checks"] if check["level"] == "error"]

    def copied_models(self):
        folder = tempfile.mkdtemp(prefix="runbatch-test-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        for name in os.listdir(MODELS):
            if name.endswith(".onnx"):
                shutil.copy(os.path.join(MODELS, name), folder)
        return folder

    def test_where_all_is_well(self):
        before = sorted(os.listdir(self.path("outputVideos")))
        checks = self.examine()
        self.assertEqual(self.report["counts"]["error"], 0)
        for group in ("memory", "limits", "models", "codecs", "sandbox", "folders", "leftovers", "system"):
            self.assertTrue(self.levels(group), group)
        self.assertEqual(self.levels("models"), {"ok"})
        self.assertIn(checks["limits", "memory_enforcement"]["figures"]["means"], ("group", "watch"))
        self.assertEqual(sorted(os.listdir(self.path("outputVideos"))), before, "it left something")

    def test_as_text(self):
        for columns in (80, 120):
            result = self.run_batch("doctor", COLUMNS=str(columns))
            self.assert_code(result, 0)
            self.assertTrue(all(len(line) <= columns for line in result.out.splitlines()), result.out)
            self.assertIn("memory limits of workers: ", " ".join(result.out.split()))
            self.assertRegex(result.out.splitlines()[-1], "a batch would run|All is well")

    def test_missing_and_damaged_models(self):
        folder = self.copied_models()
        victim = next(name for name in os.listdir(folder) if "facemesh" in name)
        with open(os.path.join(folder, victim), "r+b") as model:
            model.seek(1000)  # one byte: the size stays
            byte = model.read(1)
            model.seek(1000)
            model.write(bytes([byte[0] ^ 1]))
        self.examine("--models-dir", folder, code=1)
        damaged = self.errors()
        self.assertEqual(len(damaged), 1, damaged)
        self.assertIn(victim, damaged[0]["text"])
        os.unlink(os.path.join(folder, victim))
        self.examine("--models-dir", folder, code=1)
        missing = self.errors()
        self.assertTrue(missing and all(check["advice"] for check in missing), missing)

    def test_in_spanish(self):
        result = self.run_batch("doctor", COLUMNS="80", LC_ALL="es_ES.UTF-8")
        self.assert_code(result, 0)
        self.assertIn("Memoria\n  bien ", result.out)
        self.assertIn("imagen de origen source/joconde.jpg", result.out, "it is found out in a sandbox")

    def test_only_trouble(self):
        result = self.run_batch("doctor", "--quiet")
        self.assert_code(result, 0)
        self.assertNotIn("\n  ok ", "\n" + result.out)

    @unittest.skipUnless(has_mount_namespace(), "no mount namespace can be made here")
    def test_an_output_that_cannot_be_written(self):
        self.examine(code=1, prefix=self.mounted("ro"))
        outputs, = self.checks("outputs")
        self.assertEqual((outputs["level"], outputs["figures"]["writable"]), ("error", False))
        self.assertIn("Read-only", outputs["text"])
        self.assertIn("--output-dir", outputs["advice"])

    @unittest.skipUnless(has_mount_namespace(), "no mount namespace can be made here")
    def test_an_output_in_memory(self):
        self.examine(prefix=self.mounted("size=100m"))
        volume, = self.checks("volume")
        self.assertEqual((volume["level"], volume["figures"]["file_system"]), ("warning", "tmpfs"))
        self.assertIn("power cut", volume["advice"])
        self.assertEqual(volume["figures"]["total_bytes"], 100 << 20)
        # and where there is less than must stay free
        self.examine("--disk-reserve", "200MB", code=1, prefix=self.mounted("size=100m"))
        volume, = self.checks("volume")
        self.assertEqual(volume["level"], "error")
        self.assertIn("--disk-reserve", volume["advice"])

    def test_a_process_of_an_earlier_run(self):
        number = leave_a_process("runbatch-worker")
        self.addCleanup(lambda: alive(number) and os.kill(number, signal.SIGKILL))
        self.examine()
        left = [check for check in self.checks("left_process") if check["figures"]["process"] == number]
        self.assertEqual([check["level"] for check in left], ["warning"])
        self.assertIn(f"kill -9 {number}", left[0]["advice"])
        os.kill(number, signal.SIGKILL)
        self.assertTrue(wait_until(lambda: not alive(number), 10))
        self.examine()
        self.assertNotIn(number, [check["figures"]["process"] for check in self.checks("left_process")])

    def test_workers_of_a_running_batch_are_no_leftovers(self):
        batch = self.start_batch("--execution-threads", "1")
        def worker():
            names = [name for name in os.listdir("/proc") if name.isdigit()]
            for name in names:
                try:
                    with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as handle:
                        fields = handle.read()
                except OSError:
                    continue
                if "(runbatch-worker)" in fields and int(fields.rsplit(")", 1)[1].split()[1]) == batch.pid:
                    return int(name)
            return None
        number = wait_until(worker, 30)
        self.assertIsNotNone(number, "no worker came")
        self.examine()
        self.assertNotIn(number, [check["figures"]["process"] for check in self.checks("left_process")])

    @unittest.skipUnless(FAKE_NVML, "no stand-in for the driver's library")
    def test_a_card_and_who_holds_it(self):
        cards = self.path("cards")
        with open(cards, "w", encoding="utf-8") as handle:
            handle.write(f"device 24576 24000 NVIDIA GeForce RTX 3090\nprocess 0 {os.getpid()} 512\n")
        self.examine(LD_LIBRARY_PATH=os.path.dirname(FAKE_NVML), RUNBATCH_FAKE_GPU=cards)
        card, = self.checks("video_memory")
        self.assertEqual((card["level"], card["figures"]["used_bytes"]), ("warning", 24000 << 20))
        holder, = self.checks("video_memory_holder")
        self.assertEqual((holder["figures"]["process"], holder["figures"]["used_bytes"]), (os.getpid(), 512 << 20))
        offered = {check["figures"]["provider"] for check in self.checks("provider") if check["figures"]["offered"]}
        self.assertEqual([check["level"] for check in self.checks("idle_card")],
                         [] if offered & {"cuda", "tensorrt"} else ["warning"])
        # a driver that does not work
        with open(cards, "w", encoding="utf-8") as handle:
            handle.write("device 24576 1000 NVIDIA GeForce RTX 3090\nfail nvmlInit_v2 999\n")
        self.examine(LD_LIBRARY_PATH=os.path.dirname(FAKE_NVML), RUNBATCH_FAKE_GPU=cards)
        self.assertEqual([check["level"] for check in self.checks("video_cards")], ["warning"])

    def test_an_output_that_is_no_folder(self):
        os.rmdir(self.path("outputVideos"))
        with open(self.path("outputVideos"), "w"):
            pass
        self.examine(code=1)
        self.assertIn("error", self.levels("folders"))

    def test_a_source_that_is_no_picture(self):
        for name in os.listdir(self.path("source")):
            os.unlink(os.path.join(self.path("source"), name))
        with open(os.path.join(self.path("source"), "face.png"), "wb") as picture:
            picture.write(b"\x89PNG\r\n" + bytes(200))
        self.examine(code=1)
        self.assertIn("error", self.levels("folders"))


if __name__ == "__main__":
    unittest.main()
