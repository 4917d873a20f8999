#!/bin/sh
# Writes the files that are generated from the program (openapi.json, codes.json, rights.txt; codes.md and
# codes.zh-CN.md for people) and committed.
#   openapi.sh          writes them to openapi/ and docs/
#   openapi.sh --check  fails when the committed ones differ from what the program writes now
set -eu
cd "$(dirname "$0")/.."

bin=$(scripts/build.sh kehu)
if [ "${1:-}" != --check ]; then
    exec "$bin" openapi --out openapi --docs docs
fi

fresh=$(mktemp -d "${TMPDIR:-/tmp}/kehu-openapi.XXXXXX")
trap 'rm -rf "$fresh"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
"$bin" openapi --out "$fresh" --docs "$fresh"
status=0
for name in openapi.json codes.json rights.txt; do
    git --no-pager diff --no-index --exit-code -- "openapi/$name" "$fresh/$name" || status=1
done
for name in codes.md codes.zh-CN.md; do
    git --no-pager diff --no-index --exit-code -- "docs/$name" "$fresh/$name" || status=1
done
[ "$status" -eq 0 ] || echo "openapi.sh: openapi/ or docs/ is not what the program writes: run make openapi and commit" >&2
exit "$status"
