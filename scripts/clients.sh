#!/bin/sh
# The generators of typed clients for tests, kept outside the checkout.
#   clients.sh install   installs them once and prints their folder; where npm or pip reaches no registry, says so and
#                        goes on with what there is: node_modules and venv in the folder are there or not
set -eu

TYPES=7.13.0   # openapi-typescript
FETCH=0.17.0   # openapi-fetch
TS=5.9.3       # typescript
PYTHON=0.29.1  # openapi-python-client
RUFF=0.17.6    # formats what that writes, without it some pieces are left out
folder=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/kehu/clients-$TYPES-$FETCH-$TS-$PYTHON

say() { printf '%s\n' "clients.sh: $*" >&2; }

install_node() {
    if [ -e "$folder/node" ]; then return; fi
    if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
        say "NO NODE OR NO NPM: the TypeScript client is not tested"
        return
    fi
    say "installing openapi-typescript $TYPES, openapi-fetch $FETCH, typescript $TS"
    if npm install --prefix "$folder" --no-audit --no-fund --ignore-scripts --save-exact "openapi-typescript@$TYPES" \
        "openapi-fetch@$FETCH" "typescript@$TS" >&2; then
        : >"$folder/node"
    else
        say "NPM REACHES NO REGISTRY: the TypeScript client is not tested"
    fi
}

install_python() {
    if [ -e "$folder/python" ]; then return; fi
    if ! command -v python3 >/dev/null 2>&1; then
        say "NO PYTHON: the Python client is not tested"
        return
    fi
    say "installing openapi-python-client $PYTHON"
    if python3 -m venv "$folder/venv" >&2 && "$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
        --retries 1 --timeout 20 "openapi-python-client==$PYTHON" "ruff==$RUFF" >&2; then
        : >"$folder/python"
    else
        say "PIP REACHES NO REGISTRY: the Python client is not tested"
    fi
}

case "${1:-}" in
    install)
        mkdir -p "$folder"
        install_node
        install_python
        printf '%s\n' "$folder"
        ;;
    *)
        sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '$d' >&2
        exit 2
        ;;
esac
