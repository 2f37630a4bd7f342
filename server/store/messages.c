/* messages.c - messages, in batches. */
#include "store/messages.h"
#include "proto/json.h"
#include "store/rows.h"
#include <stdio.h>

/* clang-format off */
static const char SQL_ADD[] =
    "WITH new AS (INSERT INTO messages (ingest_id, user_id, channel_id, content, created_at) "
    "SELECT m.ingest_id, m.user_id, m.channel_id, m.content, coalesce(m.created_at, now()) "
    "FROM json_to_recordset($1::json) AS m (ingest_id uuid, user_id bigint, channel_id bigint, content text, created_at timestamptz) "
    "ON CONFLICT (ingest_id) DO NOTHING RETURNING 1), n AS (SELECT count(*) AS n FROM new) "
    "UPDATE ingest_counters SET total_messages = total_messages + n.n, total_batches = total_batches + (n.n > 0)::int FROM n "
    "RETURNING total_messages, total_batches, total_failed";
static const char SQL_BURY[] =
    "WITH b AS (INSERT INTO ingest_dead_letters (ingest_id, payload, reason) VALUES ($1::uuid, decode($2, 'hex'), $3) "
    "ON CONFLICT (ingest_id) DO NOTHING RETURNING 1) "
    "UPDATE ingest_counters SET total_failed = total_failed + (SELECT count(*) FROM b)";
static const char SQL_COUNTERS[] = "SELECT total_messages, total_batches, total_failed FROM ingest_counters";
static const char SQL_NEWEST[] =
    "SELECT id, user_id, channel_id, content, created_at, inserted_at FROM messages ORDER BY inserted_at DESC, id DESC LIMIT $1::bigint";
/* clang-format on */

static int take(int rc, PGresult *res, struct mr_message_counters *out)
{
    if (rc == MR_OK && PQntuples(res) != 1)
        rc = MR_E_DB;
    if (rc == MR_OK) {
        out->messages = mr_pg_i64(res, 0, 0);
        out->batches = mr_pg_i64(res, 0, 1);
        out->failed = mr_pg_i64(res, 0, 2);
    }
    PQclear(res);
    return rc;
}

int mr_messages_add(struct mr_pg *c, const char *batch, struct mr_message_counters *counters)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_ADD, 1, (const char *[]){batch}, &res);

    return take(rc, res, counters);
}

int mr_messages_bury(struct mr_pg *c, const char *ingest_id, struct mr_span payload,
                     const char *reason)
{
    struct mr_buf hex = MR_BUF_INIT(64u << 20);
    int rc;

    for (size_t i = 0; i < payload.len; i++)
        mr_buf_addf(&hex, "%02x", (unsigned char)payload.ptr[i]);
    rc = mr_buf_err(&hex);
    if (rc == MR_OK)
        rc = mr_pg_exec(c, SQL_BURY, 3, (const char *[]){ingest_id, mr_buf_cstr(&hex), reason},
                        NULL);
    mr_buf_free(&hex);
    return rc;
}

int mr_messages_counters(struct mr_pg *c, struct mr_message_counters *out)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_COUNTERS, 0, NULL, &res);

    return take(rc, res, out);
}

/* PostgreSQL makes JSON of a row at five times the cost of giving it. */
static void add_row(struct mr_buf *json, const PGresult *res, int i)
{
    mr_buf_add_str(json, "{\"id\":");
    mr_buf_add_span(json, mr_pg_span(res, i, 0));
    mr_buf_add_str(json, ",\"user_id\":");
    mr_buf_add_span(json, mr_pg_span(res, i, 1));
    mr_buf_add_str(json, ",\"channel_id\":");
    mr_buf_add_span(json, mr_pg_span(res, i, 2));
    mr_buf_add_str(json, ",\"content\":");
    mr_json_add_string(json, mr_pg_span(res, i, 3));
    mr_buf_add_str(json, ",\"created_at\":");
    mr_rows_add_time(json, mr_pg_span(res, i, 4));
    mr_buf_add_str(json, ",\"inserted_at\":");
    mr_rows_add_time(json, mr_pg_span(res, i, 5));
    mr_buf_add_char(json, '}');
}

int mr_messages_newest(struct mr_pg *c, int64_t limit, struct mr_buf *json)
{
    PGresult *res = NULL;
    char text[24];
    int rc;

    (void)snprintf(text, sizeof(text), "%lld", (long long)limit);
    rc = mr_pg_exec(c, SQL_NEWEST, 1, (const char *[]){text}, &res);
    mr_buf_add_char(json, '[');
    for (int i = 0; rc == MR_OK && i < PQntuples(res); i++) {
        if (i > 0)
            mr_buf_add_char(json, ',');
        add_row(json, res, i);
    }
    mr_buf_add_char(json, ']');
    PQclear(res);
    return rc == MR_OK ? mr_buf_err(json) : rc;
}
