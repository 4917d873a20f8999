#!/bin/sh
# A PgBouncer in session mode for tests, in front of a cluster of postgres.sh: only a Unix socket, nothing kept.
#   pgbouncer.sh find                   prints the program
#   pgbouncer.sh install                finds or installs it with the system's package manager, then the same
#   pgbouncer.sh start DIR CLUSTER SIZE starts one in DIR (empty) before the cluster in the folder CLUSTER, with SIZE
#                                       connections to the server for each user and database; clients connect to the
#                                       socket in DIR as they would to the one in CLUSTER. DIR/pid has the process id,
#                                       DIR/log its log
#   pgbouncer.sh stop DIR               stops it and removes DIR
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

SUPERUSER=kehu

say() { printf '%s\n' "pgbouncer.sh: $*" >&2; }
fail() {
    say "$*"
    exit 1
}

# --- finding and installing

find_program() {
    # Where distributions put it, which is not in everybody's PATH.
    PATH="$PATH:/usr/sbin:/usr/local/sbin:/opt/homebrew/bin:/usr/local/bin" command -v pgbouncer || true
}

find_or_fail() {
    program=$(find_program)
    [ -n "$program" ] || fail "no PgBouncer found"
    printf '%s\n' "$program"
}

# Debian's package starts a service unless this file says no, and has it started with the machine.
install_with_apt() {
    policy=/usr/sbin/policy-rc.d
    ours=
    if [ ! -e "$policy" ]; then
        ours=yes
        printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
        $as_root chmod 755 "$policy"
    fi
    status=0
    {
        $as_root apt-get update
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends pgbouncer
    } || status=$?
    if [ -n "$ours" ]; then $as_root rm -f "$policy"; fi
    if command -v update-rc.d >/dev/null 2>&1; then $as_root update-rc.d pgbouncer disable || true; fi
    return "$status"
}

install_program() {
    if [ -n "$(find_program)" ]; then return; fi
    say "installing PgBouncer"
    if command -v brew >/dev/null 2>&1; then
        brew install pgbouncer >&2
        return
    fi
    become_root "PgBouncer (package pgbouncer)"
    if command -v apt-get >/dev/null 2>&1; then
        install_with_apt >&2
    elif command -v dnf >/dev/null 2>&1; then
        $as_root dnf install -y pgbouncer >&2
    elif command -v yum >/dev/null 2>&1; then
        $as_root yum install -y pgbouncer >&2
    elif command -v apk >/dev/null 2>&1; then
        $as_root apk add pgbouncer >&2
    elif command -v pacman >/dev/null 2>&1; then
        $as_root pacman -Sy --noconfirm --needed pgbouncer >&2
    else
        fail "no package manager that is known here: install PgBouncer"
    fi
}

# --- starting and stopping

start() {
    dir=$1
    cluster=$2
    size=$3
    program=$(find_or_fail)
    choose_owner
    empty_folder "$dir"
    cd "$dir" # the owner may not be able to read the folder that we came from
    printf '"%s" ""\n' "$SUPERUSER" >users
    # No parameter of the start is ignored: what a client may not say at the start shows in the tests.
    cat >pgbouncer.ini <<END
[databases]
* = host=$cluster
[pgbouncer]
listen_port = 5432
unix_socket_dir = $dir
auth_type = trust
auth_file = $dir/users
pool_mode = session
default_pool_size = $size
logfile = $dir/log
pidfile = $dir/pid
END
    if [ "$(id -u)" -eq 0 ]; then chown -R "$owner" "$dir"; fi
    as_owner "$program" -q -d "$dir/pgbouncer.ini" >starting.log 2>&1 || give_up
    # In the background it has its socket, and soon its process id in the file.
    tenths=50
    until [ -s pid ] && [ -S .s.PGSQL.5432 ]; do
        [ "$tenths" -gt 0 ] || give_up
        tenths=$((tenths - 1))
        sleep 0.1
    done
}

give_up() {
    cat "$dir/starting.log" "$dir/log" >&2 2>/dev/null || true
    stop "$dir"
    fail "PgBouncer did not start"
}

stop() {
    dir=$1
    if [ ! -e "$dir" ] || rmdir "$dir" 2>/dev/null; then return; fi
    [ -f "$dir/pgbouncer.ini" ] || fail "$dir: not a folder that start made"
    pid=$(head -n 1 "$dir/pid" 2>/dev/null || true)
    if [ -n "$pid" ] && running "$pid"; then
        kill -TERM "$pid" || true # at once
        if ! wait_for_end "$pid" 50; then
            kill -KILL "$pid" || true
            wait_for_end "$pid" 50 || fail "process $pid in $dir does not stop"
        fi
    fi
    rm -rf "$dir"
}

case ${1:-} in
    find) find_or_fail ;;
    install)
        install_program
        find_or_fail
        ;;
    start) start "${2:?in which folder?}" "${3:?before which cluster?}" "${4:?how many connections?}" ;;
    stop) stop "${2:?which folder?}" ;;
    *)
        sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
esac
