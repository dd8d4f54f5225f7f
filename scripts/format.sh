#!/bin/sh
# Formats the C++ code with clang-format 14; with --check changes nothing and fails if it would.
#
#   sh scripts/format.sh [--check]
set -eu
cd "$(dirname "$0")/.."

case ${1:-} in
  "") action="-i" ;;
  --check) action="--dry-run --Werror" ;;
  *)
    echo "format: unknown argument '$1': expected --check or nothing" >&2
    exit 2
    ;;
esac

tool=${CLANG_FORMAT:-clang-format-14}
if ! command -v "$tool" >/dev/null 2>&1; then
  echo "format: error: $tool not found; 'sh scripts/setup.sh ci' installs it" >&2
  exit 1
fi
# Other versions format differently, so the number is part of the rule.
if ! "$tool" --version | grep -q 'version 14\.'; then
  echo "format: error: $tool is not version 14" >&2
  exit 1
fi

folders=""
for folder in include src apps python tests bench fuzz; do
  [ ! -d "$folder" ] || folders="$folders $folder"
done
find $folders \( -name '*.h' -o -name '*.cc' \) -type f | sort | xargs "$tool" $action --style=file || {
  echo "format: error: not clean; 'sh scripts/format.sh' formats" >&2
  exit 1
}
echo "format: clean"
