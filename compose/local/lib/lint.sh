# lint.sh - `./dev lint [--all]`: formatting, clang's warnings and clang-tidy, the rules of
# tests/tidy, the dashboard's linter. Without --all clang-tidy reads the files that differ from HEAD.

c_sources() { # every .c and .h of ours, relative to the root
    (cd "$ROOT" && find proto server eventlogger tests examples \( -name node_modules -o -name artifacts \) -prune \
        -o -type f -name '*.[ch]' -print | LC_ALL=C sort)
}

lint_command() {
    local failed=0 sources tidy
    install_for build lint node
    cd "$ROOT" || exit 1
    mapfile -t sources < <(c_sources)
    quietly "$LOG_DIR/clang-format.log" "checking the format of ${#sources[@]} C files" \
        clang-format --dry-run -Werror "${sources[@]}" || failed=1
    build_server dev || failed=1
    # The other compiler, with the same warnings as errors.
    quietly "$LOG_DIR/clang.log" 'compiling with clang' lint_clang || failed=1
    mapfile -t tidy < <(lint_tidy_files "${1:-}")
    if ((${#tidy[@]})); then
        quietly "$LOG_DIR/clang-tidy.log" "reading ${#tidy[@]} C files with clang-tidy" \
            lint_tidy "${tidy[@]}" || failed=1
    else
        say 'clang-tidy: no C file differs from HEAD (--all reads every one)'
    fi
    npm_ci tests && npm_ci compose && quietly "$LOG_DIR/tidy.log" 'holding the tree against tests/tidy' \
        node --test tests/tidy/*.test.mjs compose/check.test.mjs || failed=1
    if ui_present; then
        npm_ci ui && quietly "$LOG_DIR/ui-lint.log" 'linting the dashboard' npm --prefix ui run lint || failed=1
    fi
    exit $failed
}

lint_tidy() {
    printf '%s\0' "$@" | xargs -0 -n 1 -P "$JOBS" clang-tidy --quiet -p build/dev \
        2> >(grep -v ' warnings\? generated\.$' >&2)
}

lint_tidy_files() {
    if [[ $1 == --all ]]; then
        c_sources | grep '\.c$'
    else
        git -c safe.directory="$ROOT" ls-files -m -o --exclude-standard -- '*.c'
    fi
}

lint_clang() {
    [[ -f build/clang/build.ninja ]] ||
        CC=clang cmake --preset dev -B build/clang || return 1
    cmake --build build/clang -j "$JOBS"
}
