# stack.sh - the four services together: start, stop, say how they are.

KAFKA_WANTED=$RUN_DIR/kafka-wanted

stack_services() {
    echo postgres redis
    [[ -f $KAFKA_WANTED ]] && echo kafka connect
}

declare -gA STACK_NAME=([postgres]=PostgreSQL [redis]=Redis [kafka]=Kafka [connect]='Kafka Connect')
declare -gA STACK_DEADLINE=([postgres]=60 [redis]=30 [kafka]=60 [connect]=90)

# Only one command at a time may start or stop things in a run directory.
stack_lock() {
    [[ -n ${LOCKED:-} ]] && return 0
    exec {LOCK_FD}>"$RUN_DIR/lock"
    flock -n "$LOCK_FD" || {
        say "waiting for another ./dev that is starting or stopping things in $RUN_DIR"
        flock -w 300 "$LOCK_FD" || die "another ./dev holds $RUN_DIR/lock"
    }
    LOCKED=1
}
stack_unlock() {
    [[ -n ${LOCKED:-} ]] || return 0
    exec {LOCK_FD}>&-
    LOCKED=''
}

# service_healthy NAME: our process is alive, the port is its own, and it answers as it should.
service_healthy() {
    local pid
    pid=$(proc_pid "$1") && port_held_by "$(port_of "$1")" "$pid" && "${1}_healthy"
}

# service_up NAME: healthy when this returns 0. One already healthy is left alone; one that is alive
# but does not answer is replaced; a port that was taken meanwhile is exchanged.
service_up() {
    local name=$1 from=${EPOCHREALTIME/[.,]/} try deadline
    deadline=$((from + STACK_DEADLINE[$name] * 1000000))
    if service_healthy "$name"; then
        say "${STACK_NAME[$name]} is up on port $(port_of "$name")"
        return 0
    fi
    "${name}_stop"
    port_choose "$name" || return 1
    if ! "${name}_prepare"; then
        warn "${STACK_NAME[$name]} could not be prepared"
        log_tail "$LOG_DIR/$name.log"
        return 1
    fi
    for try in 1 2 3 4; do
        "${name}_start" && service_wait "$name" "$deadline" && "${name}_after" && {
            say "${STACK_NAME[$name]} ready on port $(port_of "$name") ($(elapsed "$from")s)"
            return 0
        }
        ((${EPOCHREALTIME/[.,]/} > deadline)) && break
        "${name}_stop"
        port_choose "$name"
        sleep 0.5
    done
    "${name}_stop"
    warn "${STACK_NAME[$name]} is not healthy after $(elapsed "$from") s"
    log_tail "$LOG_DIR/$name.log"
    return 1
}

# Until it is healthy; fails at once when the process is gone.
service_wait() {
    until service_healthy "$1"; do
        proc_pid "$1" >/dev/null || return 1
        ((${EPOCHREALTIME/[.,]/} > $2)) && return 1
        sleep 0.1
    done
}

# All at once, Connect after its broker. NO_KAFKA leaves the JVM out.
stack_up() {
    local name failed=0
    stack_lock
    secrets_load
    rm -f "$KAFKA_WANTED"
    [[ -n ${NO_KAFKA:-} ]] || touch "$KAFKA_WANTED"
    [[ -n $(port_of millrace) ]] || port_choose millrace
    local -A job=()
    (service_up postgres) & job[postgres]=$!
    (service_up redis) & job[redis]=$!
    if [[ -f $KAFKA_WANTED ]]; then
        (service_up kafka && service_up connect) & job[kafka]=$!
    fi
    for name in "${!job[@]}"; do
        wait "${job[$name]}" || failed=1
    done
    ((failed == 0)) || return 1
    env_print >"$RUN_DIR/env.new" && chmod 600 "$RUN_DIR/env.new" && mv "$RUN_DIR/env.new" "$RUN_DIR/env"
}

stack_down() {
    local name
    for name in connect kafka redis postgres; do
        proc_pid "$name" >/dev/null || { proc_sweep "$name"; continue; }
        "${name}_stop"
        say "${STACK_NAME[$name]} stopped"
    done
}

stack_status() {
    local name pid health failed=0
    printf '%-15s %8s %6s  %s\n' service pid port health
    for name in $(stack_services) "$@"; do
        health=stopped
        if pid=$(proc_pid "$name"); then
            health=healthy
            service_healthy "$name" || health='NOT answering'
        fi
        [[ $health == healthy ]] || failed=1
        printf '%-15s %8s %6s  %s\n' "$name" "${pid:--}" "$(port_of "$name" || echo -)" "$health"
    done
    return $failed
}

# Data of this run directory, wherever it is. Nothing may be running.
stack_wipe() {
    local home
    home=$(cat "$RUN_DIR/postgres-home" 2>/dev/null)
    [[ $home == /var/tmp/millrace-* ]] && rm -rf "$home"
    rm -rf "$RUN_DIR"/{postgres,redis,kafka,connect,env,kafka-wanted,postgres-home}
    rm -f "$LOG_DIR"/*.log "$LOG_DIR"/*.log.1
}
