# env.sh - where a run keeps its things, its secrets, and the settings others connect with.

env_init() {
    RUN_DIR=${RUN_DIR:-$ROOT/.run}
    mkdir -p "$RUN_DIR" || die "can't create $RUN_DIR"
    RUN_DIR=$(cd "$RUN_DIR" && pwd -P)
    LOG_DIR=$RUN_DIR/log PID_DIR=$RUN_DIR/pid PORT_DIR=$RUN_DIR/port
    SECRETS=$RUN_DIR/secrets
    mkdir -p "$LOG_DIR" "$PID_DIR" "$PORT_DIR"
}

random_hex() { od -An -v -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

# Made once for each run directory, readable by its owner alone.
secrets_load() {
    if [[ ! -s $SECRETS ]]; then
        (
            umask 077
            cat >"$SECRETS.new" <<END
ADMIN_PASSWORD=$(random_hex 8)
JWT_SECRET=$(random_hex 32)
SECRET_KEY=$(random_hex 32)
PG_SUPERUSER_PASSWORD=$(random_hex 16)
PG_MILLRACE_PASSWORD=$(random_hex 16)
PG_DEMO_PASSWORD=$(random_hex 16)
END
            mv "$SECRETS.new" "$SECRETS"
        )
    fi
    . "$SECRETS"
}

# pg_url ROLE PASSWORD DATABASE
pg_url() { echo "postgresql://$1:$2@127.0.0.1:$(port_of postgres)/$3"; }

# The settings as KEY=value lines. Without Kafka its two are empty rather than absent, so that an
# `eval` overwrites what an earlier run left in a shell.
env_print() {
    local kafka='' connect=''
    if [[ -f $RUN_DIR/kafka-wanted ]]; then
        kafka=127.0.0.1:$(port_of kafka)
        connect=http://127.0.0.1:$(port_of connect)
    fi
    cat <<END
DATABASE_URL=$(pg_url millrace "$PG_MILLRACE_PASSWORD" millrace)
REDIS_URL=redis://127.0.0.1:$(port_of redis)/0
KAFKA_BOOTSTRAP_SERVERS=$kafka
KAFKA_CONNECT_URL=$connect
MILLRACE_URL=http://127.0.0.1:$(port_of millrace)
MILLRACE_ADMIN_USER=admin
MILLRACE_ADMIN_PASSWORD=$ADMIN_PASSWORD
DEMO_SOURCE_URL=$(pg_url demo "$PG_DEMO_PASSWORD" shop)
DEMO_TARGET_URL=$(pg_url demo "$PG_DEMO_PASSWORD" warehouse)
END
}

# env_export [PRINTER]: its lines into the environment of this shell.
env_export() {
    local line
    while read -r line; do
        export "${line?}"
    done < <("${1:-env_print}")
}
