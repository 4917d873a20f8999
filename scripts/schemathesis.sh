#!/bin/sh
# schemathesis against the program as tests build it: every check, every phase, with a token, on SQLite and then on
# PostgreSQL. It is kept outside the checkout; reports and logs are left in the folder that is printed at the end.
#   schemathesis.sh [EXAMPLES [ENGINE [OPTIONS...]]]
# EXAMPLES an operation (100), ENGINE is sqlite, postgres or both; OPTIONS go to schemathesis, such as
# --include-path /v1/customers. All operations with 100 examples take hours.
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

VERSION=4.32.5
examples=${1:-100}
engines=${2:-both}
[ $# -lt 2 ] || shift
[ $# -lt 1 ] || shift
venv=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/kehu/schemathesis-$VERSION
config=$PWD/tests/schemathesis.toml

say() { printf '%s\n' "schemathesis.sh: $*" >&2; }

if [ ! -e "$venv/installed" ]; then
    say "installing schemathesis $VERSION"
    mkdir -p "$venv"
    python3 -m venv "$venv" >&2
    "$venv/bin/pip" install --quiet --disable-pip-version-check --retries 1 --timeout 20 "schemathesis==$VERSION" >&2
    : >"$venv/installed"
fi
forget_settings KEHU_TEST_
bin=$(scripts/build.sh kehu)
scripts/postgres.sh install >/dev/null

work=$(mktemp -d "${TMPDIR:-/tmp}/kehu-schemathesis.XXXXXX")
pg_dir=
server=
end_server() {
    [ -n "$server" ] || return 0
    kill -TERM "$server" 2>/dev/null || true
    wait_for_end "$server" 100 || kill -KILL "$server" || true
    server=
}
finish() {
    status=$?
    trap '' INT TERM HUP
    trap - EXIT
    end_server
    [ -z "$pg_dir" ] || scripts/postgres.sh stop "$pg_dir"
    say "reports and logs are in $work"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')

# A personal token of the first administrator: it lasts as long as the run.
token() {
    python3 - "$1" "$password" <<'PYTHON'
import json, sys, urllib.request

base, password = sys.argv[1:]

def post(path, body, **headers):
    headers["Content-Type"] = "application/json"
    asked = urllib.request.Request(base + path, json.dumps(body).encode(), headers)
    return json.load(urllib.request.urlopen(asked))

signed = post("/v1/auth/login", {"login": "admin@kehu.test", "password": password})
made = post("/v1/me/tokens", {"name": "schemathesis"}, Authorization="Bearer " + signed["access_token"])
print(made["key"])
PYTHON
}

run() {
    engine=$1
    mkdir "$work/$engine"
    (umask 077 && "$bin" keys new >"$work/$engine/kehu.key")
    shift
    env KEHU_RATE_LIMIT=0 KEHU_FORM_RATE_LIMIT=0 KEHU_LOGIN_RATE_LIMIT=0 KEHU_READ_LIMIT=0 KEHU_REVEAL_LIMIT=0 \
        KEHU_ADMIN_EMAIL=admin@kehu.test KEHU_ADMIN_PASSWORD="$password" \
        "$bin" serve --listen 127.0.0.1:0 --data "$work/$engine/data" --kek-file "$work/$engine/kehu.key" $place \
        >"$work/$engine/server.log" 2>&1 &
    server=$!
    tenths=600
    until base=$(sed -n 's|^listening on \(http://[^[:space:]]*\).*|\1|p' "$work/$engine/server.log") && [ -n "$base" ]; do
        tenths=$((tenths - 1))
        if [ "$tenths" -le 0 ] || ! running "$server"; then
            say "the server does not listen"
            return 1
        fi
        sleep 0.1
    done
    token=$(token "$base")
    status=0
    # It leaves what it learned where it runs.
    (cd "$work/$engine" && "$venv/bin/st" --config-file "$config" run "$base/openapi.json" \
        --header "Authorization: Bearer $token" --max-examples "$examples" --checks all \
        --phases examples,coverage,fuzzing,stateful --continue-on-failure --no-color "$@") || status=$?
    end_server
    return "$status"
}

failed=0
if [ "$engines" != postgres ]; then
    place=
    run sqlite "$@" || failed=1
fi
if [ "$engines" != sqlite ]; then
    pg_dir=$(mktemp -d /tmp/kehu-pg.XXXXXX)
    place="--database-url $(scripts/postgres.sh start "$pg_dir")"
    run postgres "$@" || failed=1
fi
exit "$failed"
