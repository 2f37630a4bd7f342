# demo.sh - something to look at: a shop whose rows change, and a pipeline that carries them to a warehouse.

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

# demo_api METHOD PATH BODY: the REST interface, as admin.
demo_api() { request "$1" "http://127.0.0.1:$(port_of millrace)/api/v1$2" "${3:-}" "$DEMO_TOKEN" 2>&1; }

# demo_connection TYPE DATABASE: its id in $REPLY. Services may have other ports than the last time.
demo_connection() {
    local answer id port body
    port=$(port_of postgres)
    body=$(jq -n --arg type "$1" --arg name "$2" --argjson port "$port" --arg password "$PG_DEMO_PASSWORD" \
        '{name: $name, connection_type: $type, database_type: "postgresql", host: "127.0.0.1",
          port: $port, database: $name, username: "demo", password: $password, ssl_mode: "prefer"}')
    answer=$(demo_api GET "/connections?limit=1000") || { warn "connections: $answer"; return 1; }
    id=$(jq -r --arg name "$2" 'first(.[] | select(.name == $name) | .id) // empty' <<<"$answer")
    if [[ -z $id ]]; then
        answer=$(demo_api POST /connections "$body") || { warn "connection $2: $answer"; return 1; }
        id=$(jq -r .id <<<"$answer")
    elif [[ $(jq --arg id "$id" '.[] | select(.id == $id) | .port' <<<"$answer") != "$port" ]]; then
        answer=$(demo_api PATCH "/connections/$id" "$body") || { warn "connection $2: $answer"; return 1; }
        DEMO_MOVED=1
    fi
    REPLY=$id
}

# A pipeline of millrace's own: it makes the tables in warehouse, copies the rows, and has Kafka
# Connect carry every change after that.
demo_pipeline() {
    local answer id source target DEMO_TOKEN='' DEMO_MOVED=''
    answer=$(request POST "http://127.0.0.1:$(port_of millrace)/auth/login" \
        "{\"username\": \"admin\", \"password\": \"$ADMIN_PASSWORD\"}" 2>&1) || {
        warn "sign-in as admin failed: $answer"
        return 1
    }
    DEMO_TOKEN=$(jq -r .access_token <<<"$answer")
    demo_connection source shop && source=$REPLY && demo_connection target warehouse && target=$REPLY || return 1
    answer=$(demo_api GET '/pipelines?limit=1000') || { warn "the pipelines could not be listed: $answer"; return 1; }
    id=$(jq -r 'first(.[] | select(.name == "shop to warehouse") | .id) // empty' <<<"$answer")
    if [[ -z $id ]]; then
        answer=$(demo_api POST /pipelines "{\"name\": \"shop to warehouse\", \"mode\": \"full_load_and_cdc\",
            \"engine\": \"connect\", \"source_schema\": \"public\", \"source_connection_id\": \"$source\",
            \"target_connection_id\": \"$target\",
            \"description\": \"The demo: the shop database, copied and kept up to date\"}") || {
            warn "the pipeline could not be created: $answer"
            return 1
        }
        id=$(jq -r .id <<<"$answer")
    elif [[ -n $DEMO_MOVED ]]; then # its connectors look where the databases were
        answer=$(demo_api POST "/pipelines/$id/stop?wait=30") || warn "stop: $answer"
    fi
    answer=$(demo_api POST "/pipelines/$id/start?wait=25") || {
        warn "the pipeline could not be started: $answer"
        return 1
    }
    [[ $(jq -r .status <<<"$answer") == RUNNING ]] || {
        warn "the pipeline is $(jq -r .status <<<"$answer"): $(demo_api GET "/pipelines/$id" | jq -r '.error_message // "no error is told"')"
        return 1
    }
    say "pipeline shop to warehouse is running ($id)"
}

# Rows first, so that the load has something to copy; then the live changes.
demo_up() {
    demo_databases && demo_pipeline && generator_start || return 1
    say 'change generator: about 20 changes a second in shop'
}
