import json
import tempfile
import unittest
from pathlib import Path

from count_tests import outcomes, said

JUNIT = """<?xml version='1.0'?><testsuites>
<testsuite name="runbatch.runbatch:unit / base"><testcase name="a"/><testcase name="b"><failure/></testcase>
<testcase name="c"><skipped/></testcase></testsuite>
<testsuite name="runbatch.runbatch:unit / died"><testcase name="a"/></testsuite>
<testsuite name="runbatch.runbatch:unit / cmocka"><testcase name="1 - a"/><testcase name="2"><failure/></testcase></testsuite>
<testsuite name="runbatch"><testcase name="plain"/><testcase name="slow"/></testsuite></testsuites>"""
CMOCKA_SKIPS = "1..2\nok 1 - a\nnot ok 2 # SKIP b\n"
TESTS = {
    "runbatch:unit / base": "FAIL",
    "runbatch:unit / cmocka": "FAIL",
    "runbatch:unit / died": "ERROR",
    "runbatch:e2e / plain": "OK",
    "runbatch:e2e / slow": "TIMEOUT",
    "runbatch:e2e / none": "SKIP",
}


class CountTests(unittest.TestCase):
    def test_cases_crashes_and_timeouts_count(self):
        with tempfile.TemporaryDirectory() as folder:
            logs = Path(folder)
            (logs / "log.junit.xml").write_text(JUNIT)
            records = [{"name": name, "result": result, "returncode": 0} for name, result in TESTS.items()]
            records[1]["stdout"] = CMOCKA_SKIPS
            lines = [json.dumps(record) for record in records]
            (logs / "log.json").write_text("\n".join(lines) + "\n")
            self.assertEqual(
                [case[:2] for case in outcomes(logs, "log")],
                [
                    ("base: a", "passed"),
                    ("base: b", "failed"),
                    ("base: c", "skipped"),
                    ("cmocka: 1 - a", "passed"),
                    ("cmocka: 2 - b", "skipped"),
                    ("died: a", "passed"),
                    ("died as a whole (ERROR)", "failed"),
                    ("plain (OK)", "passed"),
                    ("slow (TIMEOUT)", "failed"),
                    ("none (SKIP)", "skipped"),
                ],
            )

    def test_a_failed_case_is_told_with_its_own_words(self):
        output = "1..3\nok 1 - a\nnot ok 2 - b\n# what\n# where\nok 3 - c\n# later\n"
        self.assertEqual(said(output, "2 - b"), ["# what", "# where"])
        self.assertEqual(said("Killed\n", ""), ["Killed"], "a test that broke off")
