# Shared by the scripts in this folder: messages, and where things are. Sourced, not run.
# shellcheck shell=bash disable=SC2034 # what is set here is used by the scripts that source it

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PROGRAM=$(basename "$0")
CACHE=${RUNBATCH_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/runbatch}
# Debian's own Python, which has Debian's python3-onnx; another python3 may stand before it on PATH.
PYTHON=/usr/bin/python3

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
  BOLD=$'\e[1m' RED=$'\e[31m' GREEN=$'\e[32m' PLAIN=$'\e[0m'
else
  BOLD='' RED='' GREEN='' PLAIN=''
fi

say() { printf '%s\n' "$*"; }
headline() { printf '%s==> %s%s\n' "$BOLD" "$*" "$PLAIN"; }
warn() { printf '%s%s: warning: %s%s\n' "$RED" "$PROGRAM" "$*" "$PLAIN" >&2; }

# die MESSAGE [WHAT TO DO]
die() {
  printf '%s%s: %s%s\n' "$RED" "$PROGRAM" "$1" "$PLAIN" >&2
  [[ -z ${2:-} ]] || printf '  %s\n' "$2" >&2
  exit 1
}

# usage_from FILE: prints the comment at the head of a script as its help.
usage_from() { awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$1"; }

megabytes() { awk -v bytes="$1" 'BEGIN { printf "%.1f MB", bytes / 1e6 }'; }

# common_option ARGUMENTS...: what every script understands, --prefix and --help; sets TAKEN to how many words it was
# shellcheck disable=SC2034 # CACHE and TAKEN are read by the scripts
common_option() {
  TAKEN=1
  case $1 in
    --prefix)
      [[ -n ${2:-} ]] || die "--prefix needs a folder"
      CACHE=$2
      TAKEN=2
      ;;
    --prefix=*) CACHE=${1#*=} ;;
    --help | -h)
      usage_from "$0"
      exit 0
      ;;
    *) die "unknown option $1" "scripts/$(basename "$0") --help lists the options" ;;
  esac
}
