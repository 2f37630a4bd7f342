# redis.sh - Redis on loopback, its append-only file under the run directory.

redis_prepare() { mkdir -p "$RUN_DIR/redis"; }

redis_start() {
    proc_spawn redis redis-server "$ROOT/compose/conf/redis.conf" --bind 127.0.0.1 \
        --port "$(port_of redis)" --dir "$RUN_DIR/redis" --daemonize no
}

redis_healthy() { [[ $(redis-cli -h 127.0.0.1 -p "$(port_of redis)" ping 2>/dev/null) == PONG ]]; }
redis_after() { :; }
redis_stop() { proc_stop redis TERM 15; }
