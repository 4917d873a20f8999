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
