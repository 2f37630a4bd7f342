# connect.sh - one Kafka Connect worker with the Debezium plugins, in distributed mode: connectors
# and their offsets live in Kafka, so that they survive a restart.

connect_prepare() { mkdir -p "$RUN_DIR/connect"; }

connect_start() {
    local file=$RUN_DIR/connect/connect.properties port
    port=$(port_of connect)
    cat "$ROOT/compose/conf/connect.properties" - >"$file" <<END

bootstrap.servers=127.0.0.1:$(port_of kafka)
listeners=http://127.0.0.1:$port
rest.advertised.host.name=127.0.0.1
rest.advertised.port=$port
plugin.path=$JAVA_CACHE/plugins
config.providers.file.param.allowed.paths=$RUN_DIR/connect
END
    proc_spawn connect "$JAVA" "${JAVA_SMALL[@]}" -Xmx512m -cp "$JAVA_CACHE/kafka/*" \
        -Dlog4j.configuration="file:$KAFKA_LOG4J" \
        org.apache.kafka.connect.cli.ConnectDistributed "$file"
}

connect_healthy() {
    curl -fsS -m 5 -o /dev/null "http://127.0.0.1:$(port_of connect)/connectors" 2>/dev/null
}

connect_after() { :; }
connect_stop() { proc_stop connect TERM 20; }
