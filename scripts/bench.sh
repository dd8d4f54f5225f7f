#!/bin/sh
# Builds the benchmarks and runs them; JSON results go to build/bench/NAME.json. Run it alone: other work on the
# machine ruins timings.
#
#   sh scripts/bench.sh [GOOGLE BENCHMARK ARGUMENTS...]      e.g. --benchmark_filter=linear
set -eu
cd "$(dirname "$0")/.."

sh scripts/setup.sh bench
cmake --preset bench --log-level=WARNING
cmake --build build/bench

model=$(find .venv/lib -name 'SmolLM2-135M-Instruct*.gguf' 2>/dev/null | head -n 1)
[ -z "$model" ] || export CUTAWAY_MODEL="${CUTAWAY_MODEL:-$PWD/$model}"

echo "load average: $(cut -d ' ' -f 1-3 /proc/loadavg 2>/dev/null || echo unknown)"
found=0
for program in build/bench/bench/*_bench; do
  [ -x "$program" ] || continue
  found=1
  name=$(basename "$program")
  echo "== $name"
  "$program" --benchmark_out="build/bench/$name.json" --benchmark_out_format=json "$@"
done
if [ "$found" = 0 ]; then
  echo "bench: error: build/bench/bench: no program named *_bench" >&2
  exit 1
fi
echo "results: build/bench/*_bench.json"
