#!/bin/sh
# Runs the workloads of bench/ against the program as it is shipped, on SQLite and on PostgreSQL, and beside PocketBase.
# Arguments go to the bench program, and so does KEHU_BENCH_* of the environment.
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

forget_settings KEHU_BENCH_
# One after the other: built together they would share features, and kehu would not be what is shipped.
kehu=$(scripts/build.sh --release kehu)
bench=$(scripts/build.sh --release kehu-bench)
# The folder of the server has pgbench too, or else the path has it.
PATH=$(scripts/postgres.sh install):$PATH
# The peer of the single operations; where it cannot be had, the report says so.
KEHU_BENCH_POCKETBASE=${KEHU_BENCH_POCKETBASE:-$(scripts/pocketbase.sh || true)}
export PATH KEHU_BENCH_POCKETBASE

pg_dir=
bench_pid=
finish() {
    status=$?
    trap '' INT TERM HUP
    trap - EXIT
    if [ -n "$bench_pid" ] && running "$bench_pid"; then
        kill -TERM "$bench_pid" || true # it may have ended meanwhile
        wait_for_end "$bench_pid" 100 || kill -KILL "$bench_pid" || true
    fi
    [ -z "$pg_dir" ] || scripts/postgres.sh stop "$pg_dir"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

pg_dir=$(mktemp -d /tmp/kehu-pg.XXXXXX)
pg_url=$(scripts/postgres.sh start --durable "$pg_dir")
KEHU_BIN="$kehu" KEHU_BENCH_PG_URL="$pg_url" "$bench" "$@" &
bench_pid=$!
wait "$bench_pid"
