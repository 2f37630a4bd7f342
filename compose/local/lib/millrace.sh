# millrace.sh - the server itself, as one more service: migrated, started, asked for its health.

STACK_NAME[millrace]=millrace
STACK_DEADLINE[millrace]=30
MILLRACE_GIVEN=${MILLRACE_BIN:-} # a binary made elsewhere: then none is built
MILLRACE_BIN=${MILLRACE_BIN:-$ROOT/build/release/bin/millrace}

# The settings it runs with, on top of what the caller exported (MILLRACE_LOG_LEVEL=debug ./dev run).
millrace_env() {
    env_print | grep -E '^(DATABASE_URL|REDIS_URL|KAFKA_|MILLRACE_ADMIN_)'
    cat <<END
JWT_SECRET=$JWT_SECRET
MILLRACE_SECRET_KEY=$SECRET_KEY
MILLRACE_HOST=127.0.0.1
MILLRACE_PORT=$(port_of millrace)
MILLRACE_ANONYMOUS=ingest,feeds,metrics
MILLRACE_CONNECT_SECRETS=file
MILLRACE_CONNECT_SECRETS_DIR=$RUN_DIR/connect
END
    [[ -d $ROOT/ui/out ]] && echo "MILLRACE_UI_DIR=$ROOT/ui/out"
}

# millrace_with CMD...: CMD with that environment; not through env(1), whose arguments anyone can read.
millrace_with() {
    (env_export millrace_env && "$@")
}

millrace_prepare() {
    millrace_with quietly "$LOG_DIR/migrate.log" 'migrating the database' "$MILLRACE_BIN" migrate
}

millrace_start() { millrace_with proc_spawn millrace "$MILLRACE_BIN" serve; }

millrace_healthy() {
    curl -fsS -m 5 -o /dev/null "http://127.0.0.1:$(port_of millrace)/health" 2>/dev/null
}

millrace_after() { :; }
millrace_stop() { proc_stop millrace TERM 30; }
