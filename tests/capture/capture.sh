#!/bin/bash
# capture.sh - records real Debezium events, in every form, for tests/unit/test_cdc_captured.c.
#
#   KAFKA_BOOTSTRAP_SERVERS=.. KAFKA_CONNECT_URL=.. SOURCE_URL=postgresql://.. tests/capture/capture.sh
#   eval "$(./dev stack env | sed 's/^/export /')" && tests/capture/capture.sh
#
# It makes a database of its own in the source server, registers one connector a configuration, runs
# changes.sql once for all of them, waits until each has delivered the last change, writes
# tests/unit/captured/<configuration>.jsonl, and takes everything away again. SOURCE_URL must be
# able to create databases and replication slots; DEMO_SOURCE_URL stands in when it is unset.
# OUT names another folder to write to. KEEP=1 leaves database, slots and connectors for a look.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${OUT:-$here/../unit/captured}
: "${KAFKA_BOOTSTRAP_SERVERS:?}" "${KAFKA_CONNECT_URL:?}"
export PGCLIENTENCODING=UTF8 # whatever the server and the terminal use
source_url=${SOURCE_URL:-${DEMO_SOURCE_URL:?SOURCE_URL or DEMO_SOURCE_URL}}
run=$(date +%s) # a run's own names: topics of an earlier one may still be there
db=capture_$run
answer=$(mktemp)
deadline=$((SECONDS + 180))
names=(schemas_on schemas_off flattened flattened_rewrite flattened_bare cloudevents
    cloudevents_schemas)

say() { printf 'capture: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# Repeats a command until it succeeds or the deadline is over.
wait_for() {
    local what=$1
    shift
    until "$@"; do
        ((SECONDS < deadline)) || die "gave up waiting for $what"
        sleep 0.3
    done
}

admin_sql() { psql -qXAt -v ON_ERROR_STOP=1 "$source_url" "$@"; }
source_sql() { psql -qXAt -v ON_ERROR_STOP=1 "${source_url%/*}/$db" "$@"; }
prefix_of() { printf 'cap%s_%s' "$run" "$1"; }

connect() {
    local method=$1 path=$2
    shift 2
    curl --fail-with-body -sS -m 60 -X "$method" -H 'Content-Type: application/json' \
        "${KAFKA_CONNECT_URL%/}$path" "$@"
}

cleanup() {
    local name
    rm -f "$answer"
    [[ -z ${KEEP:-} ]] || return 0
    for name in "${names[@]}"; do
        connect DELETE "/connectors/$(prefix_of "$name")" >/dev/null 2>&1 || true
    done
    admin_sql -c "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots
        WHERE database = '$db' AND active" >/dev/null || true
    for name in "${names[@]}"; do
        wait_for_quiet "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
            WHERE slot_name = '$(prefix_of "$name")'"
    done
    wait_for_quiet "DROP DATABASE IF EXISTS $db WITH (FORCE)"
}

wait_for_quiet() {
    local try
    for try in {1..20}; do
        admin_sql -c "$1" >/dev/null 2>&1 && return 0
        sleep 0.5
    done
    say "could not clean up after $try tries: $1"
}

# What sets a configuration apart from the common ones.
own_settings() {
    local json=org.apache.kafka.connect.json.JsonConverter
    local unwrap='"transforms":"unwrap","transforms.unwrap.type":"io.debezium.transforms.ExtractNewRecordState"'
    local cloud='"value.converter":"io.debezium.converters.CloudEventsConverter",
        "value.converter.serializer.type":"json","value.converter.data.serializer.type":"json"'

    case $1 in
    schemas_on) # the defaults of Debezium and of the JsonConverter; few tables: schemas are large
        cat <<END
"key.converter":"$json","value.converter":"$json",
"table.include.list":"public\\\\.items,public\\\\.full_items"
END
        ;;
    schemas_off) # everything that is not a row change, too
        cat <<END
$(bare_json),"decimal.handling.mode":"string","skipped.operations":"none",
"provide.transaction.metadata":"true","heartbeat.interval.ms":"1000",
"signal.data.collection":"public.capture_signal",
"notification.enabled.channels":"sink","notification.sink.topic.name":"$(prefix_of "$1").notifications"
END
        ;;
    flattened) # the key keeps its schema: the two converters are configured apart
        cat <<END
$(bare_json),"key.converter.schemas.enable":"true","decimal.handling.mode":"string",
"skipped.operations":"none",$unwrap,
"transforms.unwrap.add.fields":"op,table,schema,db,lsn,txId,connector,name,snapshot,source.ts_ms,ts_ms"
END
        ;;
    flattened_rewrite)
        cat <<END
"key.converter":"$json","value.converter":"$json",$unwrap,
"table.include.list":"public\\\\.full_items,public\\\\.toasted",
"transforms.unwrap.add.fields":"op,source.lsn","transforms.unwrap.delete.tombstone.handling.mode":"rewrite-with-tombstone"
END
        ;;
    flattened_bare)
        cat <<END
$(bare_json),$unwrap
END
        ;;
    cloudevents)
        cat <<END
$(bare_json),$cloud,"value.converter.json.schemas.enable":"false","provide.transaction.metadata":"true"
END
        ;;
    cloudevents_schemas)
        cat <<END
"key.converter":"$json",$cloud,"value.converter.json.schemas.enable":"true",
"table.include.list":"public\\\\.items"
END
        ;;
    esac
}

bare_json() {
    local json=org.apache.kafka.connect.json.JsonConverter
    printf '"key.converter":"%s","key.converter.schemas.enable":"false",' "$json"
    printf '"value.converter":"%s","value.converter.schemas.enable":"false"' "$json"
}

# A URL's parts, as Debezium wants them: user password host port.
url_parts() {
    node -e 'const u = new URL(process.argv[1]);
        console.log(decodeURIComponent(u.username), decodeURIComponent(u.password) || "none",
            u.hostname || "127.0.0.1", u.port || 5432)' "$source_url"
}

# One partition a topic, whatever the broker's default: the order of the records is what is tested.
register() {
    local name=$1 prefix user password host port
    prefix=$(prefix_of "$name")
    read -r user password host port < <(url_parts)
    connect PUT "/connectors/$prefix/config" --data-binary @- <<END >"$answer" || die "$(cat "$answer")"
{"connector.class":"io.debezium.connector.postgresql.PostgresConnector","tasks.max":"1",
"plugin.name":"pgoutput","topic.creation.default.partitions":"1",
"topic.creation.default.replication.factor":"1","topic.prefix":"$prefix","slot.name":"$prefix","publication.name":"capture",
"publication.autocreate.mode":"disabled","poll.interval.ms":"10","database.hostname":"$host",
"database.port":"$port","database.user":"$user","database.password":"$password",
"database.dbname":"$db","snapshot.mode":"initial",$(own_settings "$name")}
END
}

is_streaming() {
    [[ $(admin_sql -c "SELECT count(*) FROM pg_replication_slots
        WHERE database = '$db' AND active") == "${#names[@]}" ]]
}

# Heartbeats never end, so of those it takes three.
records_of() {
    local until=-e
    [[ $1 != __debezium* ]] || until='-c 3'
    # shellcheck disable=SC2086 # two words
    timeout 20 kcat -q -b "$KAFKA_BOOTSTRAP_SERVERS" -C -t "$1" -o beginning $until -J 2>/dev/null
}

# Matching is left to the end of the stream: grep -q would break the pipe, and pipefail would see it.
has_record() { [[ $(records_of "$1" | grep -c -- "$2") -gt 0 ]]; }

topics_of() {
    kcat -q -b "$KAFKA_BOOTSTRAP_SERVERS" -L -J | node -e '
        const { topics } = JSON.parse(require("fs").readFileSync(0))
        const p = process.argv[1]
        const mine = (t) => t.startsWith(p + ".") || t === "__debezium-heartbeat." + p
        console.log(topics.map((t) => t.topic).filter(mine).sort().join("\n"))' "$1"
}

# One line a record. Names lose the run's number, so that the next capture differs little.
write_file() {
    local name=$1 prefix topic
    prefix=$(prefix_of "$name")
    for topic in $(topics_of "$prefix"); do
        records_of "$topic"
    done | node -e '
        const [run, db] = process.argv.slice(1)
        const plain = (s) => s === null || s === undefined ? null
            : s.replaceAll("cap" + run + "_", "cap_").replaceAll(db, "capture")
        for (const line of require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean)) {
            const r = JSON.parse(line)
            console.log(JSON.stringify({ topic: plain(r.topic), offset: r.offset, key: plain(r.key),
                value: plain(r.payload) }))
        }' "$run" "$db" >"$out/$name.jsonl"
    say "$name: $(wc -l <"$out/$name.jsonl") records, $(wc -c <"$out/$name.jsonl") bytes"
}

trap cleanup EXIT
mkdir -p "$out"
admin_sql -c "CREATE DATABASE $db ENCODING 'UTF8' TEMPLATE template0"
source_sql -f "$here/schema.sql"
for name in "${names[@]}"; do
    register "$name"
done
wait_for "the connectors to stream" is_streaming
for name in "${names[@]}"; do # the slot is active before the snapshot: wait for its rows
    case $name in
    flattened_rewrite) table=full_items ;;
    *) table=items ;;
    esac
    wait_for "the snapshot of $name" has_record "$(prefix_of "$name").public.$table" 'there before'
done
source_sql -f "$here/changes.sql" >/dev/null
say "asking for an incremental snapshot"
source_sql -c "INSERT INTO capture_signal VALUES ('ad-hoc-1', 'execute-snapshot',
    '{\"data-collections\": [\"public.full_items\"], \"type\": \"incremental\"}')"
wait_for "the incremental snapshot" has_record "$(prefix_of schemas_off).notifications" \
    'type[^,]*"COMPLETED'
source_sql -c "INSERT INTO full_items VALUES (99, 'the end', 0);
    INSERT INTO items (id, name) VALUES (99, 'the end')"
for name in "${names[@]}"; do
    case $name in
    flattened_rewrite) table=full_items ;;
    *) table=items ;;
    esac
    wait_for "the last change in $name" has_record "$(prefix_of "$name").public.$table" 'the end'
done
wait_for "a heartbeat" has_record "__debezium-heartbeat.$(prefix_of schemas_off)" ts_ms
for name in "${names[@]}"; do
    write_file "$name"
done
