#!/bin/sh
# Runs the workloads of bench/ against the program as it is shipped, on SQLite and on PostgreSQL, and beside PocketBase.
# Arguments go to the bench program, and so does KEHU_BENCH_* of the environment. `million` keeps its data, and on
# PostgreSQL the cluster that it is in, beside each other.
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

# Where a run of `million` on PostgreSQL keeps its cluster; nothing for any other run.
kept_cluster() {
    [ "${1:-}" = million ] || return 0
    keep=${HOME:-/root}/.cache/kehu/million
    engine=sqlite
    while [ $# -gt 1 ]; do
        case $1 in
            --keep) keep=$2 ;;
            --engine) engine=$2 ;;
        esac
        shift
    done
    if [ "$engine" = postgres ]; then printf '%s\n' "$(mkdir -p "$keep" && cd "$keep" && pwd)/cluster"; fi
}

forget_settings KEHU_BENCH_
# One after the other: built together they would share features, and kehu would not be what is shipped.
kehu=$(scripts/build.sh --release kehu)
bench=$(scripts/build.sh --release kehu-bench)
# The folder of the server has pgbench too, or else the path has it.
PATH=$(scripts/postgres.sh install):$PATH
# The peer of the single operations; where it cannot be had, the report says so.
if [ "${1:-}" != million ]; then
    KEHU_BENCH_POCKETBASE=${KEHU_BENCH_POCKETBASE:-$(scripts/pocketbase.sh || true)}
fi
export PATH KEHU_BENCH_POCKETBASE

pg_dir=
kept=
bench_pid=
finish() {
    status=$?
    trap '' INT TERM HUP
    trap - EXIT
    if [ -n "$bench_pid" ] && running "$bench_pid"; then
        # The servers that it measures: those of a run that keeps its data would hold on to it.
        servers=$(cat /proc/"$bench_pid"/task/*/children 2>/dev/null || true)
        kill -TERM "$bench_pid" || true # it may have ended meanwhile
        wait_for_end "$bench_pid" 100 || kill -KILL "$bench_pid" || true
        for server in $servers; do
            kill -TERM "$server" 2>/dev/null || true
        done
    fi
    if [ -n "$kept" ]; then
        scripts/postgres.sh halt "$kept"
    elif [ -n "$pg_dir" ]; then
        scripts/postgres.sh stop "$pg_dir"
    fi
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

pg_url=
kept=$(kept_cluster "$@")
if [ -n "$kept" ]; then
    pg_url=$(scripts/postgres.sh start --durable --keep "$kept")
elif [ "${1:-}" != million ]; then
    pg_dir=$(mktemp -d /tmp/kehu-pg.XXXXXX)
    pg_url=$(scripts/postgres.sh start --durable "$pg_dir")
fi
KEHU_BIN="$kehu" KEHU_BENCH_PG_URL="$pg_url" "$bench" "$@" &
bench_pid=$!
wait "$bench_pid"
