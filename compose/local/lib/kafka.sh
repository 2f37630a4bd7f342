# kafka.sh - one Kafka node, broker and KRaft controller in one JVM. No ZooKeeper, no replication.

# Small and quick to start: one compiler tier, the serial collector, no performance-data file.
JAVA_SMALL=(-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData -Xshare:auto -Xms64m
    -Djava.awt.headless=true)

kafka_prepare() {
    local dir=$RUN_DIR/kafka
    mkdir -p "$dir"
    kafka_configure || return 1
    [[ -s $dir/data/meta.properties ]] && return 0
    rm -rf "$dir/data"
    # 22 URL-safe characters are a cluster id.
    "$JAVA" "${JAVA_SMALL[@]}" -cp "$JAVA_CACHE/kafka/*" -Dlog4j.configuration="file:$KAFKA_LOG4J" \
        kafka.tools.StorageTool format -t "$(random_hex 11)" -c "$dir/server.properties" \
        >>"$LOG_DIR/kafka.log" 2>&1
}

# What every deployment shares is in compose/conf; places and ports are this run's.
kafka_configure() {
    local controller
    port_choose controller || return 1
    controller=$(port_of controller)
    cat "$ROOT/compose/conf/kafka.properties" - >"$RUN_DIR/kafka/server.properties" <<END

log.dirs=$RUN_DIR/kafka/data
listeners=PLAINTEXT://127.0.0.1:$(port_of kafka),CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$(port_of kafka)
controller.quorum.voters=1@127.0.0.1:$controller
END
}

kafka_start() {
    kafka_configure || return 1
    proc_spawn kafka "$JAVA" "${JAVA_SMALL[@]}" -Xmx512m -cp "$JAVA_CACHE/kafka/*" \
        -Dlog4j.configuration="file:$KAFKA_LOG4J" kafka.Kafka "$RUN_DIR/kafka/server.properties"
}

# Metadata from the broker itself, through the client library that millrace uses.
kafka_healthy() {
    timeout 5 kcat -b "127.0.0.1:$(port_of kafka)" -L -m 3 2>/dev/null |
        grep -q "broker 1 at 127.0.0.1:$(port_of kafka)"
}

kafka_after() { :; }
kafka_stop() { proc_stop kafka TERM 20; }
