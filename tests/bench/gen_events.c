/* gen_events.c - Debezium change events into a topic, fast or at a rate.
 *
 *   gen_events BROKERS TOPIC N [--schemas] [--rate R]
 *
 * The PostgreSQL connector's envelope through JsonConverter, 40 % c, 40 % u, 15 % d, 5 % r, keyed
 * by the row, so that they spread over the partitions; about 0.7 KB, or 4 KB with schemas. Each row
 * holds the time at which it was made ("t":"<ns>", monotonic clock), so that whoever has the event
 * at last knows how long it took. No tombstones: they are no events.
 */
#include "bench.h"
#include "proto/buf.h"
#include <librdkafka/rdkafka.h>

#define EVENT_MAX 16384

static unsigned long failed, delivered;

static void on_report(rd_kafka_t *k, const rd_kafka_message_t *m, void *ctx)
{
    (void)k;
    (void)ctx;
    if (m->err)
        failed++;
    else
        delivered++;
}

static char op_of(uint64_t i)
{
    uint64_t m = i % 20;

    return m < 8 ? 'c' : m < 16 ? 'u' : m < 19 ? 'd' : 'r';
}

static void add_row(struct mr_buf *b, uint64_t i, uint64_t stamp_ns)
{
    mr_buf_addf(b,
                "{\"id\":%llu,\"customer\":\"customer %llu\",\"amount\":\"%llu.50\","
                "\"created_at\":\"2026-11-20T19:10:48.397309Z\",\"note\":\"left with the "
                "neighbour, who is at home in the afternoon and has a bell\","
                "\"tags\":null,\"meta\":\"{\\\"k\\\": %llu}\",\"t\":\"%llu\"}",
                (unsigned long long)i / 3, (unsigned long long)i / 3, (unsigned long long)i % 997,
                (unsigned long long)i % 7, (unsigned long long)stamp_ns);
}

static void add_envelope(struct mr_buf *b, uint64_t i)
{
    struct timespec wall;
    char op = op_of(i);
    unsigned long long us, lsn = 31140696u + 56u * i;

    clock_gettime(CLOCK_REALTIME, &wall);
    us = (unsigned long long)wall.tv_sec * 1000000u + (unsigned long long)wall.tv_nsec / 1000u;
    mr_buf_add_str(b, "{\"before\":");
    if (op == 'd')
        add_row(b, i, bench_now_ns());
    else
        mr_buf_add_str(b, "null");
    mr_buf_add_str(b, ",\"after\":");
    if (op == 'd')
        mr_buf_add_str(b, "null");
    else
        add_row(b, i, bench_now_ns());
    mr_buf_addf(b,
                ",\"source\":{\"version\":\"3.2.0.Final\",\"connector\":\"postgresql\","
                "\"name\":\"bench\",\"ts_ms\":%llu,\"snapshot\":\"%s\",\"db\":\"shop\","
                "\"sequence\":\"[null,\\\"%llu\\\"]\",\"ts_us\":%llu,\"ts_ns\":%llu000,"
                "\"schema\":\"public\",\"table\":\"orders\",\"txId\":%llu,\"lsn\":%llu,"
                "\"xmin\":null},\"transaction\":null,\"op\":\"%c\",\"ts_ms\":%llu,\"ts_us\":%llu,"
                "\"ts_ns\":%llu892}",
                us / 1000, op == 'r' ? "true" : "false", lsn, us, us, 732 + i / 10ull, lsn, op,
                us / 1000, us, us);
}

/* ---- the schema that JsonConverter repeats in every message -----------------------------------
 */

struct field {
    const char *type, *name;
    bool optional;
};

static void add_fields(struct mr_buf *b, const struct field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mr_buf_addf(b, "%s{\"type\":\"%s\",\"optional\":%s,\"field\":\"%s\"}", i ? "," : "",
                    fields[i].type, fields[i].optional ? "true" : "false", fields[i].name);
}

static void add_struct(struct mr_buf *b, const char *name, const char *field,
                       const struct field *fields, size_t n)
{
    mr_buf_add_str(b, "{\"type\":\"struct\",\"fields\":[");
    add_fields(b, fields, n);
    mr_buf_addf(b, "],\"optional\":true,\"name\":\"%s\",\"field\":\"%s\"},", name, field);
}

static void add_schema(struct mr_buf *b)
{
    /* clang-format off */
    static const struct field row[] = {
        {"int32", "id", false}, {"string", "customer", true}, {"string", "amount", true},
        {"string", "created_at", true}, {"string", "note", true}, {"string", "tags", true},
        {"string", "meta", true}, {"string", "t", true},
    };
    static const struct field source[] = {
        {"string", "version", false}, {"string", "connector", false}, {"string", "name", false},
        {"int64", "ts_ms", false}, {"string", "snapshot", true}, {"string", "db", false},
        {"string", "sequence", true}, {"int64", "ts_us", true}, {"int64", "ts_ns", true},
        {"string", "schema", false}, {"string", "table", false}, {"int64", "txId", true},
        {"int64", "lsn", true}, {"int64", "xmin", true},
    };
    static const struct field block[] = {
        {"string", "id", false}, {"int64", "total_order", false},
        {"int64", "data_collection_order", false},
    };
    static const struct field tail[] = {
        {"string", "op", false}, {"int64", "ts_ms", true}, {"int64", "ts_us", true},
        {"int64", "ts_ns", true},
    };
    /* clang-format on */

    mr_buf_add_str(b, "{\"type\":\"struct\",\"fields\":[");
    add_struct(b, "bench.public.orders.Value", "before", row, sizeof(row) / sizeof(*row));
    add_struct(b, "bench.public.orders.Value", "after", row, sizeof(row) / sizeof(*row));
    add_struct(b, "io.debezium.connector.postgresql.Source", "source", source,
               sizeof(source) / sizeof(*source));
    add_struct(b, "event.block", "transaction", block, sizeof(block) / sizeof(*block));
    add_fields(b, tail, sizeof(tail) / sizeof(*tail));
    mr_buf_add_str(b,
                   "],\"optional\":false,\"name\":\"bench.public.orders.Envelope\",\"version\":2}");
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char err[512];

    if (rd_kafka_conf_set(conf, name, value, err, sizeof(err)) != RD_KAFKA_CONF_OK)
        bench_die("%s", err);
}

static rd_kafka_t *producer(const char *brokers, bool paced)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *k;
    char err[512];

    set(conf, "bootstrap.servers", brokers);
    set(conf, "linger.ms", paced ? "0" : "20");
    set(conf, "queue.buffering.max.messages", "200000");
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    k = rd_kafka_new(RD_KAFKA_PRODUCER, conf, err, sizeof(err));
    if (!k)
        bench_die("%s", err);
    return k;
}

/* Topic metadata takes its time; the first stamps should not count it. */
static void warm_up(rd_kafka_t *k, const char *topic)
{
    const struct rd_kafka_metadata *meta = NULL;
    rd_kafka_topic_t *t = rd_kafka_topic_new(k, topic, NULL);

    if (!t || rd_kafka_metadata(k, 0, t, &meta, 10000))
        bench_die("no metadata of %s", topic);
    rd_kafka_metadata_destroy(meta);
    rd_kafka_topic_destroy(t);
}

static void produce(rd_kafka_t *k, const char *topic, uint64_t i, const struct mr_buf *schema)
{
    struct mr_buf value = MR_BUF_INIT(EVENT_MAX);
    char key[64];
    int key_len = snprintf(key, sizeof(key), "{\"id\":%llu}", (unsigned long long)i / 3);

    if (schema->len) {
        mr_buf_add_str(&value, "{\"schema\":");
        mr_buf_add_span(&value, mr_buf_span(schema));
        mr_buf_add_str(&value, ",\"payload\":");
    }
    add_envelope(&value, i);
    if (schema->len)
        mr_buf_add_char(&value, '}');
    if (mr_buf_err(&value) != MR_OK)
        bench_die("an event does not fit");
    while (rd_kafka_producev(k, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(key, (size_t)key_len),
                             RD_KAFKA_V_VALUE(value.ptr, value.len),
                             RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END))
        rd_kafka_poll(k, 50); /* its queue is full */
    mr_buf_free(&value);
}

static void sleep_until(uint64_t ns)
{
    struct timespec t = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

int main(int argc, char **argv)
{
    struct mr_buf schema = MR_BUF_INIT(EVENT_MAX);
    uint64_t n, rate = 0, begin;
    rd_kafka_t *k;

    if (argc < 4)
        bench_die("usage: gen_events BROKERS TOPIC N [--schemas] [--rate R]");
    n = bench_number(argv[3], 1000000000);
    for (int i = 4; i < argc; i++) {
        if (strcmp(argv[i], "--schemas") == 0)
            add_schema(&schema);
        else if (strcmp(argv[i], "--rate") == 0 && i + 1 < argc)
            rate = bench_number(argv[++i], 1000000);
        else
            bench_die("unknown option %s", argv[i]);
    }
    k = producer(argv[1], rate > 0);
    warm_up(k, argv[2]);
    begin = bench_now_ns();
    for (uint64_t i = 0; i < n; i++) {
        if (rate)
            sleep_until(begin + i * 1000000000u / rate);
        produce(k, argv[2], i, &schema);
        if (rate || i % 256 == 0)
            rd_kafka_poll(k, 0);
    }
    rd_kafka_flush(k, 60000);
    printf("{\"produced\":%lu,\"failed\":%lu,\"seconds\":%.2f}\n", delivered, failed,
           (double)(bench_now_ns() - begin) / 1e9);
    rd_kafka_destroy(k);
    mr_buf_free(&schema);
    return failed || delivered != n;
}
