/* users_json.c - users for the REST interface: shown, made, changed, removed. */
#include "base/clock.h"
#include "store/rows.h"
#include "store/users.h"

/* clang-format off */
#define OBJECT                                                                                     \
    "json_build_object('id', u.id, 'username', u.username, 'role', u.role, "                       \
    "'disabled', u.disabled_at IS NOT NULL, 'created_at', " MR_SQL_TIME("u.created_at") ", "              \
    "'updated_at', " MR_SQL_TIME("u.updated_at") ")"
/* clang-format on */

int mr_users_json_list(struct mr_pg *c, struct mr_buf *json)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c,
                        "SELECT coalesce(json_agg(" OBJECT " ORDER BY lower(u.username)), '[]') "
                        "FROM users u",
                        0, NULL, &res);

    return mr_rows_object(rc, res, json, NULL);
}

int mr_users_json(struct mr_pg *c, const char *id, struct mr_buf *json)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, "SELECT " OBJECT " FROM users u WHERE u.id = $1::uuid", 1,
                        (const char *[]){id}, &res);

    return mr_rows_object(rc, res, json, NULL);
}

int mr_users_create(struct mr_pg *c, const char *username, const char *hash, const char *role,
                    char id[MR_UUID_TEXT], struct mr_buf *json)
{
    PGresult *res = NULL;
    int rc;

    mr_uuid_format(mr_uuid7(mr_wall_ms()), id);
    rc = mr_pg_exec(c,
                    "WITH u AS (INSERT INTO users (id, username, password_hash, role) "
                    "VALUES ($1::uuid, $2, $3, $4) RETURNING *) SELECT " OBJECT " FROM u",
                    4, (const char *[]){id, username, hash, role}, &res);
    return mr_rows_object(rc, res, json, NULL);
}

static const char SQL_CHANGE[] =
    "UPDATE users SET role = coalesce($2, role), password_hash = coalesce($4, password_hash), "
    "disabled_at = CASE $3::boolean WHEN true THEN coalesce(disabled_at, now()) "
    "WHEN false THEN NULL ELSE disabled_at END, updated_at = now() WHERE id = $1::uuid "
    "RETURNING id";

static const char SQL_END_TOKENS[] =
    "UPDATE refresh_tokens SET revoked_at = now() WHERE user_id = $1::uuid "
    "AND revoked_at IS NULL";

int mr_users_change(struct mr_pg *c, const char *id, const struct mr_user_change *ch)
{
    const char *params[] = {id, ch->role, ch->disabled, ch->hash};
    PGresult *res = NULL;
    int rc;

    /* Two administrators who remove each other at once: one of them waits, and sees it. */
    rc = mr_pg_run(c, "LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE");
    if (rc == MR_OK)
        rc = ch->gone ? mr_pg_exec(c, "DELETE FROM users WHERE id = $1::uuid RETURNING id", 1,
                                   params, &res)
                      : mr_pg_exec(c, SQL_CHANGE, 4, params, &res);
    if (rc == MR_OK && PQntuples(res) == 0)
        rc = MR_E_NOTFOUND;
    PQclear(res);
    res = NULL;
    if (rc == MR_OK && (ch->hash || ch->disabled))
        rc = mr_pg_exec(c, SQL_END_TOKENS, 1, params, NULL);
    if (rc == MR_OK)
        rc = mr_pg_exec(c,
                        "SELECT 1 FROM users WHERE role = 'admin' AND disabled_at IS NULL LIMIT 1",
                        0, NULL, &res);
    if (rc == MR_OK && PQntuples(res) == 0)
        rc = MR_E_CONFLICT;
    PQclear(res);
    return rc;
}
