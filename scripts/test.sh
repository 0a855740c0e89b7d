#!/bin/bash
# test.sh - set-up, build and all tests; the last line is "N passed, N failed".
#
# usage: scripts/test.sh [OPTIONS]
#
#   --quick         only the tests of the ordinary build, and the formatting
#   --suites A,B    only these suites of meson (unit, tools, e2e, fault, fuzz)
#   --no-setup      do not run scripts/setup.sh first
#   --prefix DIR    the cache folder (see scripts/setup.sh)
#   --help
#
# Counted are test cases: each TAP case, each other meson test, each static check and each fuzz target is one. A step that
# breaks off counts as a failure, and the steps behind it run nevertheless. The exit code is 0 only if nothing failed.
#
# Suites of meson: unit, tools, e2e, fault, fuzz (replays the corpora). A test that is in the suite `slow` as well is left
# out under the sanitisers, one that is not in the suite `threads` under the thread sanitiser. Fuzz targets are the
# executables build-fuzz/tests/fuzz/fuzz_*; the seeds of fuzz_NAME stand in tests/fuzz/corpus/NAME/. Tests find the cache
# folder in RUNBATCH_CACHE, and in RUNBATCH_SANITIZER which sanitiser they run under (address, thread, or empty).
set -uo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

SUITES=(unit tools fuzz e2e fault)
# Not under the sanitisers: the tools are Python.
NOT_SANITIZED=tools
FUZZ_SECONDS=10
# A sanitised program takes several times as long.
SANITIZER_TIMEOUT=5

quick=no
with_setup=yes
passed=0
failed=0
skipped=0
failures=() # their names and what they said, for the end

while (($#)); do
  case $1 in
    --quick) quick=yes ;;
    --no-setup) with_setup=no ;;
    --suites)
      [[ -n ${2:-} ]] || die "--suites needs names"
      IFS=, read -ra SUITES <<<"$2"
      shift
      ;;
    *)
      common_option "$@"
      shift $((TAKEN - 1))
      ;;
  esac
  shift
done
export RUNBATCH_CACHE=$CACHE
export RUNBATCH_SANITIZER=
cd "$ROOT" || exit 1
# Nothing here may wait for somebody at the terminal.
exec </dev/null

count() {
  passed=$((passed + $1))
  failed=$((failed + $2))
  skipped=$((skipped + ${3:-0}))
}

# failure NAME
failure() {
  say "  failed: $1"
  failures+=("failed: $1")
  count 0 1
}

finish() {
  headline "Results after $((SECONDS / 60)) min $((SECONDS % 60)) s"
  ((${#failures[@]} == 0)) || printf '%s\n' "${failures[@]}"
  ((skipped == 0)) || say "$skipped skipped"
  say "$passed passed, $failed failed"
  ((failed == 0))
  exit
}

# check NAME COMMAND...: one case; the command's output is shown if it fails
check() {
  local name=$1 output
  shift
  if output=$("$@" 2>&1); then
    say "  ok: $name"
    count 1 0
  else
    tail -n 60 <<<"$output"
    failure "$name"
  fi
}

# must NAME COMMAND...: a step that is counted only when it fails
must() {
  local name=$1
  shift
  headline "$name"
  "$@" && return
  failure "$name"
  return 1
}

# meson_tests FOLDER TIMEOUT_MULTIPLIER SUITE...
meson_tests() {
  local folder=$1 multiplier=$2 suite started counts chosen names
  shift 2
  for suite in "$@"; do
    chosen=(--suite "$suite")
    [[ -z $RUNBATCH_SANITIZER ]] || chosen+=(--no-suite slow)
    # Each test it lists is "suites / name"; where none is left meson says so in words.
    # grep reads to the end: if it left at the first match, meson would die of the closed pipe and the suite be passed over.
    meson test -C "$folder" --no-rebuild --list "${chosen[@]}" 2>/dev/null | grep ' / ' >/dev/null || continue
    started=$SECONDS
    rm -f "$folder/meson-logs/log-$suite".*
    # Those of `alone` run one at a time nevertheless.
    local processes
    processes=$(nproc)
    # Many of those wait for a made-up worker more than they compute.
    [[ $suite != unit && $suite != fuzz ]] || processes=$((2 * processes))
    meson test -C "$folder" --no-rebuild "${chosen[@]}" --print-errorlogs --logbase "log-$suite" \
      --timeout-multiplier "$multiplier" --num-processes "$processes"
    if counts=$("$PYTHON" scripts/count_tests.py "$folder/meson-logs" "log-$suite" 2>"$folder/failed-$suite"); then
      mapfile -t names < <(sed "/^ /!s|^|failed: $folder, $suite, |" "$folder/failed-$suite")
      ((${#names[@]} == 0)) || { printf '  %s\n' "${names[@]}"; failures+=("${names[@]}"); }
      say "  $folder, $suite: ${counts% *} passed/failed, $((SECONDS - started)) s"
      # shellcheck disable=SC2086 # three numbers
      count $counts
    else
      failure "$folder, $suite: no result"
    fi
  done
}

ordinary_tests() {
  must "Building" scripts/build.sh --prefix "$CACHE" || return
  headline "Tests"
  meson_tests build 1 "${SUITES[@]}"
}

# sanitized_tests address|thread FOLDER
sanitized_tests() {
  must "Building with the $1 sanitiser" scripts/build.sh "--sanitize=$1" --prefix "$CACHE" || return
  headline "Tests with the $1 sanitiser"
  local suites=() suite
  for suite in "${SUITES[@]}"; do [[ $suite == "$NOT_SANITIZED" ]] || suites+=("$suite"); done
  [[ $1 != thread ]] || suites=(threads)
  RUNBATCH_SANITIZER=$1 \
    ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1 \
    LSAN_OPTIONS=suppressions=$ROOT/scripts/lsan.supp:print_suppressions=0 \
    UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
    TSAN_OPTIONS=suppressions=$ROOT/scripts/tsan.supp:ignore_noninstrumented_modules=1:halt_on_error=1 \
    meson_tests "$2" "$SANITIZER_TIMEOUT" "${suites[@]}"
}

# fuzz TARGET
fuzz() {
  local corpus name=${1##*/fuzz_} status
  corpus=$(mktemp -d)
  [[ ! -d tests/fuzz/corpus/$name ]] || cp -r "tests/fuzz/corpus/$name/." "$corpus"
  "$1" -max_total_time="$FUZZ_SECONDS" -rss_limit_mb=1024 -timeout=10 -artifact_prefix=build-fuzz/ "$corpus"
  status=$?
  rm -rf "$corpus"
  return "$status"
}

# ended_well TARGET: what it said, and whether that was all right
# shellcheck disable=SC2317 # called by check
ended_well() {
  cat "$1.log"
  [[ $(<"$1.rc") == 0 ]]
}

fuzz_tests() {
  local target name at_once number=0
  at_once=$(nproc)
  [[ -f tests/fuzz/meson.build ]] || return 0
  must "Building the fuzz targets" scripts/build.sh --fuzz --prefix "$CACHE" || return
  headline "Fuzzing, $FUZZ_SECONDS s each"
  for target in build-fuzz/tests/fuzz/fuzz_*; do
    [[ -f $target && -x $target ]] || continue
    ((number++ < at_once)) || wait -n
    (fuzz "$target" >"$target.log" 2>&1; echo $? >"$target.rc") &
  done
  wait
  for target in build-fuzz/tests/fuzz/fuzz_*; do
    [[ -f $target && -x $target ]] || continue
    name=$(basename "$target")
    check "$name" ended_well "$target"
  done
}

# shellcheck disable=SC2317 # called by check
c_sources() { find src include contrib tests bench -name '*.[ch]' -print0; }

# shellcheck disable=SC2317 # called by check
check_format() { c_sources | xargs -0 -r clang-format --dry-run --Werror; }

# tidy ARGUMENT...: on the files named on standard input; by the compile commands of the ordinary build. One file a run:
# clang-tidy 14 mixes up va_list between files. Shows what is wrong where, without the paths that lead there.
# shellcheck disable=SC2317 # called by check
tidy() {
  xargs -0 -r -n 1 -P "$(nproc)" clang-tidy --quiet --config-file=scripts/clang-tidy.yaml -p build \
    --extra-arg=-Wno-unknown-warning-option "$@" 2>&1 | grep -E '(error|warning):'
  return "${PIPESTATUS[0]}"
}

# shellcheck disable=SC2317 # called by check
check_tidy() {
  local status=0
  [[ -f build/compile_commands.json ]] || { say "no compile commands: the ordinary build failed"; return 1; }
  find src -name '*.c' ! -path src/base/error.c -print0 |
    tidy --extra-arg=-include --extra-arg="$ROOT/scripts/analyzer_model.h" || status=1
  printf 'src/base/error.c\0' | tidy || status=1
  return "$status"
}

# shellcheck disable=SC2317 # called by check
check_cppcheck() {
  cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 -j "$(nproc)" \
    --suppressions-list=scripts/cppcheck.supp --template=gcc -D_GNU_SOURCE -I src -I include src contrib
}

# shellcheck disable=SC2317 # called by check
check_shell() { shellcheck -x scripts/*.sh .ci/run; }

static_checks() {
  headline "Static checks"
  check "formatting (clang-format)" check_format
  [[ $quick == no ]] || return 0
  check "clang-tidy" check_tidy
  check "cppcheck" check_cppcheck
  check "shellcheck" check_shell
}

main() {
  if [[ $with_setup == yes ]]; then
    # Without what it installs nothing else can be believed.
    must "Set-up" scripts/setup.sh --with-tests --prefix "$CACHE" || finish
  fi
  ordinary_tests
  static_checks
  if [[ $quick == no ]]; then
    sanitized_tests address build-asan
    sanitized_tests thread build-tsan
    fuzz_tests
  fi
  finish
}

main
