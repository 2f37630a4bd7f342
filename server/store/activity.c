/* activity.c - what happened lately. */
#include "store/activity.h"
#include "store/rows.h"
#include <stdio.h>

#define STRING(x)  #x
#define LITERAL(x) STRING(x)

/* clang-format off */
#define ROW \
    "json_build_object('id', id, 'kind', kind, 'outcome', outcome, 'message', message, 'pipeline_id', pipeline_id, " \
    "'details', details, 'created_at', " MR_SQL_TIME("created_at") ")"
static const char SQL_ADD[] =
    "INSERT INTO activity (kind, outcome, message, details, ref) VALUES ($1, $2, $3, $4::jsonb, $5) ON CONFLICT (ref) DO NOTHING";
static const char SQL_RECENT[] =
    "SELECT coalesce(json_agg(o), '[]') FROM (SELECT " ROW " AS o FROM activity "
    "WHERE pipeline_id IS NULL OR NOT pipeline_id = ANY ($2::uuid[]) ORDER BY id DESC LIMIT $1::bigint) x";
static const char SQL_AFTER[] =
    "SELECT coalesce(json_agg(o), '[]'), coalesce(max(id), $1::bigint) FROM (SELECT id, " ROW " AS o FROM activity "
    "WHERE id > $1::bigint ORDER BY id LIMIT 200) x";
static const char SQL_LAST[] = "SELECT '[]', coalesce(max(id), 0) FROM activity";
static const char SQL_TRIM[] = "DELETE FROM activity WHERE id <= (SELECT max(id) FROM activity) - " LITERAL(MR_ACTIVITY_KEPT);
/* clang-format on */

int mr_activity_add(struct mr_pg *c, const struct mr_activity_entry *e)
{
    return mr_pg_exec(c, SQL_ADD, 5,
                      (const char *[]){e->kind, e->outcome, e->message, e->details, e->ref}, NULL);
}

int mr_activity_recent(struct mr_pg *c, int64_t limit, const char *hidden, struct mr_buf *json)
{
    PGresult *res = NULL;
    char text[24];
    int rc;

    (void)snprintf(text, sizeof(text), "%lld", (long long)limit);
    rc = mr_pg_exec(c, SQL_RECENT, 2, (const char *[]){text, hidden}, &res);
    return mr_rows_object(rc, res, json, NULL);
}

int mr_activity_after(struct mr_pg *c, int64_t *id, struct mr_buf *json)
{
    PGresult *res = NULL;
    char text[24];
    int rc;

    (void)snprintf(text, sizeof(text), "%lld", (long long)*id);
    rc = *id < 0 ? mr_pg_exec(c, SQL_LAST, 0, NULL, &res)
                 : mr_pg_exec(c, SQL_AFTER, 1, (const char *[]){text}, &res);
    return mr_rows_object(rc, res, json, id);
}

int mr_activity_trim(struct mr_pg *c)
{
    return mr_pg_run(c, SQL_TRIM);
}
