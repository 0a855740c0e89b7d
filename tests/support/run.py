#!/usr/bin/python3
"""Runs the unittest files named on the command line and prints TAP, so that every case counts.

usage: run.py FILE [FILE…] [-k SUBSTRING]
"""
import importlib.util
import os
import sys
import traceback
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


class TapResult(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.number = 0
        self.failed = 0

    def line(self, ok, test, note=""):
        self.number += 1
        self.failed += not ok
        print(f"{'ok' if ok else 'not ok'} {self.number} - {test.id().split('.', 1)[-1]}{note}", flush=True)

    def diagnostics(self, err):
        for row in "".join(traceback.format_exception(*err)).splitlines():
            print("# " + row, flush=True)

    def addSuccess(self, test):
        self.line(True, test)

    def addSkip(self, test, reason):
        self.line(True, test, f" # SKIP {reason}")

    def addFailure(self, test, err):
        self.line(False, test)
        self.diagnostics(err)

    addError = addFailure

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.line(False, subtest)
            self.diagnostics(err)


def main(arguments):
    pattern = None
    if "-k" in arguments:
        at = arguments.index("-k")
        pattern = arguments[at + 1]
        del arguments[at:at + 2]
    suite = unittest.TestSuite()
    for path in arguments:
        spec = importlib.util.spec_from_file_location(os.path.splitext(os.path.basename(path))[0], path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        for case in flatten(unittest.defaultTestLoader.loadTestsFromModule(module)):
            if pattern is None or pattern in case.id():
                suite.addTest(case)
    print(f"1..{suite.countTestCases()}", flush=True)
    result = TapResult()
    suite.run(result)
    return 1 if result.failed else 0


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
