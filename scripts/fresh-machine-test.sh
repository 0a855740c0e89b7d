#!/bin/bash
# fresh-machine-test.sh - tries scripts/demo.sh and scripts/test.sh on a Debian 12 that has the repository and nothing else.
#
# usage: scripts/fresh-machine-test.sh [OPTIONS]
#
#   --demo          only scripts/demo.sh
#   --test          only scripts/test.sh
#   --suites A,B    of scripts/test.sh only these suites, in the ordinary build
#   --keep          keep the machine's folder (its path is told)
#   --help
#
# The machine is a chroot made by debootstrap (minbase) in a temporary folder, with the last commit checked out in it. It
# gets this machine's apt sources, resolver, certificates and npm configuration, so that it reaches the same mirrors. Needs
# root and debootstrap. Unmounts and removes everything at the end, also after an error or Ctrl+C.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

SUITE=bookworm
run_demo=yes
run_test=yes
keep=no
test_options=()
machine=
arguments=("$@")

while (($#)); do
  case $1 in
    --demo) run_test=no ;;
    --test) run_demo=no ;;
    --keep) keep=yes ;;
    --suites)
      [[ -n ${2:-} ]] || die "--suites needs names"
      test_options=(--quick --suites "$2")
      shift
      ;;
    --help | -h)
      usage_from "$0"
      exit 0
      ;;
    *) die "unknown option $1" "scripts/fresh-machine-test.sh --help lists the options" ;;
  esac
  shift
done
[[ $run_demo == yes || $run_test == yes ]] || die "--demo and --test exclude each other"

mounts_below() { awk -v root="$1/" 'index($2 "/", root) == 1 { print $2 }' /proc/self/mounts | sort -r; }

# Unmounts deepest first; removes the folder only if nothing is mounted in it any more.
clean_up() {
  local status=$? mount
  trap - EXIT INT TERM
  [[ -n $machine && -d $machine ]] || exit "$status"
  while read -r mount; do umount "$mount" 2>/dev/null || umount -l "$mount" || true; done < <(mounts_below "$machine")
  if [[ -n $(mounts_below "$machine") ]]; then
    warn "still mounted below $machine: $(mounts_below "$machine" | xargs); the folder is left alone"
    status=1
  elif [[ $keep == yes ]]; then
    say "The machine is kept in $machine"
  else
    rm -rf --one-file-system "$machine"
  fi
  exit "$status"
}

# A mirror of SUITE that this machine's apt uses, for debootstrap; nothing where it uses none.
mirror() {
  # shellcheck disable=SC2016 # apt's own placeholders
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v suite="$SUITE" '$2 == suite && $3 == "main" && !found { found = 1; print $1 }'
}

# copy_in PATH...: the same file in the machine, where there is one here
copy_in() {
  local path
  for path in "$@"; do
    [[ -e $path ]] || continue
    mkdir -p "$machine$(dirname "$path")"
    rm -rf "${machine:?}$path"
    cp -rL "$path" "$machine$path"
  done
}

make_machine() {
  local npmrc source device minor
  source=$(mirror)
  debootstrap --variant=minbase --include=ca-certificates "$SUITE" "$machine" ${source:+"$source"} >"$machine.log" 2>&1 || {
    tail -n 20 "$machine.log" >&2
    rm -f "$machine.log"
    die "debootstrap failed"
  }
  rm -f "$machine.log"
  rm -rf "$machine"/etc/apt/sources.list.d "$machine/etc/apt/sources.list"
  copy_in /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/apt.conf.d /etc/apt/auth.conf.d /etc/apt/keyrings \
    /etc/resolv.conf /etc/hosts /usr/local/share/ca-certificates /etc/ssl/certs/ca-certificates.crt
  # npm reads its global configuration from a place that depends on the build of npm: hand it over as the user's.
  npmrc=$machine/root/.npmrc
  : >"$npmrc"
  for source in "$(npm config get globalconfig 2>/dev/null || true)" "$HOME/.npmrc"; do
    [[ ! -f $source ]] || grep -vE '^(prefix|cache|nodedir|tmp)[[:space:]]*=' "$source" >>"$npmrc" || true
    [[ ! -f $source ]] || printf '\n' >>"$npmrc"
  done
  mount -t proc proc "$machine/proc"
  mount -t sysfs -o ro sysfs "$machine/sys"
  # A /dev of its own: of the host's only a few harmless devices.
  mount -t tmpfs -o mode=755 dev "$machine/dev"
  mkdir "$machine/dev/pts" "$machine/dev/shm"
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$machine/dev/pts"
  mount -t tmpfs shm "$machine/dev/shm"
  ln -s pts/ptmx "$machine/dev/ptmx"
  ln -s /proc/self/fd "$machine/dev/fd"
  ln -s /proc/self/fd/0 "$machine/dev/stdin"
  ln -s /proc/self/fd/1 "$machine/dev/stdout"
  ln -s /proc/self/fd/2 "$machine/dev/stderr"
  while read -r device minor; do mknod -m 666 "$machine/dev/$device" c 1 "$minor"; done \
    <<<$'null 3\nzero 5\nfull 7\nrandom 8\nurandom 9'
  mknod -m 666 "$machine/dev/tty" c 5 0
}

inside() {
  local passed_on=() name
  for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    [[ -z ${!name:-} ]] || passed_on+=("$name=${!name}")
  done
  env -i HOME=/root TERM=dumb LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    "${passed_on[@]}" chroot "$machine" "$@" </dev/null
}

try_demo() {
  local file
  headline "scripts/demo.sh on the fresh machine"
  inside /root/runbatch/scripts/demo.sh
  for file in outputVideos/cap12_1.mp4 outputVideos/cap12_2.mp4 outputVideos/cap12_10.mp4 outputVideos/joconde_13.mp4 \
    contact-sheet.png; do
    [[ -s $machine/root/runbatch/demo/$file ]] || die "demo.sh ended well but demo/$file is not there"
  done
  # To be looked at: a person decides whether the faces look right.
  mkdir -p "$ROOT/demo"
  cp "$machine/root/runbatch/demo/contact-sheet.png" "$ROOT/demo/contact-sheet-fresh.png"
  say "  outputs are there; contact sheet: $ROOT/demo/contact-sheet-fresh.png"
}

try_test() {
  local status=0
  headline "scripts/test.sh on the fresh machine"
  inside /root/runbatch/scripts/test.sh "${test_options[@]}" 2>&1 | tee "$machine/test.log" || status=$?
  [[ $(tail -n 1 "$machine/test.log") =~ ^[0-9]+\ passed,\ 0\ failed$ ]] || status=1
  ((status == 0)) || die "scripts/test.sh failed on the fresh machine"
}

((EUID == 0)) || die "a chroot needs root" "sudo scripts/fresh-machine-test.sh"
command -v debootstrap >/dev/null || die "debootstrap is not installed" "apt-get install debootstrap"
# In a mount namespace of its own: whatever happens to this script, its mounts end with it.
if [[ -z ${RUNBATCH_PRIVATE_MOUNTS:-} ]]; then
  RUNBATCH_PRIVATE_MOUNTS=1 exec unshare --mount --propagation private "$ROOT/scripts/fresh-machine-test.sh" "${arguments[@]}"
fi
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
machine=$(mktemp -d "${TMPDIR:-/tmp}/runbatch-fresh.XXXXXX")
chmod 755 "$machine"
headline "Making a fresh Debian ($SUITE) in $machine"
make_machine
git clone --quiet --no-hardlinks "$ROOT" "$machine/root/runbatch"
started=$SECONDS
[[ $run_demo == no ]] || try_demo
[[ $run_test == no ]] || try_test
printf '%sThe fresh machine did it, in %d min.%s\n' "$GREEN" $(((SECONDS - started) / 60)) "$PLAIN"
