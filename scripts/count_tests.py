#!/usr/bin/python3
"""Adds up a meson test run by test cases: count_tests.py MESON_LOGS LOGBASE prints "PASSED FAILED SKIPPED".

The cases of a TAP test come from the JUnit file; any other test is one case. A test that failed as a whole without
naming a failed case (it crashed, or took too long) counts as one failed case more. The names of failed cases go to
standard error, one a line.
"""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

OUTCOME = {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped"}


def read_cases(junit):
    """Suite name -> list of (case name, outcome). A TAP test has a suite of its own, `project.NAME`."""
    found = {}
    for suite in ElementTree.parse(junit).getroot().iter("testsuite"):
        cases = found.setdefault(suite.get("name"), [])
        for case in suite.iter("testcase"):
            bad = case.find("failure") is not None or case.find("error") is not None
            outcome = "failed" if bad else "skipped" if case.find("skipped") is not None else "passed"
            cases.append((case.get("name"), outcome))
    return found


def read_tests(log):
    """(name, result, standard output, exit code) of every test; meson names a test `project:suite / test`, or `test`."""
    for line in log.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        yield record["name"], record["result"], record.get("stdout") or "", record.get("returncode", 0)


def without_false_failures(cases, output):
    """cmocka 1.1.5 writes a skipped case as `not ok 6 # SKIP name`, which meson takes for a failure."""
    for name, outcome in cases:
        skipped = re.search(rf"^not ok {re.escape(name)} # SKIP (.*)$", output, re.MULTILINE)
        yield (f"{name} - {skipped[1]}", "skipped") if skipped else (name, outcome)


def outcomes(logs, base):
    """(name, outcome) of every case of the run."""
    cases_of = read_cases(logs / f"{base}.junit.xml")
    for name, result, output, code in read_tests(logs / f"{base}.json"):
        test = name.split(" / ")[-1]
        outcome = OUTCOME.get(result, "failed")
        reported = next((cases_of[suite] for suite in cases_of if suite.endswith("." + name)), [])
        if not reported:
            yield f"{test} ({result})", outcome
            continue
        cases = list(without_false_failures(reported, output))
        yield from ((f"{test}: {case}", case_outcome) for case, case_outcome in cases)
        explained = cases != reported and code == 0
        if outcome == "failed" and not explained and not any(case_outcome == "failed" for _, case_outcome in cases):
            yield f"{test} as a whole ({result})", "failed"


def main():
    if not (Path(sys.argv[1]) / f"{sys.argv[2]}.junit.xml").exists():
        sys.exit("count_tests.py: meson wrote no results")
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for name, outcome in outcomes(Path(sys.argv[1]), sys.argv[2]):
        counts[outcome] += 1
        if outcome == "failed":
            print(name, file=sys.stderr)
    print(counts["passed"], counts["failed"], counts["skipped"])


if __name__ == "__main__":
    main()
