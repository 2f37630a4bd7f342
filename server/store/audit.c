/* audit.c - entries in and out, and what is never written into them. */
#include "store/audit.h"
#include "proto/json.h"
#include "store/rows.h"
#include <stdio.h>
#include <strings.h>

#define MASKED_BYTES_MAX (4u << 20)

/* ---- masking ------------------------------------------------------------------------------ */

static bool is_secret(struct mr_span key)
{
    static const char *const words[] = {"password", "passwd", "secret",      "token",
                                        "api_key",  "apikey", "private_key", "jaas"};

    if (key.len > 0 && memchr(key.ptr, '\\', key.len))
        return true; /* spelt with escapes: nobody does that for a name that may be read */
    for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++) {
        size_t n = strlen(words[w]);

        for (size_t i = 0; i + n <= key.len; i++)
            if (strncasecmp(key.ptr + i, words[w], n) == 0)
                return true;
    }
    return false;
}

/* has_password and the like say yes or no, and null says nothing. */
static bool says_nothing(struct mr_span value)
{
    enum mr_json_type type = mr_json_type(value);

    return type == MR_JSON_TRUE || type == MR_JSON_FALSE || type == MR_JSON_NULL;
}

static void mask(struct mr_buf *out, struct mr_span json, unsigned depth)
{
    enum mr_json_type type = mr_json_type(json);
    struct mr_json_iter it;
    bool first = true;
    int rc;

    if ((type != MR_JSON_OBJECT && type != MR_JSON_ARRAY) || depth == 0) {
        mr_buf_add_span(out, json);
        return;
    }
    mr_buf_add_char(out, type == MR_JSON_OBJECT ? '{' : '[');
    for (rc = mr_json_begin(&it, json); rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK;) {
        if (!first)
            mr_buf_add_char(out, ',');
        first = false;
        if (type == MR_JSON_OBJECT) {
            mr_buf_add_char(out, '"');
            mr_buf_add_span(out, it.key);
            mr_buf_add_str(out, "\":");
        }
        if (type == MR_JSON_OBJECT && is_secret(it.key) && !says_nothing(it.value))
            mr_buf_add_str(out, "\"***\"");
        else
            mask(out, it.value, depth - 1);
    }
    mr_buf_add_char(out, type == MR_JSON_OBJECT ? '}' : ']');
}

void mr_audit_mask(struct mr_buf *out, struct mr_span json)
{
    mask(out, json, MR_JSON_DEPTH_MAX);
}

/* ---- in ----------------------------------------------------------------------------------- */

/* NULL stays NULL. */
static const char *masked(const char *json, struct mr_buf *store)
{
    if (json == NULL)
        return NULL;
    mr_audit_mask(store, mr_span_str(json));
    return mr_buf_cstr(store);
}

int mr_audit_add(struct mr_pg *c, const struct mr_audit_entry *e)
{
    struct mr_buf before = MR_BUF_INIT(MASKED_BYTES_MAX), after = MR_BUF_INIT(MASKED_BYTES_MAX);
    const char *params[] = {
        e->actor_id,
        e->actor,
        e->addr,
        e->request_id,
        e->action,
        e->resource_type,
        e->resource_id,
        masked(e->before, &before),
        masked(e->after, &after),
    };
    int rc = mr_buf_err(&before) == MR_OK ? mr_buf_err(&after) : mr_buf_err(&before);

    if (rc == MR_OK)
        rc =
            mr_pg_exec(c, "SELECT millrace_audit($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9::jsonb)",
                       9, params, NULL);
    mr_buf_free(&before);
    mr_buf_free(&after);
    return rc;
}

/* ---- out ---------------------------------------------------------------------------------- */

/* clang-format off */
#define TIME MR_SQL_TIME("l.at")
#define FROM_WHERE \
    " FROM audit_log l WHERE ($1::text IS NULL OR lower(l.actor) = lower($1)) " \
    "AND ($2::text IS NULL OR l.action = $2) AND ($3::text IS NULL OR l.resource_type = $3) " \
    "AND ($4::text IS NULL OR l.resource_id = $4) " \
    "AND ($5::timestamptz IS NULL OR l.at >= $5::timestamptz) " \
    "AND ($6::timestamptz IS NULL OR l.at < $6::timestamptz) " \
    "AND ($7::bigint IS NULL OR l.id < $7::bigint) ORDER BY l.id DESC LIMIT $8::bigint"
#define CELL(col) MR_SQL_CELL(col)

static const char SQL_JSON[] =
    "SELECT l.id, json_build_object('id', l.id, 'at', " TIME ", 'actor_id', l.actor_id, "
    "'actor', l.actor, 'addr', l.addr, 'request_id', l.request_id, 'action', l.action, "
    "'resource_type', l.resource_type, 'resource_id', l.resource_id, 'before', l.before, "
    "'after', l.after, 'hash', encode(l.hash, 'hex'))" FROM_WHERE;

static const char SQL_CSV[] =
    "SELECT l.id, l.id || ',' || " TIME " || ',' || " CELL("l.actor") " || ',' || "
    CELL("l.addr") " || ',' || " CELL("l.request_id") " || ',' || " CELL("l.action") " || ',' || "
    CELL("l.resource_type") " || ',' || " CELL("l.resource_id") " || ',' || "
    CELL("l.before::text") " || ',' || " CELL("l.after::text") " || ',' || encode(l.hash, 'hex')"
    FROM_WHERE;
/* clang-format on */

int mr_audit_list(struct mr_pg *c, const struct mr_audit_filter *f, enum mr_audit_form form,
                  struct mr_buf *out, char last[24])
{
    char limit[24];
    const char *params[] = {f->actor, f->action, f->resource_type, f->resource_id,
                            f->from,  f->to,     f->before_id,     limit};
    PGresult *res = NULL;
    int rc, n;

    last[0] = '\0';
    (void)snprintf(limit, sizeof(limit), "%lld", (long long)f->limit + 1);
    rc = mr_pg_exec(c, form == MR_AUDIT_CSV ? SQL_CSV : SQL_JSON, 8, params, &res);
    if (rc != MR_OK)
        return rc;
    n = PQntuples(res);
    if (n > f->limit) {
        n = (int)f->limit;
        (void)snprintf(last, 24, "%s", PQgetvalue(res, n - 1, 0));
    }
    if (form == MR_AUDIT_CSV)
        mr_buf_add_str(out, "id,at,actor,addr,request_id,action,resource_type,resource_id,before,"
                            "after,hash\r\n");
    if (form == MR_AUDIT_JSON)
        mr_buf_add_char(out, '[');
    for (int i = 0; i < n; i++) {
        if (form == MR_AUDIT_JSON && i > 0)
            mr_buf_add_char(out, ',');
        mr_buf_add_span(out, mr_pg_span(res, i, 1));
        if (form != MR_AUDIT_JSON)
            mr_buf_add_str(out, form == MR_AUDIT_CSV ? "\r\n" : "\n");
    }
    if (form == MR_AUDIT_JSON)
        mr_buf_add_char(out, ']');
    PQclear(res);
    return mr_buf_err(out);
}

int mr_audit_verify(struct mr_pg *c, int64_t *entries, int64_t *broken)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(
        c, "SELECT (SELECT count(*) FROM audit_log), coalesce(millrace_audit_broken(), 0)", 0, NULL,
        &res);

    if (rc == MR_OK) {
        *entries = mr_pg_i64(res, 0, 0);
        *broken = mr_pg_i64(res, 0, 1);
    }
    PQclear(res);
    return rc;
}
