/* minutes.c - what a piece adds to the minute that it is logged in: by pipeline, with a histogram
 * of latencies, and by table. In the transaction of the rows, and under the log's head, so that
 * what the minutes add up to is what can be counted. */
#include "proto/alloc.h"
#include "store.h"

/* A source that makes a table for each row must not make a statement without end: what is beyond
 * these is counted as a table without a name. */
#define TABLES_MAX 256

/* Names are cut: an index holds no more than a third of a page. */
static const char SQL_MINUTES[] =
    "WITH p AS (INSERT INTO pipeline_minutes AS k (pipeline_id, minute, insert_count, "
    "update_count, delete_count, other_count, latency_count, latency_sum_ms, latencies) "
    "SELECT id, date_trunc('minute', $3::timestamptz), i, u, d, o, lc, ls, h "
    "FROM jsonb_to_recordset($1::jsonb) AS r (id uuid, i bigint, u bigint, d bigint, o bigint, "
    "lc bigint, ls bigint, h bigint[]) ORDER BY id "
    "ON CONFLICT (pipeline_id, minute) DO UPDATE SET "
    "insert_count = k.insert_count + excluded.insert_count, "
    "update_count = k.update_count + excluded.update_count, "
    "delete_count = k.delete_count + excluded.delete_count, "
    "other_count = k.other_count + excluded.other_count, "
    "latency_count = k.latency_count + excluded.latency_count, "
    "latency_sum_ms = k.latency_sum_ms + excluded.latency_sum_ms, "
    "latencies = millrace_add(k.latencies, excluded.latencies)) "
    "INSERT INTO table_minutes AS k (pipeline_id, minute, schema_name, table_name, insert_count, "
    "update_count, delete_count, other_count) "
    "SELECT id, date_trunc('minute', $3::timestamptz), left(s, 200), left(t, 200), sum(i), sum(u), "
    "sum(d), sum(o) FROM jsonb_to_recordset($2::jsonb) AS r (id uuid, s text, t text, i bigint, "
    "u bigint, d bigint, o bigint) GROUP BY 1, 2, 3, 4 ORDER BY 1, 3, 4 "
    "ON CONFLICT (pipeline_id, minute, schema_name, table_name) DO UPDATE SET "
    "insert_count = k.insert_count + excluded.insert_count, "
    "update_count = k.update_count + excluded.update_count, "
    "delete_count = k.delete_count + excluded.delete_count, "
    "other_count = k.other_count + excluded.other_count";

static bool is_table(const struct el_table *t, uint32_t tally, const struct mr_change *c)
{
    return t->tally == tally && mr_span_eq(t->table, c->table) && mr_span_eq(t->schema, c->schema);
}

/* Its place in w->tables. A topic is nearly always one table, and so a part's last answer fits. */
static struct el_table *table_of(struct el_work *w, uint32_t part, const struct mr_change *c)
{
    uint32_t tally = w->tally_of_part[part], at = w->table_of_part[part];

    if (at < w->tables_n && is_table(&w->tables[at], tally, c))
        return &w->tables[at];
    for (at = 0; at < w->tables_n; at++)
        if (is_table(&w->tables[at], tally, c))
            break;
    if (at == TABLES_MAX)
        return NULL;
    if (at == w->tables_n)
        w->tables[w->tables_n++] =
            (struct el_table){.tally = tally, .schema = c->schema, .table = c->table};
    w->table_of_part[part] = at;
    return &w->tables[at];
}

int el_minutes_begin(struct el_work *w)
{
    w->tables_n = 0;
    if (w->tables == NULL)
        w->tables = mr_zalloc(TABLES_MAX, sizeof(*w->tables));
    return w->tables ? MR_OK : MR_E_NOMEM;
}

void el_minutes_count(struct el_work *w, uint32_t part, const struct mr_change *c)
{
    struct el_tally *tally = &w->tallies[w->tally_of_part[part]];
    int64_t latency = el_event_latency_ms(c, w->logged_us);
    struct el_table *t = table_of(w, part, c);

    if (latency >= 0)
        tally->latencies[mr_histogram_bucket((uint64_t)latency)]++;
    if (t != NULL)
        t->counts[c->kind > MR_CHANGE_DELETE ? EL_OTHER : (int)c->kind]++;
}

static void add_histogram(struct mr_buf *b, const struct el_tally *t)
{
    size_t n = MR_HISTOGRAM_BUCKETS;

    while (n > 0 && t->latencies[n - 1] == 0)
        n--;
    mr_buf_add_str(b, ",\"h\":[");
    for (size_t i = 0; i < n; i++)
        mr_buf_addf(b, i > 0 ? ",%u" : "%u", t->latencies[i]);
    mr_buf_add_str(b, "]}");
}

static void pipelines_json(struct el_work *w, struct mr_buf *b)
{
    char id[MR_UUID_TEXT];
    bool first = true;

    mr_buf_add_char(b, '[');
    for (size_t i = 0; i < w->tallies_n; i++) {
        const struct el_tally *t = &w->tallies[i];

        if (t->events == 0)
            continue;
        mr_uuid_format(t->pipeline, id);
        mr_buf_addf(b,
                    "%s{\"id\":\"%s\",\"i\":%lld,\"u\":%lld,\"d\":%lld,\"o\":%lld,\"lc\":%lld,"
                    "\"ls\":%lld",
                    first ? "" : ",", id, (long long)t->insert, (long long)t->update,
                    (long long)t->delete_, (long long)t->other, (long long)t->latency_count,
                    (long long)t->latency_sum_ms);
        add_histogram(b, t);
        first = false;
    }
    mr_buf_add_char(b, ']');
}

static void add_table(struct mr_buf *b, const struct el_tally *tally, const struct el_table *t)
{
    char id[MR_UUID_TEXT];

    mr_uuid_format(tally->pipeline, id);
    mr_buf_addf(b, "%s{\"id\":\"%s\",\"s\":\"", b->len > 1 ? "," : "", id);
    mr_buf_add_span(b, t->schema); /* escaped as in the source's JSON */
    mr_buf_add_str(b, "\",\"t\":\"");
    mr_buf_add_span(b, t->table);
    mr_buf_addf(b, "\",\"i\":%lld,\"u\":%lld,\"d\":%lld,\"o\":%lld}",
                (long long)t->counts[MR_CHANGE_INSERT], (long long)t->counts[MR_CHANGE_UPDATE],
                (long long)t->counts[MR_CHANGE_DELETE], (long long)t->counts[EL_OTHER]);
}

/* What no table was found for: all of the pipeline's events less those of its tables. */
static void add_rest(struct el_work *w, uint32_t tally, struct mr_buf *b)
{
    const struct el_tally *t = &w->tallies[tally];
    struct el_table rest = {.counts = {t->insert, t->update, t->delete_, t->other}};

    for (size_t i = 0; i < w->tables_n; i++)
        for (int k = 0; w->tables[i].tally == tally && k <= EL_OTHER; k++)
            rest.counts[k] -= w->tables[i].counts[k];
    if (rest.counts[0] + rest.counts[1] + rest.counts[2] + rest.counts[EL_OTHER] > 0)
        add_table(b, t, &rest);
}

static void tables_json(struct el_work *w, struct mr_buf *b)
{
    mr_buf_add_char(b, '[');
    for (size_t i = 0; i < w->tables_n; i++)
        add_table(b, &w->tallies[w->tables[i].tally], &w->tables[i]);
    for (uint32_t i = 0; i < w->tallies_n && w->tables_n == TABLES_MAX; i++)
        add_rest(w, i, b);
    mr_buf_add_char(b, ']');
}

int el_minutes_store(struct el_work *w)
{
    struct mr_buf tables = MR_BUF_INIT(EL_JSON_MAX);
    const char *params[3];
    int rc;

    mr_buf_clear(&w->json);
    pipelines_json(w, &w->json);
    tables_json(w, &tables);
    rc = mr_buf_err(&w->json) != MR_OK ? mr_buf_err(&w->json) : mr_buf_err(&tables);
    params[0] = mr_buf_cstr(&w->json);
    params[1] = mr_buf_cstr(&tables);
    params[2] = w->logged_text;
    if (rc == MR_OK)
        rc = mr_pg_exec(w->db, SQL_MINUTES, 3, params, NULL);
    mr_buf_free(&tables);
    return rc;
}
