#!/bin/bash
# build.sh - builds runbatch; scripts/setup.sh must have run.
#
# usage: scripts/build.sh [OPTIONS]
#
#   (none)                build/runbatch, optimised, with symbols
#   --debug               build-debug/runbatch, not optimised
#   --sanitize=address    build-asan/runbatch, with AddressSanitizer and UndefinedBehaviorSanitizer
#   --sanitize=thread     build-tsan/runbatch, with ThreadSanitizer, and the tests that have threads
#   --fuzz                build-fuzz/tests/fuzz/fuzz_*, libFuzzer targets, by clang
#   --prefix DIR          the cache folder that scripts/setup.sh was given
#   --help
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

folder=build
product=runbatch
targets=() # all
compiler=${CC:-}
settings=(-Dbuildtype=debugoptimized)

while (($#)); do
  case $1 in
    --debug)
      folder=build-debug
      settings=(-Dbuildtype=debug)
      ;;
    --sanitize=address)
      folder=build-asan
      settings=(-Dbuildtype=debugoptimized "-Db_sanitize=address,undefined")
      ;;
    --sanitize=thread)
      folder=build-tsan
      settings=(-Dbuildtype=debugoptimized -Db_sanitize=thread)
      targets=(threaded)
      ;;
    --fuzz)
      folder=build-fuzz
      product='the fuzz targets'
      targets=(fuzzers)
      compiler=clang
      # GCC is the compiler whose warnings count; clang has others.
      settings=(-Dbuildtype=debugoptimized -Dfuzz=true "-Db_sanitize=address,undefined" -Db_lundef=false -Dwerror=false
        -Dc_args=-fsanitize=fuzzer-no-link)
      ;;
    *)
      common_option "$@"
      shift $((TAKEN - 1))
      ;;
  esac
  shift
done

for tool in meson ninja gcc pkg-config; do
  command -v "$tool" >/dev/null || die "$tool is not installed" "run scripts/setup.sh"
done
if ! pkg-config --exists libonnxruntime; then
  [[ -f $CACHE/onnxruntime/lib/libonnxruntime.so ]] ||
    die "no ONNX Runtime: neither pkg-config nor $CACHE has it" "run scripts/setup.sh"
  settings+=("-Donnxruntime_dir=$CACHE/onnxruntime")
fi
settings+=("-Dmodels_dir=$CACHE/models")

cd "$ROOT"
# Configured once; again only where the settings differ.
stamp=$folder/.settings
wanted="$compiler ${settings[*]}"
if [[ ! -f $folder/build.ninja || ! -f $stamp || $(<"$stamp") != "$wanted" ]]; then
  headline "Configuring $folder"
  wipe=()
  [[ ! -d $folder/meson-private ]] || wipe=(--wipe)
  CC=${compiler:-gcc} meson setup "${wipe[@]}" "${settings[@]}" "$folder"
  printf '%s' "$wanted" >"$stamp"
fi
headline "Building $product in $folder"
ninja -C "$folder" "${targets[@]}"
# Wherever meson puts the program, users find it in one place.
[[ ! -x $folder/src/runbatch ]] || ln -sf src/runbatch "$folder/runbatch"
[[ $product != runbatch ]] || say "$ROOT/$folder/runbatch"
