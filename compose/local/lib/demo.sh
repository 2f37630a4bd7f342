# demo.sh - something to look at: a shop whose rows change, Debezium reading it, a pipeline on that.

DEMO=$ROOT/compose/demo
STACK_NAME[generator]='change generator'

# demo_psql CMD...: with psql's environment for the demo's source.
demo_psql() {
    (
        export PGHOST=127.0.0.1 PGPORT PGUSER=demo PGPASSWORD=$PG_DEMO_PASSWORD PGDATABASE=shop
        PGPORT=$(port_of postgres)
        "$@"
    )
}

demo_databases() {
    demo_psql psql -Xq -v ON_ERROR_STOP=1 -f "$DEMO/shop.sql" >"$LOG_DIR/demo.log" 2>&1 &&
        demo_psql psql -Xq -v ON_ERROR_STOP=1 -d warehouse -f "$DEMO/warehouse.sql" \
            >>"$LOG_DIR/demo.log" 2>&1 && return 0
    warn 'the demo databases could not be made'
    log_tail "$LOG_DIR/demo.log"
    return 1
}

generator_start() {
    proc_pid generator >/dev/null && return 0
    demo_psql proc_spawn generator "$DEMO/generate.sh"
}
generator_stop() { proc_stop generator TERM 5; }

# request METHOD URL BODY [TOKEN]: prints the answer's body; fails unless it was 2xx. Body and token
# go through files, since anyone can read a command's arguments.
request() {
    local method=$1 url=$2 body=$3 token=${4:-}
    curl -sS -m 30 --fail-with-body -X "$method" \
        ${token:+-H @<(echo "Authorization: Bearer $token")} \
        ${body:+-H 'Content-Type: application/json' --data-binary @<(printf %s "$body")} "$url"
}

# Register it until Connect takes it (it answers 409 while it rebalances), then wait for the task.
demo_connector() {
    local url config answer state deadline=$((${EPOCHREALTIME/[.,]/} + 60000000))
    url=http://127.0.0.1:$(port_of connect)/connectors/shop
    # The password stays in a file that only Connect's user reads: its REST interface never shows it.
    (umask 077 && echo "password=$PG_DEMO_PASSWORD" >"$RUN_DIR/connect/demo.properties")
    config=$(<"$DEMO/connector.json")
    config=${config/'$HOST'/127.0.0.1}
    config=${config/'$PORT'/$(port_of postgres)}
    config=${config/'$SECRETS_FILE'/$RUN_DIR/connect/demo.properties}
    until answer=$(request PUT "$url/config" "$config" 2>&1); do
        if ((${EPOCHREALTIME/[.,]/} > deadline)); then
            warn "Kafka Connect did not take the connector: $answer"
            return 1
        fi
        sleep 0.3
    done
    until state=$(request GET "$url/status" '' 2>/dev/null | jq -r '[.connector.state, .tasks[]?.state] | join(" ")') &&
        [[ $state == 'RUNNING RUNNING' ]]; do
        if ((${EPOCHREALTIME/[.,]/} > deadline)); then
            warn "the demo's connector is not running: ${state:-no answer}"
            log_tail "$LOG_DIR/connect.log"
            return 1
        fi
        # A task that gave up before its database was there is started again.
        [[ $state == *FAILED* ]] &&
            request POST "$url/restart?includeTasks=true&onlyFailed=true" '' >/dev/null 2>&1
        sleep 0.3
    done
    say 'Debezium connector shop is running'
}

demo_pipeline() {
    local base answer token id
    base=http://127.0.0.1:$(port_of millrace)
    answer=$(request POST "$base/auth/login" \
        "{\"username\": \"admin\", \"password\": \"$ADMIN_PASSWORD\"}" 2>&1) || {
        warn "sign-in as admin failed: $answer"
        return 1
    }
    token=$(jq -r .access_token <<<"$answer")
    answer=$(request GET "$base/api/v1/pipelines?limit=1000" '' "$token" 2>&1) || {
        warn "the pipelines could not be listed: $answer"
        return 1
    }
    id=$(jq -r 'first(.[] | select(.name == "shop") | .id) // empty' <<<"$answer")
    if [[ -z $id ]]; then
        answer=$(request POST "$base/api/v1/pipelines" '{"name": "shop", "mode": "cdc_only",
            "engine": "external", "topic_prefix": "shop.",
            "description": "The demo: every change of the shop database"}' "$token" 2>&1) || {
            warn "the pipeline could not be created: $answer"
            return 1
        }
        id=$(jq -r .id <<<"$answer")
    fi
    answer=$(request POST "$base/api/v1/pipelines/$id/start" '' "$token" 2>&1) || {
        warn "the pipeline could not be started: $answer"
        return 1
    }
    say "pipeline shop is started ($id)"
}

# Rows first, so that the connector's snapshot has something to read; then the live changes.
demo_up() {
    demo_databases && demo_connector && demo_pipeline && generator_start || return 1
    say 'change generator: about 20 changes a second in shop'
}
