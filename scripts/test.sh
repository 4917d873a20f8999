#!/bin/sh
# Runs every test of the workspace: starts a throw-away PostgreSQL cluster with a PgBouncer before it and one `kehu serve`
# for each engine, tells the tests where they are (KEHU_TEST_*), and stops what it started. Arguments go to `cargo test`.
# Ends with the counts of all test binaries: "N passed, N failed".
# shellcheck disable=SC2317 # the functions of the end are called by the trap
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

say() { printf '%s\n' "test.sh: $*" >&2; }

# --- the end, however it comes

sqlite_pid=
postgres_pid=
tmp=
logs=
pg_dir=
pgb_dir=
summary=

# The processes that the tests started and did not end: they inherited KEHU_TEST_DIR. Looked up in /proc; where there
# is none, Ctrl-C in the terminal reaches them by itself.
left_over() {
    [ -n "$tmp" ] && [ -d /proc/self ] || return 0
    grep -lF "KEHU_TEST_DIR=$tmp" /proc/[0-9]*/environ 2>/dev/null | sed 's|^/proc/\([0-9]*\)/.*|\1|' |
        while IFS= read -r pid; do
            if running "$pid"; then printf '%s\n' "$pid"; fi
        done
}

end_left_overs() {
    for signal in TERM KILL; do
        for pid in $(left_over); do kill -"$signal" "$pid" 2>/dev/null || true; done
        for pid in $(left_over); do wait_for_end "$pid" 20 || true; done
    done
}

# The server of an engine ends by SIGTERM, within ten seconds and with exit code 0.
stop_server() {
    [ -n "$2" ] || return 0
    kill -TERM "$2" 2>/dev/null || true
    if ! wait_for_end "$2" 100; then
        say "the $1 server did not stop within 10 s"
        kill -KILL "$2" || true
    fi
    code=0
    wait "$2" || code=$?
    [ "$code" -eq 0 ] || say "the $1 server ended with exit code $code"
    return "$code"
}

finish() {
    status=$?
    trap '' INT TERM HUP
    trap - EXIT
    end_left_overs
    stop_server sqlite "$sqlite_pid" || status=1
    stop_server postgres "$postgres_pid" || status=1
    if [ -n "$pgb_dir" ]; then
        cp "$pgb_dir/log" "$logs/pgbouncer.log" 2>/dev/null || true
        scripts/pgbouncer.sh stop "$pgb_dir" || status=1
    fi
    if [ -n "$pg_dir" ]; then
        cp "$pg_dir/log" "$logs/postgresql.log" 2>/dev/null || true
        scripts/postgres.sh stop "$pg_dir" || status=1
    fi
    [ -n "$tmp" ] || exit "$status"
    if [ "$status" -eq 0 ] || [ "$status" -gt 128 ]; then
        rm -rf "$tmp" # nothing to look at: passed, or interrupted
    else
        for log in sqlite postgres postgresql pgbouncer; do
            [ -s "$logs/$log.log" ] || continue
            printf '\n--- end of %s.log\n' "$log"
            tail -n 30 "$logs/$log.log"
        done
        rm -rf "$tmp/sqlite" "$tmp/postgres" "$tmp/status"
        printf '\nlogs are in %s\n' "$logs"
    fi
    [ -z "$summary" ] || printf '\n%s\n' "$summary"
    exit "$status"
}

# --- the parts

# Adds up the summaries of the test binaries.
count() {
    sed -n 's/^test result: [A-Za-z]*\. \([0-9]*\) passed; \([0-9]*\) failed.*/\1 \2/p' "$1" | {
        passed=0
        failed=0
        while read -r ok bad; do
            passed=$((passed + ok))
            failed=$((failed + bad))
        done
        printf '%s passed, %s failed\n' "$passed" "$failed"
    }
}

# Starts a server in the background: its name, its key file, further flags. Its id is in $! afterwards.
serve() {
    name=$1
    key=$2
    shift 2
    env KEHU_RATE_LIMIT=0 KEHU_FORM_RATE_LIMIT=0 KEHU_LOGIN_RATE_LIMIT=0 KEHU_READ_LIMIT=0 KEHU_REVEAL_LIMIT=0 \
        KEHU_ALLOW_PRIVATE_TARGETS=1 \
        KEHU_ADMIN_EMAIL=admin@kehu.test KEHU_ADMIN_PASSWORD="$password" \
        "$bin" serve --listen 127.0.0.1:0 --kek-file "$key" "$@" >"$logs/$name.log" 2>&1 &
}

# Waits for the line in which the server says where it listens, and prints the address.
address_of() {
    tenths=600
    while [ "$tenths" -gt 0 ]; do
        address=$(sed -n 's|^listening on \(http://[^[:space:]]*\).*|\1|p' "$logs/$1.log" | head -n 1)
        if [ -n "$address" ]; then
            printf '%s\n' "$address"
            return
        fi
        running "$2" || break
        tenths=$((tenths - 1))
        sleep 0.1
    done
    say "the $1 server does not listen"
    return 1
}

# Runs the tests where a signal can interrupt the wait for them; leaves cargo's exit code in $tmp/status.
run_tests() {
    {
        code=0
        # Unoptimised, the frames of a whole write do not fit into the 2 MiB that the thread of a test has.
        env RUST_MIN_STACK=8388608 \
            KEHU_TEST_DIR="$tmp" KEHU_TEST_BIN="$bin" KEHU_TEST_PG_URL="$pg_url" \
            KEHU_TEST_PGBOUNCER_URL="${pg_url%=*}=$pgb_dir" \
            KEHU_TEST_ADMIN_PASSWORD="$password" KEHU_TEST_PYTHON="$python" \
            KEHU_TEST_OIDC="$oidc" KEHU_TEST_CLIENTS="$clients" KEHU_TEST_LINTERS="$linters" \
            KEHU_TEST_SQLITE="$sqlite" KEHU_TEST_SQLITE_DATA="$tmp/sqlite/data" \
            KEHU_TEST_SQLITE_KEK="$tmp/sqlite/kehu.key" KEHU_TEST_SQLITE_LOG="$logs/sqlite.log" \
            KEHU_TEST_POSTGRES="$postgres" KEHU_TEST_POSTGRES_DB="$pg_url" \
            KEHU_TEST_POSTGRES_KEK="$tmp/postgres/kehu.key" KEHU_TEST_POSTGRES_LOG="$logs/postgres.log" \
            cargo test --workspace --no-fail-fast "$@" || code=$?
        echo "$code" >"$tmp/status"
    } 2>&1 | tee "$tests_log" &
    wait $!
}

# --- the run

forget_settings KEHU_TEST_
bin=$(scripts/build.sh kehu)
cargo test --workspace --no-run
scripts/postgres.sh install >/dev/null
scripts/strace.sh install
scripts/pgbouncer.sh install >/dev/null
python=$(scripts/python.sh)
oidc=$(scripts/oidc.sh install)
clients=$(scripts/clients.sh install)
linters=$(scripts/lint-openapi.sh install)

trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
tmp=$(mktemp -d "${TMPDIR:-/tmp}/kehu-test.XXXXXX")
logs=$tmp/logs
tests_log=$logs/tests.log
mkdir "$logs" "$tmp/sqlite" "$tmp/postgres"
password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')

pg_dir=$(mktemp -d /tmp/kehu-pg.XXXXXX)
pg_url=$(scripts/postgres.sh start "$pg_dir")
pgb_dir=$(mktemp -d /tmp/kehu-pgb.XXXXXX)
scripts/pgbouncer.sh start "$pgb_dir" "$pg_dir" 20
(umask 077 && "$bin" keys new >"$tmp/postgres/kehu.key")
serve sqlite "$tmp/sqlite/kehu.key" --data "$tmp/sqlite/data"
sqlite_pid=$!
serve postgres "$tmp/postgres/kehu.key" --data "$tmp/postgres/data" --database-url "$pg_url"
postgres_pid=$!
sqlite=$(address_of sqlite "$sqlite_pid")
postgres=$(address_of postgres "$postgres_pid")

run_tests "$@"
status=$(cat "$tmp/status")
summary=$(count "$tests_log")
forgotten=$(left_over)
if [ -n "$forgotten" ]; then
    say "the tests left processes behind:"
    for pid in $forgotten; do tr '\0' ' ' <"/proc/$pid/cmdline" >&2 || true; done
    status=1
fi
exit "$status"
