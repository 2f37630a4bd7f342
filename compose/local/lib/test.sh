# test.sh - `./dev test [part…]`: sets everything up, runs the parts, adds up what they counted.
#
# A part's counts come from the report that its runner writes (JUnit, TAP, JSON), never from its
# exit code alone; a part that could not run, or ran nothing, is one failure.
#
# A file of integration, fault or browser tests that failed is run once more, alone: a machine that
# stood still for a second fails one of thousands. What passes then is passed, and named as flaky
# with what it said at first, so that it is seen. A sanitizer's report is never run again.
# Everything that failed or was flaky stands in summary.txt of the results, and at the end.

TEST_PARTS=(unit wire tidy ui integration fault browser)
TEST_PRESET=${MILLRACE_PRESET:-dev}
PASSED=0 FAILED=0 SKIPPED=0
NODE_SECONDS=400 # a file of node tests that takes longer hangs, and is a failure

test_command() {
    local part parts=("$@") from
    ((${#parts[@]})) || parts=("${TEST_PARTS[@]}")
    for part in "${parts[@]}"; do
        [[ " ${TEST_PARTS[*]} " == *" $part "* ]] || die "unknown part: $part" "parts: ${TEST_PARTS[*]}"
    done
    RESULTS=$RUN_DIR/results/$TEST_PRESET
    rm -rf "$RESULTS"
    mkdir -p "$RESULTS"
    trap 'test_interrupted' INT TERM HUP
    if test_set_up; then
        for part in "${parts[@]}"; do
            from=${EPOCHREALTIME/[.,]/}
            say "--- $part"
            "test_$part"
            test_sanitizer_reports "$part"
            say "--- $part took $(elapsed "$from")s"
        done
    else
        test_broken 'setting up'
    fi
    test_tear_down
    [[ ! -s $RESULTS/summary.txt ]] || cat "$RESULTS/summary.txt"
    say "build/$TEST_PRESET"
    echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
    ((FAILED == 0)) || exit 1
    exit 0
}

wants() { [[ " ${parts[*]} " == *" $1 "* ]]; }
wants_services() { wants integration || wants fault || wants browser; }
wants_node() { wants tidy || wants ui || wants browser || wants_services; }

test_set_up() {
    local groups=(build) job jobs=() failed=0
    [[ $TEST_PRESET == @(asan|tsan) ]] && groups+=("$TEST_PRESET")
    wants_node && groups+=(node)
    wants_services && groups+=(stack java)
    wants browser && groups+=(browser)
    install_for "${groups[@]}"
    stack_lock
    run_stop >/dev/null # of tests that were killed
    stack_wipe
    # The packages first, where they are wanted: socket.io.min.js is built into the server.
    (wants integration && npm_ci tests; build_server "$TEST_PRESET") & jobs+=($!)
    if wants_node; then
        (npm_ci tests && npm_ci compose) & jobs+=($!)
    fi
    if wants browser || wants integration; then
        (build_ui) & jobs+=($!)
    elif wants ui && ui_present; then
        (npm_ci ui) & jobs+=($!)
    fi
    if wants_services; then
        (java_fetch && stack_up) & jobs+=($!)
    fi
    for job in "${jobs[@]}"; do
        wait "$job" || failed=1
    done
    stack_unlock # the tests themselves stop and start services
    ((failed == 0)) || return 1
    secrets_load
    test_environment
}

# What the tests are told. The sanitizers write to files, so that a report is seen even when the
# process that made it was not expected to exit cleanly.
test_environment() {
    wants_services && env_export
    export RUN_DIR MILLRACE_BIN=$ROOT/build/$TEST_PRESET/bin/millrace MILLRACE_BUILD_DIR=$ROOT/build/$TEST_PRESET
    [[ -d $ROOT/ui/out ]] && export MILLRACE_UI_DIR=$ROOT/ui/out
    mkdir -p "$RESULTS/sanitizer"
    local log=log_path=$RESULTS/sanitizer/report
    case $TEST_PRESET in
        asan)
            export ASAN_OPTIONS=$log:abort_on_error=0:detect_stack_use_after_return=1
            export UBSAN_OPTIONS=$log:print_stacktrace=1
            ;;
        tsan) export TSAN_OPTIONS=$log:second_deadlock_stack=1:suppressions=$ROOT/tests/tsan.supp ;;
    esac
    # ThreadSanitizer wants its memory where address randomisation may have put something else.
    WRAP=()
    [[ $TEST_PRESET == tsan ]] && setarch "$(uname -m)" -R true 2>/dev/null && WRAP=(setarch "$(uname -m)" -R)
    return 0
}

test_tear_down() {
    stack_lock
    run_stop >/dev/null
}

test_interrupted() {
    trap '' INT TERM HUP
    say 'interrupted: stopping what the tests started'
    proc_kill_children
    test_tear_down
    exit 130
}

test_count() { # PASSED FAILED SKIPPED
    ((PASSED += $1, FAILED += $2, SKIPPED += $3))
    (($1 + $2 + $3)) || test_broken "$part: nothing ran, and"
}

test_broken() {
    warn "$1 counts as one failure"
    test_note "failed: $1" /dev/null
    ((FAILED += 1))
}

# Runs in the background so that a signal reaches us at once, not when the part is over.
test_run() {
    "${WRAP[@]}" "$@" </dev/null &
    wait $!
}

test_unit() { test_ctest unit; }
test_wire() { test_ctest wire; }

test_ctest() {
    local report=$RESULTS/$1.xml passed=0 failed=0 skipped=0
    test_run ctest --test-dir "$ROOT/build/$TEST_PRESET" -L "^$1\$" -j "$JOBS" --output-on-failure \
        --no-tests=error --test-output-size-passed 10000000 --output-junit "$report"
    local rc=$?
    read -r passed failed skipped < <(test_ctest_counts "$report")
    ((rc == 0 || ${failed:-0} > 0)) || { test_broken "$1: ctest ended with $rc, which"; return; }
    ((rc == 0)) || sed -n 's/.*<testcase name="\([^"]*\)".* status="fail".*/failed: \1/p' "$report" >>"$RESULTS/summary.txt"
    test_count "${passed:-0}" "${failed:-0}" "${skipped:-0}"
}

# For ctest a program is one test; cmocka's summary in its output says how many it really held. A
# program that failed without one (it crashed, or took too long) is one failure.
test_ctest_counts() {
    awk '
        /<testcase / { p = f = s = 0; status = $0; sub(/.* status="/, "", status); sub(/".*/, "", status) }
        match($0, /\[  PASSED  \] [0-9]+ test/) { p += substr($0, RSTART + 13) }
        match($0, /\[  FAILED  \] [0-9]+ test/) { f += substr($0, RSTART + 13) }
        match($0, /\[  SKIPPED \] [0-9]+ test/) { s += substr($0, RSTART + 13) }
        /<\/testcase>/ {
            if (status == "fail" && f == 0) f = 1
            if (status == "run" && p + f + s == 0) p = 1
            if (status != "fail" && status != "run") s += 1
            passed += p; failed += f; skipped += s
        }
        END { print passed + 0, failed + 0, skipped + 0 }' "$1" 2>/dev/null
}

test_tidy() { test_node tidy "$ROOT"/compose/check.test.mjs; }
test_integration() { test_node integration; }
test_fault() { test_node fault; }

test_node() { # DIRECTORY [FILE...]
    local file files before=$((PASSED + FAILED + SKIPPED))
    files=("$ROOT/tests/$1"/*.test.mjs "${@:2}")
    for file in "${files[@]}"; do
        [[ -e $file ]] && test_node_file "$file"
    done
    ((PASSED + FAILED + SKIPPED > before)) || test_broken "$1: nothing ran, and"
}

test_node_file() { # FILE
    local name=$part/${1##*/} kind counts=() rc
    name=${name%.test.mjs}
    local said=$RESULTS/${name//\//.}
    test_node_run "$1" "$said"
    rc=$?
    if ((rc)) && [[ $part != tidy ]] && ! test_sanitizer_reported; then
        say "$name failed: once more, alone"
        mv "$said.txt" "$said.first.txt"
        stack_lock
        stack_up >/dev/null # what the test stopped and did not start again
        stack_unlock
        test_node_run "$1" "$said"
        rc=$?
        ((rc)) || test_note "flaky: $name" "$said.first.txt"
    fi
    for kind in pass fail cancelled skipped todo; do
        counts+=("$(sed -n "s/^# $kind \([0-9]*\)\$/\1/p" "$said.tap" 2>/dev/null | tail -n 1)")
    done
    local failures=$((${counts[1]:-0} + ${counts[2]:-0}))
    ((rc == 0)) || test_note "failed: $name" "$said.txt"
    ((rc == 0 || failures > 0)) || { test_broken "$name: the test runner ended with $rc, which"; return; }
    ((PASSED += ${counts[0]:-0}, FAILED += failures, SKIPPED += ${counts[3]:-0} + ${counts[4]:-0}))
}

test_node_run() { # FILE, and where what it says goes, without the ending
    {
        "${WRAP[@]}" timeout -k 10 "$NODE_SECONDS" node --test \
            --test-reporter=spec --test-reporter-destination=stdout \
            --test-reporter=tap --test-reporter-destination="$2.tap" "$1" </dev/null |
            tee "$2.txt" | grep -v '^ℹ '
    } &
    wait $!
}

test_note() { # WHAT, and the file with what was said: the end of it, from the failures on
    {
        echo "$1"
        sed -n '/^✖ failing tests:/,$p' "$2" | head -n 40
    } >>"$RESULTS/summary.txt"
}

test_ui() {
    local report=$RESULTS/ui.json
    ui_present || { test_broken 'ui: there is no dashboard, which'; return; }
    test_run npm --prefix "$ROOT/ui" test -- --reporter=default --reporter=json --outputFile="$report"
    test_json $? "$report" '[.numPassedTests, .numFailedTests
        + ([.testResults[] | select(.status == "failed" and (.assertionResults | length) == 0)] | length),
        .numPendingTests + .numTodoTests]'
}

test_browser() {
    local report=$RESULTS/browser.json
    [[ -x $ROOT/tests/node_modules/.bin/playwright ]] ||
        { test_broken 'browser: Playwright is not among the packages of tests/, which'; return; }
    cd "$ROOT/tests/e2e" || { test_broken 'browser: there are no tests, which'; return; }
    PLAYWRIGHT_JSON_OUTPUT_NAME=$report PLAYWRIGHT_CHROMIUM=$(command -v chromium) \
        test_run "$ROOT/tests/node_modules/.bin/playwright" test --reporter=list,json
    local rc=$?
    cd "$ROOT" || exit 1
    test_json $rc "$report" '[.stats.expected + .stats.flaky, .stats.unexpected + (.errors | length), .stats.skipped]'
    jq -r '.. | objects | select(has("tests") and has("line")) as $spec | .tests[] | select(.status | IN("flaky", "unexpected"))
        | "\(if .status == "flaky" then "flaky" else "failed" end): browser/\($spec.file): \($spec.title)",
          ((.results[0].error.message // "") | split("\n")[:20][])' "$report" >>"$RESULTS/summary.txt"
}

test_json() { # EXIT_CODE REPORT JQ_FILTER, which gives [passed, failed, skipped]
    local passed=0 failed=0 skipped=0
    read -r passed failed skipped < <(jq -r "$3 | @tsv" "$2" 2>/dev/null)
    (($1 == 0 || ${failed:-0} > 0)) || { test_broken "$part: the test runner ended with $1, which"; return; }
    test_count "${passed:-0}" "${failed:-0}" "${skipped:-0}"
}

test_sanitizer_reported() { compgen -G "$RESULTS/sanitizer/report.*" >/dev/null; }

# A sanitizer's report is a failure whatever the tests thought.
test_sanitizer_reports() {
    local report
    for report in "$RESULTS"/sanitizer/report.*; do
        [[ -s $report ]] || continue
        warn "$1: a sanitizer reported:"
        head -n 60 "$report" | tee -a "$RESULTS/summary.txt" >&2
        ((FAILED += 1))
        mkdir -p "$RESULTS/sanitizer/$1" && mv "$report" "$RESULTS/sanitizer/$1/"
    done
}
