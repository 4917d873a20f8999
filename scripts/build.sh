#!/bin/sh
# Builds a program of the workspace and prints the path of the executable, wherever cargo is configured to put it.
#   build.sh kehu             debug, together with the tests of the whole workspace (the same features: all is built once)
#   build.sh --release kehu   release, the program alone, as it is shipped
set -eu
cd "$(dirname "$0")/.."

if [ "$1" = --release ]; then
    name=$2
    set -- --release --package "$name"
else
    name=$1
    set -- --workspace --bins --tests
fi

# Cargo's own answer is the only one that respects its environment and configuration.
artifacts=$(cargo build --message-format=json-render-diagnostics "$@")
printf '%s\n' "$artifacts" |
    sed -n '/"kind":\["bin"\].*"name":"'"$name"'".*"profile":{[^}]*"test":false}/s/.*"executable":"\([^"]*\)".*/\1/p'
