/* copy_floor.c - the floor under the event log: the least that keeps its promise. One thread takes
 * records from librdkafka in batches and writes each batch in one transaction: the partitions'
 * offsets, the log's head, the counters, and the rows by binary COPY into the same table with the
 * same columns. It knows the op of a record by looking for "op":" and parses nothing else; the
 * record itself serves as run_metadata and as event, less JsonConverter's schema if it has one.
 *
 *   copy_floor BROKERS TOPIC N CONNINFO BATCH      prints one line of JSON
 */
#include "base/uuid.h"
#include "bench.h"
#include "proto/buf.h"
#include <arpa/inet.h>
#include <endian.h>
#include <libpq-fe.h>
#include <librdkafka/rdkafka.h>

#define BATCH_MAX      65536
#define COPY_BYTES_MAX (1u << 30)
#define PARTITIONS_MAX 64
#define PG_EPOCH_US    946684800000000ll /* 2000-01-01, where PostgreSQL counts from */
#define COPY_SQL                                                                                   \
    "COPY pipeline_runs (id, pipeline_id, seq, pipeline_seq, run_type, op_kind, schema_name, "     \
    "table_name, status, started_at, completed_at, run_metadata, event) "                          \
    "FROM STDIN (FORMAT binary)"

static const char pipeline[] = "00000000-0000-7000-8000-000000000001";

struct run {
    PGconn *db;
    rd_kafka_t *kafka;
    const char *topic;
    struct mr_buf rows, sql;
    struct mr_uuid pipeline_id;
    int64_t seq;
    int64_t next[PARTITIONS_MAX]; /* offsets after the batch, -1 where it has none */
    uint64_t bytes;
};

static void add_i16(struct mr_buf *b, int v)
{
    uint16_t n = htons((uint16_t)v);

    mr_buf_add(b, &n, sizeof(n));
}

static void add_i32(struct mr_buf *b, size_t v)
{
    uint32_t n = htonl((uint32_t)v);

    mr_buf_add(b, &n, sizeof(n));
}

static void add_i64(struct mr_buf *b, int64_t v)
{
    uint64_t n = htobe64((uint64_t)v);

    add_i32(b, sizeof(n));
    mr_buf_add(b, &n, sizeof(n));
}

static void add_bytes(struct mr_buf *b, const void *p, size_t n)
{
    add_i32(b, n);
    mr_buf_add(b, p, n);
}

static void add_text(struct mr_buf *b, const char *s)
{
    add_bytes(b, s, strlen(s));
}

static const char *kind_of(const char *p, size_t n)
{
    static const char mark[] = "\"op\":\"";
    const char *at = memmem(p, n, mark, sizeof(mark) - 1);

    switch (at ? at[sizeof(mark) - 1] : '?') {
    case 'u':
        return "update";
    case 'd':
        return "delete";
    default:
        return "insert";
    }
}

/* {"schema":..,"payload":..} -> the payload */
static struct mr_span payload_of(const rd_kafka_message_t *m)
{
    static const char mark[] = "\"payload\":";
    struct mr_span all = mr_span_of(m->payload, m->len);
    const char *at = NULL;

    if (mr_span_starts(all, MR_SPAN("{\"schema\":")))
        at = memmem(all.ptr, all.len, mark, sizeof(mark) - 1);
    if (!at)
        return all;
    at += sizeof(mark) - 1;
    return mr_span_of(at, (size_t)(all.ptr + all.len - at) - 1);
}

static void add_row(struct run *r, const rd_kafka_message_t *m, int64_t now_us)
{
    struct mr_buf *b = &r->rows;
    struct mr_uuid id = mr_uuid7(now_us / 1000);
    struct mr_span event = payload_of(m);

    r->seq++;
    add_i16(b, 13);
    add_bytes(b, id.b, sizeof(id.b));
    add_bytes(b, r->pipeline_id.b, sizeof(r->pipeline_id.b));
    add_i64(b, r->seq);
    add_i64(b, r->seq);
    add_text(b, "CDC");
    add_text(b, kind_of(event.ptr, event.len));
    add_text(b, "public");
    add_text(b, "orders");
    add_text(b, "completed");
    add_i64(b, now_us - PG_EPOCH_US);
    add_i64(b, now_us - PG_EPOCH_US);
    add_i32(b, event.len + 1); /* jsonb: a version, then its text */
    mr_buf_add_char(b, 1);
    mr_buf_add_span(b, event);
    add_bytes(b, event.ptr, event.len);
}

static void expect(struct run *r, PGresult *res, ExecStatusType want)
{
    if (PQresultStatus(res) != want)
        bench_die("%s", PQerrorMessage(r->db));
    PQclear(res);
}

static void store(struct run *r, size_t n)
{
    PGresult *res;

    mr_buf_clear(&r->sql);
    mr_buf_add_str(&r->sql, "BEGIN;");
    for (int p = 0; p < PARTITIONS_MAX; p++) {
        if (r->next[p] < 0)
            continue;
        mr_buf_addf(
            &r->sql,
            "INSERT INTO consumer_offsets (topic, partition, next_offset) VALUES ('%s', %d, "
            "%lld) ON CONFLICT (topic, partition) DO UPDATE SET next_offset = "
            "excluded.next_offset;",
            r->topic, p, (long long)r->next[p]);
        r->next[p] = -1;
    }
    mr_buf_addf(&r->sql,
                "UPDATE event_log_head SET last_seq = last_seq + %zu;"
                "INSERT INTO pipeline_counters (pipeline_id, insert_count) VALUES ('%s', %zu) ON "
                "CONFLICT (pipeline_id) DO UPDATE SET insert_count = "
                "pipeline_counters.insert_count + excluded.insert_count",
                n, pipeline, n);
    expect(r, PQexec(r->db, mr_buf_cstr(&r->sql)), PGRES_COMMAND_OK);
    expect(r, PQexec(r->db, COPY_SQL), PGRES_COPY_IN);
    add_i16(&r->rows, -1);
    if (mr_buf_err(&r->rows) != MR_OK || PQputCopyData(r->db, r->rows.ptr, (int)r->rows.len) != 1 ||
        PQputCopyEnd(r->db, NULL) != 1)
        bench_die("COPY: %s", PQerrorMessage(r->db));
    while ((res = PQgetResult(r->db)) != NULL)
        expect(r, res, PGRES_COMMAND_OK);
    expect(r, PQexec(r->db, "COMMIT"), PGRES_COMMAND_OK);
}

static void begin_copy(struct run *r)
{
    static const char signature[] = "PGCOPY\n\377\r\n"; /* its NUL belongs to it */

    mr_buf_clear(&r->rows);
    mr_buf_add(&r->rows, signature, sizeof(signature));
    add_i32(&r->rows, 0);
    add_i32(&r->rows, 0);
}

static size_t take(struct run *r, rd_kafka_queue_t *queue, rd_kafka_message_t **messages,
                   size_t max)
{
    ssize_t n = rd_kafka_consume_batch_queue(queue, 50, messages, max);
    size_t rows = 0;
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    begin_copy(r);
    for (ssize_t i = 0; i < n; i++) {
        rd_kafka_message_t *m = messages[i];

        if (!m->err && m->payload && m->partition < PARTITIONS_MAX) {
            add_row(r, m, (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000);
            r->next[m->partition] = m->offset + 1;
            r->bytes += m->len;
            rows++;
        }
        rd_kafka_message_destroy(m);
    }
    return rows;
}

static rd_kafka_t *consumer(const char *brokers, const char *topic)
{
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char err[512], group[64];
    rd_kafka_t *k;

    snprintf(group, sizeof(group), "floor-%d", (int)getpid());
    const char *settings[][2] = {{"bootstrap.servers", brokers},
                                 {"group.id", group},
                                 {"auto.offset.reset", "earliest"},
                                 {"enable.auto.commit", "false"}};
    for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], err, sizeof(err)))
            bench_die("%s", err);
    k = rd_kafka_new(RD_KAFKA_CONSUMER, conf, err, sizeof(err));
    if (!k)
        bench_die("%s", err);
    rd_kafka_poll_set_consumer(k);
    rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
    if (rd_kafka_subscribe(k, topics))
        bench_die("can't subscribe to %s", topic);
    rd_kafka_topic_partition_list_destroy(topics);
    return k;
}

/* The parent of our backend: the server, whose tree is what the database costs. */
static int postmaster(PGconn *db)
{
    struct bench__process p = {0};

    return bench__read(PQbackendPID(db), &p) ? p.parent : 0;
}

int main(int argc, char **argv)
{
    static rd_kafka_message_t *messages[BATCH_MAX];
    struct run r = {.rows = MR_BUF_INIT(COPY_BYTES_MAX), .sql = MR_BUF_INIT(65536)};
    uint64_t want, got = 0, begin = 0, end, deadline = bench_now_ns() + 300000000000u;
    double own = 0;
    struct bench_usage before = {0}, after;
    rd_kafka_queue_t *queue;
    size_t batch, batches = 0, n;
    int pm;

    if (argc != 6)
        bench_die("usage: copy_floor BROKERS TOPIC N CONNINFO BATCH");
    want = bench_number(argv[3], 1000000000);
    batch = bench_number(argv[5], BATCH_MAX);
    r.topic = argv[2];
    memset(r.next, 0xff, sizeof(r.next));
    mr_uuid_parse(mr_span_str(pipeline), &r.pipeline_id);
    r.db = PQconnectdb(argv[4]);
    if (PQstatus(r.db) != CONNECTION_OK)
        bench_die("%s", PQerrorMessage(r.db));
    pm = postmaster(r.db);
    r.kafka = consumer(argv[1], argv[2]);
    queue = rd_kafka_queue_get_consumer(r.kafka);
    while (got < want && bench_now_ns() < deadline) {
        if (!begin) { /* what it costs to join the group is not the point */
            before = bench_usage_of(pm);
            own = bench_own_cpu_s();
        }
        n = take(&r, queue, messages, batch);
        if (!n)
            continue;
        if (!begin)
            begin = bench_now_ns();
        store(&r, n);
        got += n;
        batches++;
    }
    end = bench_now_ns();
    after = bench_usage_of(pm);
    printf("{\"batch\":%zu,\"events\":%llu,\"batches\":%zu,\"event_bytes\":%.0f,\"seconds\":%.3f,"
           "\"per_second\":%.0f,\"cpu_us\":%.3f,\"pg_cpu_us\":%.3f,\"rss_kb\":%.0f}\n",
           batch, (unsigned long long)got, batches, (double)r.bytes / (double)got,
           (double)(end - begin) / 1e9, (double)got / ((double)(end - begin) / 1e9),
           (bench_own_cpu_s() - own) * 1e6 / (double)got,
           (after.cpu_us - before.cpu_us) / (double)got, bench_usage_of((int)getpid()).rss_kb);
    rd_kafka_consumer_close(r.kafka);
    PQfinish(r.db);
    return got < want;
}
