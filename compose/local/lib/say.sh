# say.sh - how ./dev talks: one line a step, with the time since the start.
# Progress goes to stdout, trouble to stderr; nothing here decides anything.

SAY_T0=${EPOCHREALTIME/[.,]/}

# elapsed [FROM]: seconds with one decimal since FROM (microseconds), or since the start.
elapsed() {
    local tenths=$(((${EPOCHREALTIME/[.,]/} - ${1:-$SAY_T0}) / 100000))
    echo "$((tenths / 10)).$((tenths % 10))"
}

say() { printf '[%6ss] %s\n' "$(elapsed)" "$*"; }
warn() { printf '[%6ss] warning: %s\n' "$(elapsed)" "$*" >&2; }

die() {
    printf '[%6ss] error: %s\n' "$(elapsed)" "$1" >&2
    shift
    (($#)) && printf '          %s\n' "$@" >&2
    exit 1
}

# log_tail FILE [LINES]: the end of a log, indented, so that a failure explains itself.
log_tail() {
    [[ -s $1 ]] || return 0
    printf '          --- last lines of %s\n' "${1#"$ROOT/"}" >&2
    tail -n "${2:-25}" "$1" | cut -c1-300 | sed 's/^/          | /' >&2
}

# quietly LOG WHAT CMD...: run CMD with its output in LOG; on failure say WHAT and show the tail.
quietly() {
    local log=$1 what=$2 from=${EPOCHREALTIME/[.,]/}
    shift 2
    mkdir -p "${log%/*}"
    if "$@" >"$log" 2>&1; then
        say "$what ($(elapsed "$from")s)"
        return 0
    fi
    printf '[%6ss] error: %s failed: %s\n' "$(elapsed)" "$what" "$*" >&2
    log_tail "$log" 40
    return 1
}

# exclusively NAME CMD...: one ./dev of this checkout at a time (a run and the tests share node_modules,
# build directories and the Java cache).
exclusively() {
    local name=$1
    shift
    mkdir -p "$ROOT/.cache"
    (
        flock 8
        "$@" 8>&-
    ) 8>"$ROOT/.cache/$name.lock"
}
