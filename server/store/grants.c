/* grants.c - roles for single resources. */
#include "store/grants.h"
#include "store/rows.h"

/* clang-format off */
static const char SQL_ROLE[] =
    "SELECT role FROM grants WHERE resource_type = $1 AND resource_id = $2::uuid "
    "AND user_id = $3::uuid";
static const char SQL_HIDDEN[] =
    "SELECT coalesce(array_agg(resource_id), '{}')::text FROM grants "
    "WHERE user_id = $1::uuid AND resource_type = $2 AND role = 'none'";
static const char SQL_JSON[] =
    "SELECT coalesce(json_agg(json_build_object('user_id', u.id, 'username', u.username, "
    "'role', g.role, 'granted_by', g.granted_by, 'granted_at', " MR_SQL_TIME("g.granted_at") ") "
    "ORDER BY lower(u.username)), '[]') FROM grants g JOIN users u ON u.id = g.user_id "
    "WHERE g.resource_type = $1 AND g.resource_id = $2::uuid";

#define WANTED                                                                                     \
    "SELECT w.who, u.id, lower(w.role) AS role FROM jsonb_to_recordset($1::jsonb) "                \
    "AS w(who text, role text) "                                                                   \
    "LEFT JOIN users u ON u.id::text = lower(w.who) OR lower(u.username) = lower(w.who)"
static const char SQL_UNKNOWN[] =
    "SELECT who FROM (" WANTED ") w WHERE id IS NULL LIMIT 1";
static const char SQL_DROP[] =
    "DELETE FROM grants WHERE resource_type = $2 AND resource_id = $3::uuid "
    "AND user_id NOT IN (SELECT id FROM (" WANTED ") w)";
/* One that stays as it was keeps its date and its giver. */
static const char SQL_SET[] =
    "INSERT INTO grants AS g (resource_type, resource_id, user_id, role, granted_by) "
    "SELECT DISTINCT ON (id) $2, $3::uuid, id, role, $4 FROM (" WANTED ") w "
    "ON CONFLICT (resource_type, resource_id, user_id) DO UPDATE SET role = excluded.role, "
    "granted_by = excluded.granted_by, granted_at = excluded.granted_at "
    "WHERE g.role <> excluded.role";
/* clang-format on */

const char *mr_resource_name(enum mr_resource of)
{
    return of == MR_OF_CONNECTION ? "connection" : "pipeline";
}

int mr_grants_role(struct mr_pg *c, enum mr_resource of, const char *id, const char *user_id,
                   enum mr_role *role)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_ROLE, 3, (const char *[]){mr_resource_name(of), id, user_id}, &res);

    if (rc == MR_OK && PQntuples(res) == 0)
        rc = MR_E_NOTFOUND;
    if (rc == MR_OK)
        *role = mr_role_parse(mr_pg_span(res, 0, 0)); /* "none" is no role: MR_ROLE_NONE */
    PQclear(res);
    return rc;
}

int mr_grants_hidden(struct mr_pg *c, enum mr_resource of, const char *user_id, struct mr_buf *ids)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_HIDDEN, 2, (const char *[]){user_id, mr_resource_name(of)}, &res);

    return mr_rows_object(rc, res, ids, NULL);
}

int mr_grants_json(struct mr_pg *c, enum mr_resource of, const char *id, struct mr_buf *json)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_JSON, 2, (const char *[]){mr_resource_name(of), id}, &res);

    return mr_rows_object(rc, res, json, NULL);
}

int mr_grants_set(struct mr_pg *c, enum mr_resource of, const char *id, const char *grants,
                  const char *by, struct mr_buf *unknown)
{
    const char *params[] = {grants, mr_resource_name(of), id, by};
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_UNKNOWN, 1, params, &res);

    if (rc == MR_OK && PQntuples(res) > 0) {
        mr_buf_add_span(unknown, mr_pg_span(res, 0, 0));
        rc = MR_E_NOTFOUND;
    }
    PQclear(res);
    res = NULL;
    if (rc == MR_OK)
        rc = mr_pg_exec(c, SQL_DROP, 3, params, &res);
    PQclear(res);
    res = NULL;
    if (rc == MR_OK)
        rc = mr_pg_exec(c, SQL_SET, 4, params, &res);
    PQclear(res);
    return rc;
}
