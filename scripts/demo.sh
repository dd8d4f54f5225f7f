#!/bin/sh
# Shows what cutaway does: installs what is missing, builds the command line tool, takes the demo
# model (SmolLM2-135M-Instruct, 4-bit GGUF), prints its logit lens and a sentence that it writes.
#
#   sh scripts/demo.sh [PROMPT]
set -eu
cd "$(dirname "$0")/.."
prompt=${1:-The capital of France is}

# Prints a command as one could type it, then runs it.
run() {
  line="\$"
  for word in "$@"; do
    case $word in
      *[!A-Za-z0-9_./=:,+-]* | "") line="$line \"$word\"" ;;
      *) line="$line $word" ;;
    esac
  done
  echo "$line"
  "$@"
}

run sh scripts/setup.sh demo
run cmake --preset release --log-level=WARNING
run cmake --build build/release

cutaway=build/release/apps/cutaway/cutaway
# Without a model named, cutaway finds the demo model in .venv.
echo
run "$cutaway" lens -p "$prompt"
echo
run "$cutaway" generate -p "${1:-Gravity is the force that}" -n 32
