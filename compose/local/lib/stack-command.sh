# stack-command.sh - `./dev stack …`: the services without millrace.

stack_command() {
    local action=${1:-} name=${2:-}
    (($#)) && shift
    case $action in
        up) stack_command_up "$@" ;;
        down)
            stack_lock
            stack_down
            ;;
        status) secrets_load; stack_status ;;
        env) stack_command_env ;;
        start | stop | restart | kill)
            [[ " postgres redis kafka connect " == *" $name "* ]] ||
                die "usage: ./dev stack $action postgres|redis|kafka|connect"
            stack_lock
            secrets_load
            stack_one "$action" "$name"
            ;;
        *) die "usage: ./dev stack up|down|status|env|start|stop|restart|kill" ;;
    esac
}

stack_prerequisites() {
    if [[ -n ${NO_KAFKA:-} ]]; then
        install_for stack
        return
    fi
    install_for stack java
    java_fetch || die 'Kafka and Debezium could not be had' \
        './dev … --no-kafka starts without them.'
}

stack_command_up() {
    local fresh='' option
    for option; do
        case $option in
            --fresh) fresh=1 ;;
            --no-kafka) NO_KAFKA=1 ;;
            *) die "unknown option: $option" ;;
        esac
    done
    stack_prerequisites
    stack_lock
    if [[ -n $fresh ]]; then
        stack_down
        stack_wipe
    fi
    stack_up || exit 1
}

stack_command_env() {
    [[ -s $SECRETS && -s $RUN_DIR/env ]] && proc_pid postgres >/dev/null ||
        die 'nothing runs here: ./dev stack up, or ./dev run, first'
    secrets_load
    env_print
}

stack_one() {
    local action=$1 name=$2 pid
    case $action in
        stop | restart) "${name}_stop" ;;
        kill)
            pid=$(proc_pid "$name") || die "$name is not running"
            kill -KILL -- "-$pid" 2>/dev/null
            while proc_pid "$name" >/dev/null; do sleep 0.02; done
            rm -f "$PID_DIR/$name" # so that nobody starts it again before it is asked for
            ;;
    esac
    case $action in
        start | restart)
            [[ $name != kafka && $name != connect ]] || java_find || die 'no Java 17 or later'
            service_up "$name" || exit 1
            ;;
    esac
}
