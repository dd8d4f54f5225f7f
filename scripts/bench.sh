#!/bin/sh
# Builds the benchmarks and runs them. Run it alone: other work on the machine ruins timings.
#
#   sh scripts/bench.sh [kernels] [GOOGLE BENCHMARK ARGUMENTS...]   e.g. --benchmark_filter=linear
#   sh scripts/bench.sh tasks [--quick] [ARGUMENTS...]              e.g. --models smollm2 --rounds 3; --help for all
#
#   kernels  our kernels beside the roofs of this machine; JSON in build/bench/NAME.json
#   tasks    whole tasks beside other tools (bench/peers), which are installed under build/peers; JSON in
#            build/peers/results.json. --quick: a minute, on SmolLM2, to see that it works.
#            --write-docs: the tables go into docs/performance.md, if the machine was quiet
set -eu
cd "$(dirname "$0")/.."

part=kernels
case ${1:-} in
  kernels | tasks)
    part=$1
    shift
    ;;
  "" | -*) ;;
  *)
    echo "bench: unknown part '$1': expected kernels or tasks" >&2
    exit 2
    ;;
esac

sh scripts/setup.sh bench
if [ "$part" = tasks ]; then
  sh bench/peers/setup.sh
  exec build/peers/tools/bin/python bench/peers/run.py "$@"
fi

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
