/* postgres_catalog.c - what is in a PostgreSQL: its schemas, and its tables with all that a
 * pipeline wants to know of them. The server itself writes the JSON. */
#include "databases/catalog.h"
#include "databases/postgres.h"
#include "store/rows.h"
#include <stdio.h>
#include <stdlib.h>

/* clang-format off */
#define SHOWN_SCHEMA "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"

static const char SQL_SCHEMAS[] =
    "SELECT coalesce(json_agg(json_build_object('name', n.nspname, 'tables', (SELECT count(*) "
    "FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p')), 'usable', "
    "has_schema_privilege(n.oid, 'USAGE')) ORDER BY n.nspname), '[]') FROM pg_namespace n WHERE "
    SHOWN_SCHEMA;

#define COLUMNS                                                                                    \
    "(SELECT coalesce(json_agg(json_build_object('name', a.attname, "                              \
    "'type', format_type(a.atttypid, a.atttypmod), 'nullable', NOT a.attnotnull, "                 \
    "'default', pg_get_expr(d.adbin, d.adrelid), 'generated', a.attgenerated <> '' "               \
    "OR a.attidentity <> '', 'primary_key', coalesce(a.attnum = ANY (pk.conkey), false)) "         \
    "ORDER BY a.attnum), '[]') FROM pg_attribute a LEFT JOIN pg_attrdef d "                        \
    "ON d.adrelid = a.attrelid AND d.adnum = a.attnum "                                            \
    "WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)"

#define NAMES(rel, keys)                                                                           \
    "(SELECT coalesce(json_agg(a.attname ORDER BY k.at), '[]') FROM unnest(" keys                  \
    ") WITH ORDINALITY k(num, at) JOIN pg_attribute a ON a.attrelid = " rel                        \
    " AND a.attnum = k.num)"

#define FOREIGN_KEYS                                                                               \
    "(SELECT coalesce(json_agg(json_build_object('name', f.conname, 'columns', "                   \
    NAMES("f.conrelid", "f.conkey") ", 'references', json_build_object('schema', fn.nspname, "     \
    "'table', fc.relname, 'columns', " NAMES("f.confrelid", "f.confkey") ")) ORDER BY f.conname), " \
    "'[]') FROM pg_constraint f JOIN pg_class fc ON fc.oid = f.confrelid "                         \
    "JOIN pg_namespace fn ON fn.oid = fc.relnamespace WHERE f.conrelid = c.oid "                   \
    "AND f.contype = 'f')"

static const char SQL_TABLES[] =
    "SELECT json_build_object('schema', n.nspname, 'name', c.relname, 'type', "
    "CASE c.relkind WHEN 'p' THEN 'partitioned_table' ELSE 'table' END, "
    "'estimated_rows', CASE WHEN c.reltuples >= 0 THEN c.reltuples::bigint END, "
    "'size_bytes', pg_total_relation_size(c.oid), "
    "'replica_identity', CASE c.relreplident WHEN 'd' THEN 'default' WHEN 'n' THEN 'nothing' "
    "WHEN 'f' THEN 'full' ELSE 'index' END, "
    "'publications', (SELECT coalesce(json_agg(p.pubname ORDER BY p.pubname), '[]') "
    "FROM pg_publication_tables p WHERE p.schemaname = n.nspname AND p.tablename = c.relname), "
    "'readable', has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'), "
    "'primary_key', " NAMES("c.oid", "pk.conkey") ", 'columns', " COLUMNS
    ", 'foreign_keys', " FOREIGN_KEYS "), n.nspname, c.relname "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "LEFT JOIN pg_constraint pk ON pk.conrelid = c.oid AND pk.contype = 'p' "
    "WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND " SHOWN_SCHEMA " "
    "AND ($1::text IS NULL OR n.nspname = $1) "
    "AND ($2::text IS NULL OR position(lower($2) in lower(c.relname)) > 0) "
    "AND ($3::text IS NULL OR (n.nspname::text, c.relname::text) > ($3, $4)) "
    "ORDER BY n.nspname::text, c.relname::text LIMIT $5::bigint";
/* clang-format on */

int pgdb_schemas(PGconn *conn, uint64_t deadline_ms, struct mr_buf *json, char *why, size_t size)
{
    PGresult *r = pgdb_query(conn, deadline_ms, SQL_SCHEMAS, 0, NULL, why, size);
    int rc = r ? MR_OK : MR_E_UNAVAIL;

    if (r) {
        mr_buf_add(json, PQgetvalue(r, 0, 0), (size_t)PQgetlength(r, 0, 0));
        rc = mr_buf_err(json);
    }
    PQclear(r);
    return rc;
}

int pgdb_tables(PGconn *conn, uint64_t deadline_ms, const struct mr_table_filter *f,
                struct mr_buf *json, struct mr_table_page *page, char *why, size_t size)
{
    char limit[24];
    const char *params[] = {f->schema, f->text, f->after_schema, f->after_name, limit};
    PGresult *r;
    int n;

    (void)snprintf(limit, sizeof(limit), "%lld", (long long)f->limit + 1); /* is there a next? */
    r = pgdb_query(conn, deadline_ms, SQL_TABLES, 5, params, why, size);
    if (!r)
        return MR_E_UNAVAIL;
    n = mr_rows_array(r, f->limit, json, &page->more);
    if (page->more) {
        (void)snprintf(page->last_schema, sizeof(page->last_schema), "%s", PQgetvalue(r, n - 1, 1));
        (void)snprintf(page->last_name, sizeof(page->last_name), "%s", PQgetvalue(r, n - 1, 2));
    }
    PQclear(r);
    return mr_buf_err(json);
}
