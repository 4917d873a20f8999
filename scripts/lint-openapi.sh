#!/bin/sh
# Lints a description of the API with Spectral (spectral:oas, warnings fail) and Redocly (recommended-strict). The linters
# are kept outside the checkout, and send nothing anywhere.
#   lint-openapi.sh [FILE]    lints FILE, openapi/openapi.json where none is said
#   lint-openapi.sh install   only installs them and prints their folder; prints nothing where npm reaches no registry
set -eu
cd "$(dirname "$0")/.."

SPECTRAL=6.16.3
REDOCLY=2.77.0
folder=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/kehu/linters-$SPECTRAL-$REDOCLY

say() { printf '%s\n' "lint-openapi.sh: $*" >&2; }

install() {
    if [ -e "$folder/installed" ]; then return; fi
    if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
        say "NO NODE OR NO NPM: the description is not linted"
        return 1
    fi
    say "installing Spectral $SPECTRAL and Redocly $REDOCLY"
    mkdir -p "$folder"
    if ! npm install --prefix "$folder" --no-audit --no-fund --ignore-scripts --save-exact \
        "@stoplight/spectral-cli@$SPECTRAL" "@redocly/cli@$REDOCLY" >&2; then
        say "NPM REACHES NO REGISTRY: the description is not linted"
        return 1
    fi
    printf 'extends: ["spectral:oas"]\n' >"$folder/spectral.yaml"
    : >"$folder/installed"
}

if [ "${1:-}" = install ]; then
    if install; then printf '%s\n' "$folder"; fi
    exit 0
fi
install || exit 1
file=$(realpath "${1:-openapi/openapi.json}")
status=0
# In their folder: no configuration that lies around is read.
cd "$folder"
export SCARF_ANALYTICS=false REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
./node_modules/.bin/spectral lint --ruleset spectral.yaml --fail-severity warn "$file" || status=1
./node_modules/.bin/redocly lint --extends recommended-strict --max-problems 100 "$file" || status=1
exit "$status"
