/* test_ingest_batch.c - what of the queue becomes a row, and where Redis is by its URL. */
#include "rows.h"

#include "ingest/latency.h"
#include "ingest/store.h"
#include "store/redis.h"
#include <stdio.h>
#include <string.h>

#define BATCH "0192f0a0-0000-7000-8000-000000000001"

struct row {
    const char *name, *text, *id, *reason, *json; /* id: the end of it; reason: the beginning */
};

/* clang-format off */
static const struct row table[] = {
    {"as the REST interface writes it", "{\"id\":\"0192f0a0-1111-7000-8000-0000000000ff\",\"user_id\":1,\"channel_id\":-2,\"content\":\"x\",\"created_at\":\"2026-01-01T00:00:00Z\"}",
     "0000000000ff", NULL, "{\"ingest_id\":\"0192f0a0-1111-7000-8000-0000000000ff\",\"user_id\":1,\"channel_id\":-2,\"content\":\"x\",\"created_at\":\"2026-01-01T00:00:00Z\"}"},
    {"without an id: made of batch and place", "{\"user_id\":1,\"channel_id\":2,\"content\":\"x\"}", "000000000002", NULL,
     "{\"ingest_id\":\"0192f0a0-0000-7000-8000-000000000002\",\"user_id\":1,\"channel_id\":2,\"content\":\"x\"}"},
    {"an id that is none is left aside", "{\"id\":7,\"user_id\":1,\"channel_id\":2,\"content\":\"x\",\"created_at\":null}", "000000000002", NULL,
     "{\"ingest_id\":\"0192f0a0-0000-7000-8000-000000000002\",\"user_id\":1,\"channel_id\":2,\"content\":\"x\"}"},
    {"no JSON", "hello", "000000000002", "it is no JSON", NULL},
    {"nothing", "", "000000000002", "it is no JSON", NULL},
    {"no object", "[1]", "000000000002", "it is no JSON object", NULL},
    {"no user", "{\"channel_id\":2,\"content\":\"x\"}", "000000000002", "user_id", NULL},
    {"a user that is text", "{\"user_id\":\"1\",\"channel_id\":2,\"content\":\"x\"}", "000000000002", "user_id", NULL},
    {"a channel with a fraction", "{\"user_id\":1,\"channel_id\":2.5,\"content\":\"x\"}", "000000000002", "channel_id", NULL},
    {"a channel beyond 64 bits", "{\"user_id\":1,\"channel_id\":9999999999999999999,\"content\":\"x\"}", "000000000002", "channel_id", NULL},
    {"no content", "{\"user_id\":1,\"channel_id\":2}", "000000000002", "content is missing", NULL},
    {"empty content", "{\"user_id\":1,\"channel_id\":2,\"content\":\"\"}", "000000000002", "content has to be", NULL},
    {"a NUL in it", "{\"user_id\":1,\"channel_id\":2,\"content\":\"a\\u0000b\"}", "000000000002", "content has a NUL", NULL},
    {"a time that is a number", "{\"user_id\":1,\"channel_id\":2,\"content\":\"x\",\"created_at\":5}", "000000000002", "created_at", NULL},
};
/* clang-format on */

static void test_row(void **state)
{
    const struct row *row = *state;
    struct mr_buf json = MR_BUF_INIT(65536);
    struct mr_batch_row out;
    char id[MR_INGEST_ID];

    mr_batch_id(BATCH, 2, id);
    mr_buf_add_char(&json, '[');
    mr_batch_row(mr_span_str(row->text), id, &out, &json);
    assert_string_equal(out.ingest_id + 24, row->id);
    if (row->reason) {
        assert_non_null(out.reason);
        assert_int_equal(strncmp(out.reason, row->reason, strlen(row->reason)), 0);
        assert_int_equal(json.len, 1);
    } else {
        assert_null(out.reason);
        assert_string_equal(mr_buf_cstr(&json) + 1, row->json);
    }
    mr_buf_free(&json);
}

static void test_places(void **state)
{
    char seen[300][MR_INGEST_ID];

    (void)state;
    for (size_t i = 0; i < 300; i++) {
        mr_batch_id(BATCH, i, seen[i]);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(seen[k], seen[i]);
    }
}

/* ---- URLs --------------------------------------------------------------------------------- */

struct url_row {
    const char *name, *url, *host, *password, *user, *primary;
    int port, db;
    size_t hosts; /* 0: it is none */
    bool tls;
};

/* clang-format off */
static const struct url_row urls[] = {
    {"a host", "redis://redis", "redis", "", "", "", 6379, 0, 1, false},
    {"all of it", "redis://me:p%40ss@10.0.0.1:7000/3", "10.0.0.1", "p@ss", "me", "", 7000, 3, 1, false},
    {"a password alone", "redis://:secret@h/", "h", "secret", "", "", 6379, 0, 1, false},
    {"a password with an @ in it", "redis://:a@b@h", "h", "a@b", "", "", 6379, 0, 1, false},
    {"IPv6", "redis://[::1]:6380/1", "::1", "", "", "", 6380, 1, 1, false},
    {"TLS", "rediss://h", "h", "", "", "", 6379, 0, 1, true},
    {"sentinels", "redis-sentinel://:pw@a,b:26380,c/main/2", "a", "pw", "", "main", 26379, 2, 3, false},
    {"sentinels without a name", "redis-sentinel://a,b", NULL, NULL, NULL, NULL, 0, 0, 0, false},
    {"two hosts without Sentinel", "redis://a,b", NULL, NULL, NULL, NULL, 0, 0, 0, false},
    {"another scheme", "http://a", NULL, NULL, NULL, NULL, 0, 0, 0, false},
    {"no host", "redis://", NULL, NULL, NULL, NULL, 0, 0, 0, false},
    {"a port that is none", "redis://h:0", NULL, NULL, NULL, NULL, 0, 0, 0, false},
    {"a port that is too much", "redis://h:65536", NULL, NULL, NULL, NULL, 0, 0, 0, false},
    {"a database that is none", "redis://h/x", NULL, NULL, NULL, NULL, 0, 0, 0, false},
    {"half an escape", "redis://:%4@h", NULL, NULL, NULL, NULL, 0, 0, 0, false},
    {"a NUL", "redis://:%00@h", NULL, NULL, NULL, NULL, 0, 0, 0, false},
    {"an open bracket", "redis://[::1", NULL, NULL, NULL, NULL, 0, 0, 0, false},
};
/* clang-format on */

static void test_url(void **state)
{
    const struct url_row *row = *state;
    struct mr_redis_url u;
    int rc = mr_redis_url_parse(row->url, &u);

    assert_int_equal(rc, row->hosts ? MR_OK : MR_E_CONFIG);
    if (!row->hosts)
        return;
    assert_int_equal(u.n_hosts, row->hosts);
    assert_string_equal(u.hosts[0].host, row->host);
    assert_int_equal(u.hosts[0].port, row->port);
    assert_string_equal(u.password, row->password);
    assert_string_equal(u.user, row->user);
    assert_string_equal(u.name, row->primary);
    assert_int_equal(u.db, row->db);
    assert_int_equal(u.tls, row->tls);
}

static void test_latencies(void **state)
{
    static struct mr_latencies l;
    char text[100];
    uint32_t p[3];

    (void)state;
    assert_false(mr_latency_percentiles(&l, p));
    for (unsigned i = 1; i <= 2000; i++) { /* the last 1024: 977 to 2000 ms */
        (void)snprintf(text, sizeof(text), "{\"id\":\"0192f0a0-0000-7000-8000-%012u\",", i);
        mr_latency_add(&l, mr_span_str(text), 0x0192f0a00000 + (int64_t)i);
    }
    mr_latency_add(&l, MR_SPAN("{\"id\":\"0192f0a0-0000-4000-8000-000000000001\","),
                   0x0192f0a00001);
    mr_latency_add(&l, MR_SPAN("{\"user_id\":1}"), 0x0192f0a00001);
    mr_latency_add(&l, MR_SPAN("{\"id\":\"0192f0a0-0000-7000-8000-000000000001\","), 5);
    assert_true(mr_latency_percentiles(&l, p));
    assert_int_equal(p[0], 977 + 511);
    assert_int_equal(p[1], 977 + 972);
    assert_int_equal(p[2], 977 + 1013);
}

int main(void)
{
    static struct rows r;

    rows_add(&r, table, test_row);
    rows_add_one(&r, "each place of a batch has an id of its own", test_places);
    rows_add(&r, urls, test_url);
    rows_add_one(&r, "latencies are those of the last thousand messages", test_latencies);
    return rows_run("ingestion", &r);
}
