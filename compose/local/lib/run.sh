# run.sh - `./dev run`, `./dev down`, `./dev status`: the stack, the server and the demo as one thing.
#
# One process, the keeper, looks after a run until it is told to stop: the `./dev run` in the
# foreground, or with --detach one left behind. $PID_DIR/keeper names it. A keeper that was killed
# leaves $RUN_DIR/running behind, by which the next command knows to clean up.

RUNNING=$RUN_DIR/running

run_command() {
    local fresh='' detach='' option
    for option; do
        case $option in
            --fresh) fresh=1 ;;
            --detach) detach=1 ;;
            --no-kafka) NO_KAFKA=1 ;;
            *) die "unknown option: $option" ;;
        esac
    done
    if proc_pid keeper >/dev/null; then
        secrets_load
        run_banner
        say 'already running; ./dev down stops it'
        [[ -n $detach && -z $fresh ]] && exit 0
        exit 1
    fi
    run_prerequisites
    stack_lock
    if [[ -f $RUNNING ]]; then
        say 'cleaning up after a run that was killed'
        run_stop
    fi
    if [[ -n $fresh ]]; then
        run_stop
        stack_wipe
    fi
    keeper_begin
    run_start || { run_stop; exit 1; }
    stack_unlock
    run_banner
    if [[ -n $detach ]]; then
        trap - INT TERM HUP
        rm -f "$PID_DIR/keeper"
        proc_spawn keeper bash "$ROOT/dev" keep || die 'the keeper did not start'
        say 'running in the background; ./dev status, ./dev down'
        exit 0
    fi
    say 'Ctrl-C stops it all'
    keep
}

run_prerequisites() {
    local groups=(build stack)
    ui_present && groups+=(node)
    install_for "${groups[@]}"
    [[ -n ${NO_KAFKA:-} ]] || (install_for java) || {
        warn 'no Java here: starting without Kafka and Kafka Connect'
        NO_KAFKA=1
    }
}

# Builds and services side by side; the server when both are there; then the demo.
run_start() {
    local job jobs=() failed=0
    # The packages first: the server serves the browser's socket.io.min.js out of them.
    [[ -n $MILLRACE_GIVEN ]] || {
        (ui_present && npm_ci ui; build_server release millrace-bin) & jobs+=($!)
    }
    (build_ui) & jobs+=($!)
    (
        [[ -n ${NO_KAFKA:-} ]] || java_fetch || {
            warn 'Kafka and Debezium could not be had: starting without them'
            NO_KAFKA=1
        }
        stack_up
    ) & jobs+=($!)
    for job in "${jobs[@]}"; do
        wait "$job" || failed=1
    done
    ((failed == 0)) || return 1
    secrets_load
    service_up millrace || return 1
    if [[ -f $KAFKA_WANTED ]]; then
        demo_up || return 1
    else
        demo_databases || return 1
    fi
}

run_banner() {
    cat <<END

  millrace    http://127.0.0.1:$(port_of millrace)
  sign in     admin / $ADMIN_PASSWORD

END
    [[ -f $KAFKA_WANTED ]] || cat <<'END'
  Without Kafka and Kafka Connect: no change reaches the event log, so nothing arrives live. The
  demo's generator, its Debezium connector and its pipeline are not there, connector-run pipelines
  can't start, and /health says that Kafka is missing. Everything else works.

END
}

# In order: what makes changes, what serves, what carries, what stores.
run_stop() {
    local name
    for name in generator millrace; do
        proc_pid "$name" >/dev/null || { proc_sweep "$name"; continue; }
        "${name}_stop"
        say "${STACK_NAME[$name]} stopped"
    done
    stack_down
    rm -f "$RUNNING" "$PID_DIR/keeper"
}

keeper_begin() {
    echo "$$ $(proc_identity $$)" >"$PID_DIR/keeper"
    touch "$RUNNING"
    trap keeper_end INT TERM HUP
}

keeper_end() {
    trap '' INT TERM HUP
    say 'stopping'
    proc_kill_children # a build or a start that is under way
    stack_lock
    run_stop
    exit 0
}

# Start again what died by itself. What was stopped on purpose has no pid file and is left alone.
keep() {
    local name pid identity
    local -A deaths=()
    while :; do
        for name in postgres redis kafka connect millrace generator; do
            [[ -f $PID_DIR/$name ]] && ! proc_pid "$name" >/dev/null || continue
            stack_lock
            if [[ -f $PID_DIR/$name ]] && ! proc_pid "$name" >/dev/null; then
                keep_revive "$name" $((++deaths[$name]))
            fi
            stack_unlock
        done
        sleep 1 &
        wait $! # a signal ends the wait, not only the sleep
    done
}

keep_revive() {
    local name=$1 times=$2
    warn "${STACK_NAME[$name]} stopped by itself"
    log_tail "$LOG_DIR/$name.log" 8
    proc_sweep "$name"
    if ((times > 5)); then
        warn "${STACK_NAME[$name]} has stopped $times times and is left as it is"
        return
    fi
    if [[ $name == generator ]]; then generator_start; else (service_up "$name"); fi
}

# `./dev keep`, started by --detach.
keep_command() {
    secrets_load
    java_find
    keeper_begin
    keep
}

down_command() {
    local pid
    if pid=$(proc_pid keeper); then
        kill -TERM "$pid"
        local deadline=$((${EPOCHREALTIME/[.,]/} + 120000000))
        while proc_pid keeper >/dev/null && ((${EPOCHREALTIME/[.,]/} < deadline)); do
            sleep 0.1
        done
        proc_stop keeper KILL 1
    fi
    stack_lock
    run_stop
    say 'nothing is running'
}

status_command() {
    local rc keeper
    secrets_load
    stack_status millrace
    rc=$?
    if keeper=$(proc_pid generator); then
        printf '%-15s %8s %6s  %s\n' generator "$keeper" - healthy
    fi
    keeper=$(proc_pid keeper) || keeper=none
    echo "kept by ./dev run: ${keeper/#[0-9]*/pid $keeper}"
    return $rc
}
