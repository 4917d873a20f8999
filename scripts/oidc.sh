#!/bin/sh
# A real provider of OpenID Connect for tests: npm's oidc-provider, kept outside the checkout.
#   oidc.sh install   installs it once, where there are node and npm, and prints its folder; prints nothing otherwise
set -eu

VERSION=9.13.3
here=$(cd "$(dirname "$0")" && pwd)
folder=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/kehu/oidc-provider-$VERSION

say() { printf '%s\n' "oidc.sh: $*" >&2; }

case "${1:-}" in
    install) ;;
    *)
        say "install"
        exit 2
        ;;
esac
if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
    say "no node or no npm: the test against a real provider is skipped"
    exit 0
fi
if [ ! -e "$folder/installed" ]; then
    say "installing oidc-provider $VERSION"
    mkdir -p "$folder"
    if ! npm install --prefix "$folder" --no-audit --no-fund --ignore-scripts --save-exact \
        "oidc-provider@$VERSION" >&2; then
        say "npm does not get it: the test against a real provider is skipped"
        exit 0
    fi
    : >"$folder/installed"
fi
# Node looks for modules beside the program that asks for them.
cp "$here/../tests/oidc/idp.mjs" "$folder/idp.mjs"
printf '%s\n' "$folder"
