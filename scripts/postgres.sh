#!/bin/sh
# A PostgreSQL cluster for tests and benchmarks: only a Unix socket, nothing kept unless that is asked for.
#   postgres.sh find                     prints the folder with initdb, postgres and pg_ctl, version 15 or newer
#   postgres.sh install                  finds or installs them with the system's package manager, then the same
#   postgres.sh start [--durable] [DIR]  starts a cluster in DIR (empty; default: a new folder in /tmp) and prints
#                                        its URL, which ends in DIR; DIR/pid has the process id, DIR/log the server's
#                                        log. --durable leaves fsync and its kin on, as in production. With --keep
#                                        a cluster that DIR has is started as it is
#   postgres.sh restart DIR [MODE]       restarts it; MODE is pg_ctl's: fast (default), or immediate, which is a crash
#   postgres.sh halt DIR                 stops the cluster in DIR, which stays
#   postgres.sh stop DIR                 stops the cluster in DIR and removes DIR
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

OLDEST=15
NEWEST=18
SUPERUSER=kehu

say() { printf '%s\n' "postgres.sh: $*" >&2; }
fail() {
    say "$*"
    exit 1
}

# --- finding

# The major version of the server in a folder; nothing when the folder is not complete.
version_in() {
    [ -x "$1/initdb" ] && [ -x "$1/postgres" ] && [ -x "$1/pg_ctl" ] || return 0
    "$1/postgres" --version 2>/dev/null | sed -n 's/^postgres (PostgreSQL) \([0-9]*\).*/\1/p'
}

candidates() {
    printf '%s\n' "$PATH" | tr ':' '\n'
    if command -v pg_config >/dev/null 2>&1; then pg_config --bindir; fi
    # Patterns that match nothing stay as they are and are not folders.
    printf '%s\n' /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/lib/postgresql*/bin /usr/libexec/postgresql*/bin \
        /usr/local/pgsql/bin /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin
}

# The newest of all; the first one found where several are as new.
find_server() {
    candidates | {
        best=
        best_version=$((OLDEST - 1))
        while IFS= read -r folder; do
            version=$(version_in "$folder")
            if [ "${version:-0}" -gt "$best_version" ]; then
                best=$folder
                best_version=$version
            fi
        done
        printf '%s\n' "$best"
    }
}

find_or_fail() {
    folder=$(find_server)
    [ -n "$folder" ] || fail "no PostgreSQL server $OLDEST or newer found (initdb, postgres and pg_ctl in one folder)"
    printf '%s\n' "$folder"
}

# --- installing

# Prints the newest package that exists, of names with %s for the version; $1 is the command that knows.
newest_package() {
    version=$NEWEST
    while [ "$version" -ge "$OLDEST" ]; do
        # shellcheck disable=SC2059 # the pattern is ours
        name=$(printf "$2" "$version")
        if $1 "$name" >/dev/null 2>&1; then
            printf '%s\n' "$name"
            return
        fi
        version=$((version - 1))
    done
}

install_with_apt() {
    $as_root apt-get update
    package=$(newest_package "apt-cache show" "postgresql-%s")
    [ -n "$package" ] || fail "apt knows no postgresql-$OLDEST or newer: add the repository of apt.postgresql.org"
    # Without this file Debian's package would make a cluster of its own and start it.
    drop_in=/etc/postgresql-common/createcluster.d/kehu-no-cluster.conf
    $as_root mkdir -p "${drop_in%/*}"
    echo 'create_main_cluster = false' | $as_root tee "$drop_in" >/dev/null
    status=0
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$package" || status=$?
    $as_root rm -f "$drop_in"
    return "$status"
}

# dnf and yum: Fedora and the PGDG repository name their packages differently.
install_with_rpm() {
    package=$(newest_package "$1 -q info" "postgresql%s-server")
    $as_root "$1" install -y "${package:-postgresql-server}"
}

install_with_apk() {
    $as_root apk update
    package=$(newest_package "apk info" "postgresql%s")
    [ -n "$package" ] || fail "apk knows no postgresql$OLDEST or newer: update Alpine"
    $as_root apk add "$package"
}

install_server() {
    if [ -n "$(find_server)" ]; then return; fi
    if command -v brew >/dev/null 2>&1; then
        say "installing postgresql@16 with brew"
        brew install postgresql@16 >&2
        return
    fi
    wanted="the PostgreSQL server, version $OLDEST or newer (Debian and Ubuntu: apt-get install postgresql; \
Fedora: dnf install postgresql-server; Alpine: apk add postgresql16; Arch: pacman -S postgresql; \
macOS: brew install postgresql@16)"
    become_root "$wanted"
    say "installing the PostgreSQL server"
    if command -v apt-get >/dev/null 2>&1; then
        install_with_apt >&2
    elif command -v dnf >/dev/null 2>&1; then
        install_with_rpm dnf >&2
    elif command -v yum >/dev/null 2>&1; then
        install_with_rpm yum >&2
    elif command -v apk >/dev/null 2>&1; then
        install_with_apk >&2
    elif command -v pacman >/dev/null 2>&1; then
        $as_root pacman -Sy --noconfirm --needed postgresql >&2
    else
        fail "no package manager that is known here: install $wanted"
    fi
}

# --- starting and stopping

start() {
    # Nothing here outlives the run: a crash of the machine may lose it.
    durability="fsync = off
synchronous_commit = off
full_page_writes = off"
    if [ "${1:-}" = --durable ]; then
        durability=
        shift
    fi
    keep=
    if [ "${1:-}" = --keep ]; then
        keep=yes
        shift
    fi
    bin=$(find_or_fail)
    choose_owner

    # Not TMPDIR: it may be long, and the path of a socket must stay under 108 bytes (104 on macOS).
    dir=${1:-$(mktemp -d /tmp/kehu-pg.XXXXXX)}
    unset PGDATA PGHOST PGPORT PGUSER PGDATABASE PGOPTIONS
    if [ -z "$keep" ] || [ ! -f "$dir/data/postgresql.conf" ]; then make_cluster; fi
    cd "$dir" # the owner may not be able to read the folder that we came from
    # pg_ctl waits until the server answers, and gives it a session of its own: Ctrl-C in the terminal goes to the
    # script, which then stops the server after those who use it.
    as_owner "$bin/pg_ctl" start -s -w -t 60 -D "$dir/data" -l "$dir/log" >>initdb.log 2>&1 ||
        give_up log "the server did not start"
    head -n 1 data/postmaster.pid >pid
    printf '%s\n' "postgres://$SUPERUSER@localhost/postgres?host=$dir"
}

# Makes a cluster in $dir, which is empty.
make_cluster() {
    empty_folder "$dir"
    cd "$dir"
    : >initdb.log
    if [ "$(id -u)" -eq 0 ]; then chown "$owner" "$dir"; fi
    as_owner "$bin/initdb" --no-sync -D "$dir/data" -A trust -U "$SUPERUSER" -E UTF8 --locale=C >>initdb.log 2>&1 ||
        give_up initdb.log "initdb failed"
    cat >>data/postgresql.conf <<END
listen_addresses = ''
unix_socket_directories = '$dir'
max_connections = 200
$durability
END
}

# Shows a log, removes the half-made cluster and fails. One that is kept stays.
give_up() {
    tail -n 30 "$1" >&2 || true
    [ -n "$keep" ] || stop "$dir"
    fail "$2"
}

restart() {
    dir=$1
    [ -f "$dir/initdb.log" ] || fail "$dir: not a folder that start made"
    bin=$(find_or_fail)
    choose_owner
    cd "$dir"
    as_owner "$bin/pg_ctl" restart -s -w -t 60 -m "${2:-fast}" -D "$dir/data" -l "$dir/log" >>initdb.log 2>&1 || {
        tail -n 30 log >&2 || true
        fail "the server did not restart"
    }
    head -n 1 data/postmaster.pid >pid
}

stop() {
    dir=$1
    if [ ! -e "$dir" ] || rmdir "$dir" 2>/dev/null; then return; fi
    halt "$dir"
    rm -rf "$dir"
}

halt() {
    dir=$1
    [ -f "$dir/initdb.log" ] || fail "$dir: not a folder that start made"
    pid=$(head -n 1 "$dir/data/postmaster.pid" 2>/dev/null || true)
    if [ -n "$pid" ] && running "$pid"; then
        kill -INT "$pid" || true # fast: sessions are ended, the cluster is closed
        if ! wait_for_end "$pid" 200; then
            kill -QUIT "$pid" || true
            wait_for_end "$pid" 50 || fail "server $pid in $dir does not stop"
        fi
    fi
}

case ${1:-} in
    find) find_or_fail ;;
    install)
        install_server
        find_or_fail
        ;;
    start)
        shift
        start "$@"
        ;;
    restart) restart "${2:?which folder?}" "${3:-fast}" ;;
    halt) halt "${2:?which folder?}" ;;
    stop) stop "${2:?which folder?}" ;;
    *)
        sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
esac
