/* catalogs.c - comparing catalogues, in SQL: both are sets of (table, column number, name, type).
 */
#include "store/catalogs.h"

/* clang-format off */
#define COLUMNS(source) \
    "(SELECT t->>'table' AS tab, (c->>'n')::int AS n, c->>'name' AS name, c->>'type' AS type FROM " source " s, " \
    "jsonb_array_elements(s.j) t, jsonb_array_elements(t->'columns') c)"
#define KEPT  "(SELECT catalog AS j FROM pipeline_evidence WHERE pipeline_id = $1::uuid AND catalog IS NOT NULL)"
#define FRESH "(SELECT $2::jsonb AS j)"

/* A column's number stays when it is renamed and is never given again. */
static const char SQL_COMPARE[] =
    "WITH o AS " COLUMNS(KEPT) ", f AS " COLUMNS(FRESH) ", known AS (SELECT DISTINCT tab FROM o), "
    "there AS (SELECT DISTINCT tab FROM f) "
    "SELECT coalesce(o.tab, f.tab), CASE WHEN f.n IS NULL THEN 'dropped' WHEN o.n IS NULL THEN 'added' "
    "WHEN o.name <> f.name THEN 'renamed' ELSE 'retyped' END, coalesce(o.name, ''), coalesce(f.name, ''), "
    "coalesce(o.type, ''), coalesce(f.type, '') FROM o FULL JOIN f ON o.tab = f.tab AND o.n = f.n "
    "WHERE coalesce(o.tab, f.tab) IN (SELECT tab FROM known) AND coalesce(o.tab, f.tab) IN (SELECT tab FROM there) "
    "AND (o.name, o.type) IS DISTINCT FROM (f.name, f.type) "
    "UNION ALL SELECT tab, 'table dropped', '', '', '', '' FROM known WHERE tab NOT IN (SELECT tab FROM there) "
    "UNION ALL SELECT tab, 'table added', '', '', '', '' FROM there WHERE tab NOT IN (SELECT tab FROM known) "
    "AND EXISTS (SELECT 1 FROM known) ORDER BY 1, 2, 3";

static const char SQL_KEEP[] =
    "INSERT INTO pipeline_evidence AS e (pipeline_id, body, catalog) VALUES ($1::uuid, '{}', $2::jsonb) "
    "ON CONFLICT (pipeline_id) DO UPDATE SET catalog = excluded.catalog, schema_changes = "
    "CASE WHEN $3::jsonb IS NULL THEN e.schema_changes ELSE (SELECT jsonb_agg(x.v ORDER BY x.i) FROM "
    "(SELECT v, i FROM jsonb_array_elements($3::jsonb || e.schema_changes) WITH ORDINALITY AS a (v, i) LIMIT 50) x) END";
/* clang-format on */

int mr_catalogs_compare(struct mr_pg *c, const char *pipeline_id, const char *catalog,
                        PGresult **out)
{
    return mr_pg_exec(c, SQL_COMPARE, 2, (const char *[]){pipeline_id, catalog}, out);
}

int mr_catalogs_keep(struct mr_pg *c, const char *pipeline_id, const char *catalog,
                     const char *changes)
{
    return mr_pg_exec(c, SQL_KEEP, 3, (const char *[]){pipeline_id, catalog, changes}, NULL);
}

int mr_catalogs_forget(struct mr_pg *c, const char *pipeline_id)
{
    return mr_pg_exec(c,
                      "UPDATE pipeline_evidence SET catalog = NULL, schema_changes = '[]' "
                      "WHERE pipeline_id = $1::uuid",
                      1, (const char *[]){pipeline_id}, NULL);
}
