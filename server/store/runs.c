/* runs.c - reading the event log in order.
 *
 * One statement, so that the rows, the head and the oldest seq are of one snapshot. The page is cut
 * by bytes inside PostgreSQL: a page of huge events must not be loaded before it is measured.
 */
#include "store/runs.h"
#include "base/clock.h"
#include "proto/alloc.h"

#include <stdio.h>

/* $1 pipeline (unused by the second form), $2 after, $3 rows, $4 bytes. A row that another tool
 * wrote has no encoded event: it is given in the same shape, made of its columns. */
#define SQL_PAGE(which)                                                                            \
    "SELECT h.last_seq, COALESCE((SELECT min(seq) FROM pipeline_runs WHERE run_type = 'CDC'), 0)," \
    " p.seq, p.pipeline_seq, p.pipeline_id, p.op_kind, p.schema_name, p.table_name, p.event, "     \
    "p.found"                                                                                      \
    " FROM event_log_head h LEFT JOIN LATERAL ("                                                   \
    "  SELECT m.*, count(*) OVER () AS found,"                                                     \
    "   sum(octet_length(m.event)) OVER (ORDER BY m.seq) AS bytes FROM ("                          \
    "   SELECT seq, COALESCE(pipeline_seq, 0) AS pipeline_seq, pipeline_id, op_kind, schema_name," \
    "    table_name, COALESCE(event, (run_metadata || jsonb_build_object('id', id,"                \
    "     'pipeline_id', pipeline_id, 'run_type', run_type, 'status', status, 'seq', seq,"         \
    "     'pipeline_seq', pipeline_seq, 'started_at', started_at,"                                 \
    "     'completed_at', completed_at))::text) AS event"                                          \
    "   FROM pipeline_runs WHERE run_type = 'CDC' AND deleted_at IS NULL AND " which               \
    "    seq > $2::bigint AND seq <= h.last_seq ORDER BY seq LIMIT $3::bigint) m"                  \
    " ) p ON p.bytes - octet_length(p.event) < $4::bigint ORDER BY p.seq"
#define SQL_PAGE_PIPELINE SQL_PAGE("pipeline_id = $1::uuid AND")
#define SQL_PAGE_ALL      SQL_PAGE("$1::uuid IS NULL AND")
#define SQL_HEAD          "SELECT last_seq FROM event_log_head"

enum {
    C_HEAD,
    C_OLDEST,
    C_SEQ,
    C_PIPELINE_SEQ,
    C_PIPELINE,
    C_KIND,
    C_SCHEMA,
    C_TABLE,
    C_EVENT,
    C_FOUND
};

struct mr_run_batch *mr_run_batch_ref(struct mr_run_batch *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void mr_run_batch_unref(struct mr_run_batch *b)
{
    if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
        return;
    mr_free(b->events);
    mr_free(b->bytes);
    mr_free(b);
}

static enum mr_change_kind kind_of(struct mr_span name)
{
    for (int k = 0; k <= MR_CHANGE_OTHER; k++)
        if (mr_span_is(name, mr_cdc_kind_name((enum mr_change_kind)k)))
            return (enum mr_change_kind)k;
    return MR_CHANGE_OTHER;
}

static struct mr_span keep(char **at, struct mr_span s)
{
    struct mr_span kept = {*at, s.len};

    if (s.len)
        memcpy(*at, s.ptr, s.len);
    *at += s.len;
    return kept;
}

static int fill(struct mr_run_batch *b, const PGresult *res, size_t n)
{
    size_t bytes = 1;
    char *at;

    for (size_t i = 0; i < n; i++)
        bytes += (size_t)PQgetlength(res, (int)i, C_SCHEMA) +
                 (size_t)PQgetlength(res, (int)i, C_TABLE) +
                 (size_t)PQgetlength(res, (int)i, C_EVENT);
    b->events = mr_zalloc(n ? n : 1, sizeof(*b->events));
    b->bytes = at = mr_alloc(bytes);
    if (!b->events || !at)
        return MR_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        struct mr_run_event *e = &b->events[i];

        e->seq = mr_pg_i64(res, (int)i, C_SEQ);
        e->pipeline_seq = mr_pg_i64(res, (int)i, C_PIPELINE_SEQ);
        if (!mr_uuid_parse(mr_pg_span(res, (int)i, C_PIPELINE), &e->pipeline_id))
            return MR_E_DB;
        e->kind = kind_of(mr_pg_span(res, (int)i, C_KIND));
        e->schema = keep(&at, mr_pg_span(res, (int)i, C_SCHEMA));
        e->table = keep(&at, mr_pg_span(res, (int)i, C_TABLE));
        e->json = keep(&at, mr_pg_span(res, (int)i, C_EVENT));
    }
    b->n = n;
    return MR_OK;
}

int mr_runs_after(struct mr_pg *c, const struct mr_uuid *pipeline, int64_t after_seq, size_t limit,
                  size_t bytes_max, struct mr_run_batch **out, int64_t *oldest_seq)
{
    char id[MR_UUID_TEXT], after[24], rows[24], bytes[24];
    const char *params[] = {NULL, after, rows, bytes};
    struct mr_run_batch *b = NULL;
    PGresult *res = NULL;
    size_t n;
    int rc;

    if (pipeline) {
        mr_uuid_format(*pipeline, id);
        params[0] = id;
    }
    (void)snprintf(after, sizeof(after), "%lld", (long long)after_seq);
    (void)snprintf(rows, sizeof(rows), "%zu", limit);
    (void)snprintf(bytes, sizeof(bytes), "%zu", bytes_max);
    rc = mr_pg_exec(c, pipeline ? SQL_PAGE_PIPELINE : SQL_PAGE_ALL, 4, params, &res);
    if (rc != MR_OK)
        return rc;
    rc = MR_E_NOMEM;
    b = mr_zalloc(1, sizeof(*b));
    if (!b)
        goto out;
    atomic_init(&b->refs, 1);
    /* The join gives one row of NULLs when the page is empty. */
    n = PQntuples(res) && !PQgetisnull(res, 0, C_SEQ) ? (size_t)PQntuples(res) : 0;
    rc = fill(b, res, n);
    if (rc != MR_OK)
        goto out;
    b->first_seq = after_seq + 1;
    if (n < limit && (n == 0 || n == (size_t)mr_pg_i64(res, 0, C_FOUND)))
        b->last_seq = mr_pg_i64(res, 0, C_HEAD);
    else
        b->last_seq = b->events[n - 1].seq;
    *oldest_seq = mr_pg_i64(res, 0, C_OLDEST);
    *out = b;
    b = NULL;
out:
    mr_run_batch_unref(b);
    PQclear(res);
    return rc;
}

int mr_runs_head(struct mr_pg *c, int64_t *seq)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_HEAD, 0, NULL, &res);

    if (rc == MR_OK && PQntuples(res) != 1)
        rc = MR_E_DB;
    if (rc == MR_OK)
        *seq = mr_pg_i64(res, 0, 0);
    PQclear(res);
    return rc;
}

/* ---- where to begin ----------------------------------------------------------------------- */

/* The first row from a seq on, and whether it was logged before the time. No index has the time:
 * seq and time rise together, so a search by halves asks for some 30 rows. */
static const char SQL_ENDS[] =
    "SELECT h.last_seq, COALESCE((SELECT min(seq) FROM pipeline_runs WHERE run_type = 'CDC'), 0) "
    "FROM event_log_head h";
static const char SQL_PROBE[] =
    "SELECT seq, started_at < $2::timestamptz FROM pipeline_runs WHERE run_type = 'CDC' "
    "AND seq >= $1::bigint ORDER BY seq LIMIT 1";

/* *seq: of the row found, 0: there is none. */
static int probe(struct mr_pg *c, int64_t from, const char *time, int64_t *seq, bool *before)
{
    char text[24];
    PGresult *res = NULL;
    int rc;

    (void)snprintf(text, sizeof(text), "%lld", (long long)from);
    rc = mr_pg_exec(c, SQL_PROBE, 2, (const char *[]){text, time}, &res);
    *seq = 0;
    if (rc == MR_OK && PQntuples(res) == 1) {
        *seq = mr_pg_i64(res, 0, 0);
        *before = mr_span_is(mr_pg_span(res, 0, 1), "t");
    }
    PQclear(res);
    return rc;
}

int mr_runs_since(struct mr_pg *c, int64_t unix_us, int64_t *after_seq)
{
    char time[MR_TIME_TEXT];
    PGresult *res = NULL;
    int64_t low, high, oldest;
    int rc = mr_pg_exec(c, SQL_ENDS, 0, NULL, &res);

    if (rc == MR_OK && PQntuples(res) != 1)
        rc = MR_E_DB;
    if (rc != MR_OK) {
        PQclear(res);
        return rc;
    }
    mr_time_format(unix_us, time);
    high = mr_pg_i64(res, 0, 0) + 1;
    oldest = mr_pg_i64(res, 0, 1);
    low = oldest > 0 ? oldest - 1 : high - 1; /* up to low: before it; from high on: not */
    PQclear(res);
    while (rc == MR_OK && high - low > 1) {
        int64_t middle = low + (high - low) / 2, seq;
        bool before = false;

        rc = probe(c, middle, time, &seq, &before);
        if (seq > 0 && before)
            low = seq;
        else
            high = middle;
    }
    *after_seq = oldest > 0 && low < oldest ? 0 : low;
    return rc;
}

static const char SQL_LAST[] =
    "SELECT seq FROM pipeline_runs WHERE pipeline_id = $1::uuid AND run_type = 'CDC' "
    "AND deleted_at IS NULL AND ($3::text[] IS NULL OR op_kind = ANY ($3)) "
    "AND ($4::text[] IS NULL OR table_name = ANY ($4) OR schema_name || '.' || table_name = ANY "
    "($4)) ORDER BY seq DESC OFFSET $2::bigint LIMIT 1";

static void add_name(struct mr_buf *array, const char *name)
{
    mr_buf_add_char(array, array->len ? ',' : '{');
    mr_buf_add_char(array, '"');
    for (; *name; name++) {
        if (*name == '"' || *name == '\\')
            mr_buf_add_char(array, '\\');
        mr_buf_add_char(array, *name);
    }
    mr_buf_add_char(array, '"');
}

int mr_runs_last(struct mr_pg *c, const struct mr_uuid *pipeline, int64_t n, unsigned kinds,
                 const char *const *tables, size_t n_tables, int64_t *after_seq)
{
    struct mr_buf of_kinds = MR_BUF_INIT(1024), of_tables = MR_BUF_INIT(1u << 20);
    char id[MR_UUID_TEXT], skip[24];
    const char *params[] = {id, skip, NULL, NULL};
    PGresult *res = NULL;
    int rc;

    mr_uuid_format(*pipeline, id);
    (void)snprintf(skip, sizeof(skip), "%lld", (long long)n);
    for (int k = 0; k <= MR_CHANGE_OTHER; k++)
        if (kinds >> k & 1)
            add_name(&of_kinds, mr_cdc_kind_name((enum mr_change_kind)k));
    for (size_t i = 0; i < n_tables; i++)
        add_name(&of_tables, tables[i]);
    mr_buf_add_char(&of_kinds, '}');
    mr_buf_add_char(&of_tables, '}');
    rc = mr_buf_err(&of_kinds) != MR_OK ? mr_buf_err(&of_kinds) : mr_buf_err(&of_tables);
    params[2] = kinds ? mr_buf_cstr(&of_kinds) : NULL;
    params[3] = n_tables ? mr_buf_cstr(&of_tables) : NULL;
    if (rc == MR_OK)
        rc = mr_pg_exec(c, SQL_LAST, 4, params, &res);
    if (rc == MR_OK)
        *after_seq = PQntuples(res) ? mr_pg_i64(res, 0, 0) : 0;
    PQclear(res);
    mr_buf_free(&of_kinds);
    mr_buf_free(&of_tables);
    return rc;
}
