#!/usr/bin/python3
"""Runs the unittest files beside it that are named on the command line; prints TAP, so that meson counts every case."""

import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "tools"), str(HERE.parents[1] / "scripts")]
sys.dont_write_bytecode = True


class TapResult(unittest.TestResult):
    number = 0

    def _line(self, good, test, note=""):
        self.number += 1
        print(f"{'ok' if good else 'not ok'} {self.number} - {test.id()}{note}", flush=True)

    def _bad(self, test, error):
        self._line(False, test)
        print("".join(f"# {line}\n" for line in self._exc_info_to_string(error, test).splitlines()), flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self._line(True, test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._bad(test, error)

    def addError(self, test, error):
        super().addError(test, error)
        self._bad(test, error)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._line(True, test, f" # SKIP {reason}")

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error:
            self._bad(subtest, error)


def main():
    suite = unittest.defaultTestLoader.loadTestsFromNames([Path(name).stem for name in sys.argv[1:]])
    result = TapResult()
    suite.run(result)
    print(f"1..{result.number}")
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
