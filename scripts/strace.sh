#!/bin/sh
# strace for the durability tests: they look at system calls, and kill the program as it enters one.
#   strace.sh install   finds it or installs it with the system's package manager; does nothing where there is no Linux
set -eu

fail() {
    printf '%s\n' "strace.sh: $*" >&2
    exit 1
}

install_strace() {
    [ "$(uname -s)" = Linux ] || return 0
    if command -v strace >/dev/null 2>&1; then return; fi
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        as_root="sudo -n"
        $as_root true 2>/dev/null || fail "the tests need strace: install it, then try again"
    fi
    printf '%s\n' "strace.sh: installing strace" >&2
    if command -v apt-get >/dev/null 2>&1; then
        $as_root apt-get update >&2
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends strace >&2
    elif command -v dnf >/dev/null 2>&1; then
        $as_root dnf install -y strace >&2
    elif command -v yum >/dev/null 2>&1; then
        $as_root yum install -y strace >&2
    elif command -v apk >/dev/null 2>&1; then
        $as_root apk add strace >&2
    elif command -v pacman >/dev/null 2>&1; then
        $as_root pacman -Sy --noconfirm --needed strace >&2
    else
        fail "no package manager that is known here: install strace"
    fi
}

case ${1:-} in
    install) install_strace ;;
    *)
        sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
esac
