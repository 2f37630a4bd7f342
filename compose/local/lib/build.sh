# build.sh - the server by CMake and Ninja, the dashboard by Next.js; both only as far as needed.

JOBS=${MILLRACE_JOBS:-$(nproc)}

# build_server PRESET [TARGET...]
build_server() { exclusively "build-$1" build_server_alone "$@"; }

build_server_alone() {
    local preset=$1 dir=$ROOT/build/$1 home
    shift
    # A checkout that was copied or moved brings a cache that CMake refuses.
    home=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$dir/CMakeCache.txt" 2>/dev/null)
    [[ -n $home && $home != "$ROOT" ]] && rm -rf "$dir"
    if [[ ! -f $dir/build.ninja ]]; then
        (cd "$ROOT" && quietly "$LOG_DIR/cmake-$preset.log" "configuring build/$preset" \
            cmake --preset "$preset") || return 1
    fi
    quietly "$LOG_DIR/build-$preset.log" "building build/$preset" \
        cmake --build "$dir" -j "$JOBS" ${1:+--target "$@"}
}

ui_present() { [[ -f $ROOT/ui/package.json ]]; }

# What the export is made from, as one hash: the dashboard's files and the contract they are
# generated from.
ui_stamp() {
    (cd "$ROOT" && find ui server/api/openapi.yaml \( -name node_modules -o -name .next -o -name out \
        -o -name coverage \) -prune -o -type f ! -name '*.tsbuildinfo' ! -name '*.gen.d.ts' ! -name next-env.d.ts -print0 \
        2>/dev/null | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1)
}

# The static export in ui/out, which the server serves at /.
build_ui() {
    ui_present || return 0
    npm_ci ui && exclusively ui-build build_ui_alone
}

build_ui_alone() {
    local stamp=$ROOT/.cache/ui-stamp
    [[ -f $ROOT/ui/out/index.html && $(cat "$stamp" 2>/dev/null) == "$(ui_stamp)" ]] && return 0
    NEXT_TELEMETRY_DISABLED=1 quietly "$LOG_DIR/ui-build.log" 'building the dashboard' \
        npm --prefix "$ROOT/ui" run build || return 1
    ui_stamp >"$stamp" # now, since the build generates some of what it reads
}

build_command() {
    install_for build $([[ ${1:-} == fuzz ]] && echo lint)
    build_server "${1:-dev}" || exit 1
}

# What can be made again; with --all also what would have to be fetched again.
clean_command() {
    [[ -z ${1:-} || $1 == --all ]] || die 'usage: ./dev clean [--all]'
    local dir
    for dir in "$RUN_DIR" "$RUN_DIR"/*/; do # the runs of tests and benches are inside
        [[ -d $dir/pid ]] && RUN_DIR=${dir%/} bash "$ROOT/dev" down && RUN_DIR=${dir%/} bash "$ROOT/dev" wipe
    done
    rm -rf "$ROOT/build" "$ROOT/ui/out" "$ROOT/ui/.next" "$ROOT/.cache/ui-stamp" "$ROOT/.run"
    [[ ${1:-} == --all ]] && rm -rf "$ROOT/.cache" "$ROOT"/ui/node_modules "$ROOT"/tests/{,*/}node_modules
    say 'clean'
}
