/* letters.c - the table dead_letters. */
#include "store/letters.h"
#include "store/rows.h"
#include <stdio.h>
#include <string.h>

/* clang-format off */
#define LETTER                                                                                     \
    "json_build_object('id', d.id, 'pipeline_id', d.pipeline_id, 'topic', d.topic, "               \
    "'partition', d.partition, 'offset', d.\"offset\", 'reason', d.reason, "                       \
    "'key_bytes', length(d.record_key), 'value_bytes', length(d.record_value), "                   \
    "'headers', d.headers, 'record_time', " MR_SQL_TIME("d.record_ts") ", "                               \
    "'created_at', " MR_SQL_TIME("d.created_at") ")"
static const char SQL_LETTERS[] =
    "SELECT " LETTER ", d.created_at::text, d.id FROM dead_letters d "
    "WHERE ($1::uuid IS NULL OR d.pipeline_id = $1::uuid) "
    "AND (d.pipeline_id IS NULL OR d.pipeline_id <> ALL ($5::uuid[])) "
    "AND ($2::timestamptz IS NULL OR (d.created_at, d.id) < ($2::timestamptz, $3::uuid)) "
    "ORDER BY d.created_at DESC, d.id DESC LIMIT $4::bigint";
static const char SQL_GET[] =
    "SELECT " LETTER " FROM dead_letters d WHERE d.id = $1::uuid AND d.pipeline_id <> ALL ($2::uuid[])";
static const char SQL_WHOLE[] =
    "SELECT (" LETTER ")::jsonb || jsonb_build_object('key', translate(encode(d.record_key, 'base64'), E'\\n', ''), "
    "'value', translate(encode(d.record_value, 'base64'), E'\\n', '')) "
    "FROM dead_letters d WHERE d.id = $1::uuid AND d.pipeline_id <> ALL ($2::uuid[])";
static const char SQL_IDS[] =
    "SELECT d.id FROM dead_letters d WHERE ($1::uuid IS NULL OR d.pipeline_id = $1::uuid) "
    "AND d.pipeline_id <> ALL ($2::uuid[]) AND ($3::uuid IS NULL OR d.id > $3::uuid) "
    "ORDER BY d.id LIMIT $4::bigint";
static const char SQL_DISCARD[] =
    "WITH gone AS (DELETE FROM dead_letters WHERE id = $1::uuid RETURNING pipeline_id) "
    "UPDATE pipeline_counters k SET failed_count = k.failed_count - 1, "
    "skipped_count = k.skipped_count + 1 FROM gone WHERE k.pipeline_id = gone.pipeline_id "
    "RETURNING k.pipeline_id";
/* clang-format on */

int mr_dead_letters_list(struct mr_pg *c, const char *pipeline_id, const char *hidden,
                         const char *before_time, const char *before_id, int64_t limit,
                         struct mr_buf *json, bool *more, char last_time[40],
                         char last_id[MR_UUID_TEXT])
{
    char rows[24];
    const char *params[] = {pipeline_id, before_time, before_id, rows, hidden};
    PGresult *res = NULL;
    int rc, n;

    (void)snprintf(rows, sizeof(rows), "%lld", (long long)limit + 1);
    rc = mr_pg_exec(c, SQL_LETTERS, 5, params, &res);
    if (rc != MR_OK)
        return rc;
    n = mr_rows_array(res, limit, json, more);
    if (n > 0) {
        (void)snprintf(last_time, 40, "%s", PQgetvalue(res, n - 1, 1));
        (void)snprintf(last_id, MR_UUID_TEXT, "%s", PQgetvalue(res, n - 1, 2));
    }
    PQclear(res);
    return mr_buf_err(json);
}

int mr_dead_letter_get(struct mr_pg *c, const char *id, const char *hidden, struct mr_buf *json)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_GET, 2, (const char *[]){id, hidden}, &res);

    return mr_rows_object(rc, res, json, NULL);
}

int mr_dead_letter_whole(struct mr_pg *c, const char *id, const char *hidden, struct mr_buf *json)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_WHOLE, 2, (const char *[]){id, hidden}, &res);

    return mr_rows_object(rc, res, json, NULL);
}

int mr_dead_letters_ids(struct mr_pg *c, const char *pipeline_id, const char *hidden,
                        const char *after, int64_t limit, PGresult **ids)
{
    char rows[24];

    (void)snprintf(rows, sizeof(rows), "%lld", (long long)limit);
    return mr_pg_exec(c, SQL_IDS, 4, (const char *[]){pipeline_id, hidden, after, rows}, ids);
}

int mr_dead_letter_discard(struct mr_pg *c, const char *id)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_DISCARD, 1, &id, &res);

    if (rc == MR_OK && PQntuples(res) == 0)
        rc = MR_E_NOTFOUND;
    PQclear(res);
    return rc;
}
