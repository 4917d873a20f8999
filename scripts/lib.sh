# shellcheck shell=sh
# Sourced by the scripts beside it.

# Removes the settings of the program from the environment: what a developer has set must not reach the servers that a
# script starts. Names that begin with $1 stay.
forget_settings() {
    for setting in $(env | sed -n 's/^\(KEHU_[A-Z0-9_]*\)=.*/\1/p'); do
        case $setting in
            "$1"*) ;;
            *) unset "$setting" ;;
        esac
    done
}

# Whether a process runs. A zombie still has its id, but does not run.
running() {
    kill -0 "$1" 2>/dev/null || return 1
    ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null
}

# Waits until process $1 does not run, for $2 tenths of a second at most; fails when it still does.
wait_for_end() {
    tenths=$2
    while running "$1"; do
        [ "$tenths" -gt 0 ] || return 1
        tenths=$((tenths - 1))
        sleep 0.1
    done
}

# Runs a command as $owner. Arguments hold no spaces.
as_owner() {
    if [ "$(id -u)" -ne 0 ]; then
        "$@"
    elif command -v setpriv >/dev/null 2>&1 && setpriv --reuid="$owner" --clear-groups true 2>/dev/null; then
        setpriv --reuid="$owner" --regid="$(id -g "$owner")" --clear-groups "$@"
    elif command -v runuser >/dev/null 2>&1; then
        runuser -u "$owner" -- "$@"
    else
        su -s /bin/sh "$owner" -c "$*"
    fi
}

# Says in $owner who runs what refuses to run as root: as root some unprivileged user that exists. Fails where there is
# none.
choose_owner() {
    owner=$(id -un)
    [ "$(id -u)" -eq 0 ] || return 0
    for owner in postgres nobody; do
        if id "$owner" >/dev/null 2>&1; then return; fi
    done
    fail "run as root, and neither user postgres nor nobody exists to run it as"
}

# Says in $as_root how to do what needs root. Fails with words where that cannot be; $1 is what is wanted.
become_root() {
    as_root=
    [ "$(id -u)" -ne 0 ] || return 0
    as_root="sudo -n"
    $as_root true 2>/dev/null || fail "tests need $1: install it, then try again"
}

# Checks that $1 is an empty folder, or can be made, whose path is good for a socket.
empty_folder() {
    case $1 in
        *[!A-Za-z0-9/._-]* | [!/]*) fail "$1: an absolute path of letters, digits and ._- is needed" ;;
    esac
    [ "${#1}" -le 85 ] || fail "$1: too long for a socket"
    mkdir -p "$1"
    [ -z "$(ls -A "$1")" ] || fail "$1: an empty folder is needed"
    chmod 700 "$1"
}
