# fuzz.sh - `./dev fuzz [seconds]`: each libFuzzer target from its committed corpus. What is found
# on the way stays in build/fuzz/corpus; a crash is kept in tests/fuzz/artifacts.

fuzz_command() {
    local seconds=${1:-30} source name corpus failed=0 targets=()
    [[ $seconds =~ ^[0-9]+$ ]] || die 'usage: ./dev fuzz [seconds for each target]'
    install_for build lint
    for source in "$ROOT"/tests/fuzz/fuzz_*.c; do
        [[ -e $source ]] && targets+=("$(basename "$source" .c)")
    done
    ((${#targets[@]})) || die 'there are no targets in tests/fuzz'
    build_server fuzz "${targets[@]}" || exit 1
    mkdir -p "$ROOT/tests/fuzz/artifacts"
    for name in "${targets[@]}"; do
        corpus=$ROOT/tests/fuzz/corpus/${name#fuzz_}
        mkdir -p "$ROOT/build/fuzz/corpus/$name"
        quietly "$LOG_DIR/$name.log" "fuzzing $name for $seconds s from $(find "$corpus" -type f 2>/dev/null | wc -l) seeds" \
            "$ROOT/build/fuzz/bin/$name" "$ROOT/build/fuzz/corpus/$name" $([[ -d $corpus ]] && echo "$corpus") \
            -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
            -artifact_prefix="$ROOT/tests/fuzz/artifacts/$name-" || failed=1
    done
    exit $failed
}
