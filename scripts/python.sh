#!/bin/sh
# Prints a Python that has `cryptography`, for the test that reads a database with another implementation: the system's,
# or one in a virtual environment of the user's cache, made when it is first needed (from PyPI).
set -eu

fail() {
    printf '%s\n' "python.sh: $*" >&2
    exit 1
}

works() { "$1" -c 'import cryptography, sqlite3' 2>/dev/null; }

venv=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/kehu/python
if works python3; then
    command -v python3
elif works "$venv/bin/python"; then
    printf '%s\n' "$venv/bin/python"
else
    command -v python3 >/dev/null 2>&1 || fail "the tests need Python 3: install it, then try again"
    mkdir -p "$venv"
    python3 -m venv "$venv" >&2 || fail "the tests need Python's venv (Debian: apt-get install python3-venv)"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --retries 1 --timeout 20 cryptography >&2 ||
        fail "cryptography could not be installed from PyPI: install it (Debian: apt-get install python3-cryptography)"
    printf '%s\n' "$venv/bin/python"
fi
