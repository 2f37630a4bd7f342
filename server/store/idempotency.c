/* idempotency.c - claim, keep, find. */
#include "store/idempotency.h"
#include <stdio.h>

static const char SQL_CLAIM[] =
    "WITH old AS (DELETE FROM idempotency_keys WHERE (subject, key) IN (SELECT subject, key "
    "FROM idempotency_keys WHERE created_at < now() - interval '1 day' LIMIT 100 "
    "FOR UPDATE SKIP LOCKED)) "
    "INSERT INTO idempotency_keys (subject, key, request_hash) VALUES ($1, $2, $3::bytea) "
    "ON CONFLICT DO NOTHING RETURNING 1";

static const char SQL_KEEP[] =
    "UPDATE idempotency_keys SET status = $3::integer, content_type = $4, location = $5, "
    "version = $6::bigint, body = $7 WHERE subject = $1 AND key = $2";

static const char SQL_FIND[] =
    "SELECT request_hash = $3::bytea, status, content_type, location, coalesce(version, 0), body "
    "FROM idempotency_keys WHERE subject = $1 AND key = $2 AND status IS NOT NULL";

int mr_idempotency_claim(struct mr_pg *c, const char *subject, const char *key, const char *hash,
                         bool *ours)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_CLAIM, 3, (const char *[]){subject, key, hash}, &res);

    *ours = rc == MR_OK && PQntuples(res) == 1;
    PQclear(res);
    return rc;
}

int mr_idempotency_keep(struct mr_pg *c, const char *subject, const char *key,
                        const struct mr_kept_answer *a)
{
    char status[16], version[24];
    const char *params[] = {subject, key, status, a->type, a->location, version, a->body};

    (void)snprintf(status, sizeof(status), "%d", a->status);
    (void)snprintf(version, sizeof(version), "%lld", (long long)a->version);
    return mr_pg_exec(c, SQL_KEEP, 7, params, NULL);
}

/* A column's text, kept in store; NULL for SQL's. The offset is turned into a pointer when nothing
 * is appended any more. */
static size_t put(struct mr_buf *store, const PGresult *res, int col)
{
    struct mr_span text = mr_pg_span(res, 0, col);
    size_t at = store->len;

    if (text.ptr == NULL)
        return SIZE_MAX;
    mr_buf_add_span(store, text);
    mr_buf_add_char(store, '\0');
    return at;
}

static const char *at(const struct mr_buf *store, size_t offset)
{
    return offset == SIZE_MAX ? NULL : store->ptr + offset;
}

int mr_idempotency_find(struct mr_pg *c, const char *subject, const char *key, const char *hash,
                        struct mr_kept_answer *out, struct mr_buf *store)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_FIND, 3, (const char *[]){subject, key, hash}, &res);

    if (rc == MR_OK && PQntuples(res) == 0)
        rc = MR_E_NOTFOUND;
    else if (rc == MR_OK && !mr_span_is(mr_pg_span(res, 0, 0), "t"))
        rc = MR_E_CONFLICT;
    if (rc == MR_OK) {
        size_t type = put(store, res, 2), location = put(store, res, 3), body = put(store, res, 5);

        rc = mr_buf_err(store);
        if (rc == MR_OK) {
            out->status = (int)mr_pg_i64(res, 0, 1);
            out->version = mr_pg_i64(res, 0, 4);
            out->type = at(store, type);
            out->location = at(store, location);
            out->body = body == SIZE_MAX ? "" : at(store, body);
        }
    }
    PQclear(res);
    return rc;
}
