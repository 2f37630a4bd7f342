/* mysql_catalog.c - what is in a MySQL or MariaDB: its databases ("schemas"), and their tables with
 * all that a pipeline wants to know of them, from information_schema. Each table is asked about by
 * itself: with both names given the server opens that one table and no others. */
#include "databases/catalog.h"
#include "databases/mysql_parts.h"
#include "proto/alloc.h"
#include "proto/json.h"

#include <stdio.h>

#define SQL_BYTES 16384

#define OURS(column)                                                                               \
    column " NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys', 'ndbinfo')"

static int explain(MYSQL *m, int rc, char *why, size_t size)
{
    if (rc == MR_E_TIMEOUT)
        (void)snprintf(why, size, "The database took too long to answer.");
    else if (rc == MR_E_UNAVAIL)
        (void)snprintf(why, size, "The database refused a question: %.300s (error %u).",
                       mysql_error(m), mysql_errno(m));
    return rc;
}

static bool is_yes(struct mr_span text)
{
    return mr_span_is(text, "YES");
}

static void add_number(struct mr_buf *b, struct mr_span number)
{
    mr_buf_add_span(b, number.ptr ? number : MR_SPAN("null"));
}

/* ---- schemas -------------------------------------------------------------------------------- */

static void add_schema(const struct mr_span *f, unsigned n, void *ctx)
{
    struct mr_buf *json = ctx;

    (void)n;
    mr_buf_add_str(json, json->ptr[json->len - 1] == '[' ? "{\"name\":" : ",{\"name\":");
    mr_json_add_string(json, f[0]);
    mr_buf_add_str(json, ",\"tables\":");
    add_number(json, f[1]);
    mr_buf_add_str(json, ",\"usable\":true}"); /* those that are not are not shown to the user */
}

int mydb_schemas(MYSQL *m, uint64_t deadline_ms, struct mr_buf *json, char *why, size_t size)
{
    int rc;

    mr_buf_add_char(json, '[');
    rc = mydb_rows(m, deadline_ms,
                   "SELECT s.schema_name, (SELECT count(*) FROM information_schema.tables t "
                   "WHERE t.table_schema = s.schema_name AND t.table_type = 'BASE TABLE') "
                   "FROM information_schema.schemata s WHERE " OURS(
                       "s.schema_name") " ORDER BY CAST(s.schema_name AS BINARY)",
                   add_schema, json);
    mr_buf_add_char(json, ']');
    return rc == MR_OK ? mr_buf_err(json) : explain(m, rc, why, size);
}

/* ---- tables --------------------------------------------------------------------------------- */

struct table {
    char schema[260], name[260];
    struct mr_buf rows, bytes; /* numbers, or "null" */
    bool partitioned;
};

struct tables {
    struct table *list;
    size_t n, cap;
};

static void take_table(const struct mr_span *f, unsigned n, void *ctx)
{
    struct tables *all = ctx;
    struct table *t;

    (void)n;
    if (all->n == all->cap)
        return;
    t = &all->list[all->n++];
    (void)snprintf(t->schema, sizeof(t->schema), MR_SPAN_FMT, MR_SPAN_ARG(f[0]));
    (void)snprintf(t->name, sizeof(t->name), MR_SPAN_FMT, MR_SPAN_ARG(f[1]));
    mr_buf_init(&t->rows, 64);
    mr_buf_init(&t->bytes, 64);
    add_number(&t->rows, f[2]);
    add_number(&t->bytes, f[3]);
    t->partitioned = f[4].ptr != NULL && memmem(f[4].ptr, f[4].len, "partitioned", 11) != NULL;
}

static void find_tables_sql(const struct mr_table_filter *f, struct mr_buf *sql)
{
    mr_buf_add_str(sql, "SELECT t.table_schema, t.table_name, t.table_rows, "
                        "t.data_length + t.index_length, t.create_options "
                        "FROM information_schema.tables t WHERE t.table_type = 'BASE TABLE' "
                        "AND " OURS("t.table_schema"));
    if (f->schema) {
        mr_buf_add_str(sql, " AND t.table_schema = ");
        mydb_text(sql, f->schema);
    }
    if (f->text) {
        mr_buf_add_str(sql, " AND INSTR(LOWER(t.table_name), LOWER(");
        mydb_text(sql, f->text);
        mr_buf_add_str(sql, ")) > 0");
    }
    if (f->after_schema && f->after_name) {
        mr_buf_add_str(sql, " AND (CAST(t.table_schema AS BINARY), CAST(t.table_name AS BINARY)) "
                            "> (CAST(");
        mydb_text(sql, f->after_schema);
        mr_buf_add_str(sql, " AS BINARY), CAST(");
        mydb_text(sql, f->after_name);
        mr_buf_add_str(sql, " AS BINARY))");
    }
    mr_buf_addf(sql,
                " ORDER BY CAST(t.table_schema AS BINARY), CAST(t.table_name AS BINARY) LIMIT %lld",
                (long long)f->limit + 1);
}

/* " WHERE table_schema = .. AND table_name = .." */
static void of_table(struct mr_buf *sql, const struct table *t)
{
    mr_buf_add_str(sql, " WHERE table_schema = ");
    mydb_text(sql, t->schema);
    mr_buf_add_str(sql, " AND table_name = ");
    mydb_text(sql, t->name);
}

static void add_column(const struct mr_span *f, unsigned n, void *ctx)
{
    struct mr_buf *json = ctx;
    bool generated = f[4].len > 0 && (memmem(f[4].ptr, f[4].len, "auto_increment", 14) ||
                                      memmem(f[4].ptr, f[4].len, "GENERATED", 9));

    (void)n;
    mr_buf_add_str(json, json->ptr[json->len - 1] == '[' ? "{\"name\":" : ",{\"name\":");
    mr_json_add_string(json, f[0]);
    mr_buf_add_str(json, ",\"type\":");
    mr_json_add_string(json, f[1]);
    mr_buf_addf(json, ",\"nullable\":%s,\"default\":", is_yes(f[2]) ? "true" : "false");
    mr_json_add_string_or_null(json, mr_span_is(f[3], "NULL") ? MR_SPAN_NONE : f[3]);
    mr_buf_addf(json, ",\"generated\":%s,\"primary_key\":%s}", generated ? "true" : "false",
                mr_span_is(f[5], "PRI") ? "true" : "false");
}

/* Keys come a column a row: the primary key's, and foreign keys by their names. */
struct keys {
    struct mr_buf primary, foreign; /* elements of arrays */
    struct mr_buf from, to, name;   /* of the foreign key that is being gathered */
    char schema[260], table[260];
};

static void end_foreign(struct keys *k)
{
    if (k->name.len == 0)
        return;
    mr_buf_add_str(&k->foreign, k->foreign.len > 0 ? ",{\"name\":" : "{\"name\":");
    mr_json_add_string(&k->foreign, mr_buf_span(&k->name));
    mr_buf_add_str(&k->foreign, ",\"columns\":[");
    mr_buf_add_span(&k->foreign, mr_buf_span(&k->from));
    mr_buf_add_str(&k->foreign, "],\"references\":{\"schema\":");
    mr_json_add_string(&k->foreign, mr_span_str(k->schema));
    mr_buf_add_str(&k->foreign, ",\"table\":");
    mr_json_add_string(&k->foreign, mr_span_str(k->table));
    mr_buf_add_str(&k->foreign, ",\"columns\":[");
    mr_buf_add_span(&k->foreign, mr_buf_span(&k->to));
    mr_buf_add_str(&k->foreign, "]}}");
    mr_buf_clear(&k->name);
    mr_buf_clear(&k->from);
    mr_buf_clear(&k->to);
}

static void add_name(struct mr_buf *list, struct mr_span name)
{
    mr_buf_add_str(list, list->len > 0 ? "," : "");
    mr_json_add_string(list, name);
}

static void take_key(const struct mr_span *f, unsigned n, void *ctx)
{
    struct keys *k = ctx;

    (void)n;
    if (mr_span_is(f[0], "PRIMARY")) {
        add_name(&k->primary, f[1]);
        return;
    }
    if (f[3].ptr == NULL)
        return; /* a unique key */
    if (!mr_span_eq(mr_buf_span(&k->name), f[0])) {
        end_foreign(k);
        mr_buf_add_span(&k->name, f[0]);
        (void)snprintf(k->schema, sizeof(k->schema), MR_SPAN_FMT, MR_SPAN_ARG(f[2]));
        (void)snprintf(k->table, sizeof(k->table), MR_SPAN_FMT, MR_SPAN_ARG(f[3]));
    }
    add_name(&k->from, f[1]);
    add_name(&k->to, f[4]);
}

static int add_keys(MYSQL *m, uint64_t deadline_ms, const struct table *t, struct keys *k)
{
    struct mr_buf sql = MR_BUF_INIT(SQL_BYTES);
    int rc;

    mr_buf_add_str(&sql, "SELECT constraint_name, column_name, referenced_table_schema, "
                         "referenced_table_name, referenced_column_name "
                         "FROM information_schema.key_column_usage");
    of_table(&sql, t);
    mr_buf_add_str(&sql, " ORDER BY constraint_name, ordinal_position");
    rc = mr_buf_err(&sql);
    if (rc == MR_OK)
        rc = mydb_rows(m, deadline_ms, mr_buf_cstr(&sql), take_key, k);
    end_foreign(k);
    mr_buf_free(&sql);
    return rc;
}

static int add_columns(MYSQL *m, uint64_t deadline_ms, const struct table *t, struct mr_buf *json)
{
    struct mr_buf sql = MR_BUF_INIT(SQL_BYTES);
    int rc;

    mr_buf_add_str(&sql, "SELECT column_name, column_type, is_nullable, column_default, extra, "
                         "column_key FROM information_schema.columns");
    of_table(&sql, t);
    mr_buf_add_str(&sql, " ORDER BY ordinal_position");
    rc = mr_buf_err(&sql);
    mr_buf_add_char(json, '[');
    if (rc == MR_OK)
        rc = mydb_rows(m, deadline_ms, mr_buf_cstr(&sql), add_column, json);
    mr_buf_add_char(json, ']');
    mr_buf_free(&sql);
    return rc;
}

/* What is of PostgreSQL alone stands as what it is where there is none of it. */
static int add_table(MYSQL *m, uint64_t deadline_ms, const struct table *t, struct mr_buf *json)
{
    struct keys k = {MR_BUF_INIT(1u << 20),
                     MR_BUF_INIT(1u << 20),
                     MR_BUF_INIT(65536),
                     MR_BUF_INIT(65536),
                     MR_BUF_INIT(1024),
                     "",
                     ""};
    int rc = add_keys(m, deadline_ms, t, &k);

    mr_buf_add_str(json, "{\"schema\":");
    mr_json_add_string(json, mr_span_str(t->schema));
    mr_buf_add_str(json, ",\"name\":");
    mr_json_add_string(json, mr_span_str(t->name));
    mr_buf_addf(json, ",\"type\":\"%s\",\"estimated_rows\":",
                t->partitioned ? "partitioned_table" : "table");
    mr_buf_add_span(json, mr_buf_span(&t->rows));
    mr_buf_add_str(json, ",\"size_bytes\":");
    mr_buf_add_span(json, mr_buf_span(&t->bytes));
    mr_buf_add_str(json, ",\"replica_identity\":null,\"publications\":[],\"readable\":true,"
                         "\"primary_key\":[");
    mr_buf_add_span(json, mr_buf_span(&k.primary));
    mr_buf_add_str(json, "],\"columns\":");
    if (rc == MR_OK)
        rc = add_columns(m, deadline_ms, t, json);
    mr_buf_add_str(json, ",\"foreign_keys\":[");
    mr_buf_add_span(json, mr_buf_span(&k.foreign));
    mr_buf_add_str(json, "]}");
    mr_buf_free(&k.primary);
    mr_buf_free(&k.foreign);
    mr_buf_free(&k.from);
    mr_buf_free(&k.to);
    mr_buf_free(&k.name);
    return rc;
}

int mydb_tables(MYSQL *m, uint64_t deadline_ms, const struct mr_table_filter *f,
                struct mr_buf *json, struct mr_table_page *page, char *why, size_t size)
{
    struct mr_buf sql = MR_BUF_INIT(SQL_BYTES);
    struct tables all = {.cap = (size_t)f->limit + 1};
    size_t shown;
    int rc;

    all.list = mr_zalloc(all.cap, sizeof(*all.list));
    if (!all.list)
        return MR_E_NOMEM;
    find_tables_sql(f, &sql);
    rc = mr_buf_err(&sql);
    if (rc == MR_OK)
        rc = mydb_rows(m, deadline_ms, mr_buf_cstr(&sql), take_table, &all);
    page->more = all.n > (size_t)f->limit;
    shown = all.n - page->more;
    mr_buf_add_char(json, '[');
    for (size_t i = 0; i < shown && rc == MR_OK; i++) {
        mr_buf_add_str(json, i > 0 ? "," : "");
        rc = add_table(m, deadline_ms, &all.list[i], json);
    }
    mr_buf_add_char(json, ']');
    if (page->more) {
        (void)snprintf(page->last_schema, sizeof(page->last_schema), "%s",
                       all.list[shown - 1].schema);
        (void)snprintf(page->last_name, sizeof(page->last_name), "%s", all.list[shown - 1].name);
    }
    for (size_t i = 0; i < all.n; i++) {
        mr_buf_free(&all.list[i].rows);
        mr_buf_free(&all.list[i].bytes);
    }
    mr_free(all.list);
    mr_buf_free(&sql);
    return rc == MR_OK ? mr_buf_err(json) : explain(m, rc, why, size);
}
