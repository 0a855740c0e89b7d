#!/usr/bin/python3
"""Adds up a meson test run by test cases: count_tests.py MESON_LOGS LOGBASE prints "PASSED FAILED SKIPPED".

The cases of a TAP test come from the JUnit file; any other test is one case. A test that failed as a whole without
naming a failed case (it crashed, or took too long) counts as one failed case more. The names of failed cases go to
standard error, one a line, each with the beginning of what it said below it, indented.
"""

import itertools
import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

SAID_LINES = 24
SAID_COLUMNS = 240
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


def said(output, case):
    """The first lines of a failed case's diagnostics; of a test without such cases its last lines."""
    lines = output.splitlines()
    at = next((i for i, line in enumerate(lines) if re.match(rf"not ok {re.escape(case)}$", line)), None)
    if at is None:
        return lines[-SAID_LINES:]
    own = list(itertools.takewhile(lambda line: not re.match(r"(not )?ok ", line), lines[at + 1:]))
    return own[:SAID_LINES]


def outcomes(logs, base):
    """(name, outcome, what it said if it failed) of every case of the run."""
    cases_of = read_cases(logs / f"{base}.junit.xml")
    for name, result, output, code in read_tests(logs / f"{base}.json"):
        test = name.split(" / ")[-1]
        outcome = OUTCOME.get(result, "failed")
        reported = next((cases_of[suite] for suite in cases_of if suite.endswith("." + name)), [])
        if not reported:
            yield f"{test} ({result})", outcome, said(output, "") if outcome == "failed" else []
            continue
        cases = list(without_false_failures(reported, output))
        for case, case_outcome in cases:
            yield f"{test}: {case}", case_outcome, said(output, case) if case_outcome == "failed" else []
        explained = cases != reported and code == 0
        if outcome == "failed" and not explained and not any(case_outcome == "failed" for _, case_outcome in cases):
            yield f"{test} as a whole ({result})", "failed", said(output, "")


def main():
    if not (Path(sys.argv[1]) / f"{sys.argv[2]}.junit.xml").exists():
        sys.exit("count_tests.py: meson wrote no results")
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for name, outcome, words in outcomes(Path(sys.argv[1]), sys.argv[2]):
        counts[outcome] += 1
        if outcome == "failed":
            print(name, *(f"    {line[:SAID_COLUMNS]}" for line in words), sep="\n", file=sys.stderr)
    print(counts["passed"], counts["failed"], counts["skipped"])


if __name__ == "__main__":
    main()
