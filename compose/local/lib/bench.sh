# bench.sh - `./dev bench [name…]`: release build, services of its own, tests/bench/run.mjs.

bench_command() {
    install_for build node stack java bench
    stack_lock
    run_stop >/dev/null
    stack_wipe
    trap 'trap "" INT TERM HUP; proc_kill_children; stack_lock; run_stop; exit 130' INT TERM HUP
    local job jobs=() failed=0 rc
    (build_server release) & jobs+=($!)
    (npm_ci tests) & jobs+=($!)
    (java_fetch && stack_up) & jobs+=($!)
    for job in "${jobs[@]}"; do
        wait "$job" || failed=1
    done
    stack_unlock
    if ((failed == 0)); then
        secrets_load
        env_export
        export RUN_DIR MILLRACE_BIN=$ROOT/build/release/bin/millrace MILLRACE_BUILD_DIR=$ROOT/build/release
        node "$ROOT/tests/bench/run.mjs" "$@" </dev/null &
        wait $!
        rc=$?
    fi
    stack_lock
    run_stop >/dev/null
    exit "${rc:-1}"
}
