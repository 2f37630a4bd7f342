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

# log_tail FILE [LINES]: the end of a log, indented, so that a failure explains itself. log_ends shows
# the beginning too: some tools name the cause first.
log_tail() {
    [[ -s $1 ]] || return 0
    printf '          --- last lines of %s\n' "${1#"$ROOT/"}" >&2
    tail -n "${2:-25}" "$1" | log_indent
}

log_ends() {
    if (($(wc -l <"$1") > 50)); then
        printf '          --- first and last lines of %s\n' "${1#"$ROOT/"}" >&2
        { head -n 15 "$1" && echo ... && tail -n 35 "$1"; } | log_indent
    else
        log_tail "$1" 50
    fi
}

log_indent() { cut -c1-300 | sed 's/^/          | /' >&2; }

# quietly LOG WHAT CMD...: run CMD with its output in LOG. One line when it is done, and before that,
# when it takes its time, where it is; on failure the log's tail. WHAT begins with a verb in -ing.
quietly() {
    local log=$1 what=$2 from=${EPOCHREALTIME/[.,]/} ticker rc
    shift 2
    mkdir -p "${log%/*}"
    : >"$log"
    quietly_tick "$log" "$what" &
    ticker=$!
    "$@" >"$log" 2>&1
    rc=$?
    kill "$ticker" 2>/dev/null
    wait "$ticker" 2>/dev/null
    if ((rc == 0)); then
        say "$what: done ($(elapsed "$from")s)"
        return 0
    fi
    printf '[%6ss] error: %s: failed (exit %s): %s\n' "$(elapsed)" "$what" "$rc" "$*" >&2
    log_ends "$log"
    return "$rc"
}

quietly_tick() {
    local never
    exec {never}<> <(:) # a read that times out is a sleep without a process
    read -rt 1.5 -u "$never"
    say "$2 ..."
    while :; do
        read -rt 15 -u "$never"
        say "$2 ... $(tail -n 1 "$1" | tr -d '\r' | cut -c1-90)"
    done
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
