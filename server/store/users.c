/* users.c - the table users. Names are unique without regard to case, as the index says. */
#include "store/users.h"
#include "base/clock.h"
#include <stdio.h>

static const char *const role_names[] = {"none", "viewer", "operator", "admin"};

const char *mr_role_name(enum mr_role role)
{
    return role_names[role];
}

enum mr_role mr_role_parse(struct mr_span text)
{
    for (int r = MR_ROLE_VIEWER; r <= MR_ROLE_ADMIN; r++)
        if (mr_span_is(text, role_names[r]))
            return (enum mr_role)r;
    return MR_ROLE_NONE;
}

static void copy(char *out, size_t size, struct mr_span s)
{
    size_t n = s.len < size ? s.len : size - 1;

    if (n > 0)
        memcpy(out, s.ptr, n);
    out[n] = '\0';
}

static int one_user(struct mr_pg *c, const char *sql, const char *param, struct mr_user *out)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, sql, 1, (const char *[]){param}, &res);

    if (rc != MR_OK)
        return rc;
    if (PQntuples(res) != 1) {
        rc = MR_E_NOTFOUND;
        goto out;
    }
    copy(out->id, sizeof(out->id), mr_pg_span(res, 0, 0));
    copy(out->username, sizeof(out->username), mr_pg_span(res, 0, 1));
    copy(out->password_hash, sizeof(out->password_hash), mr_pg_span(res, 0, 2));
    out->role = mr_role_parse(mr_pg_span(res, 0, 3));
    out->disabled = mr_span_is(mr_pg_span(res, 0, 4), "t");
out:
    PQclear(res);
    return rc;
}

int mr_users_by_name(struct mr_pg *c, struct mr_span username, struct mr_user *out)
{
    char name[4 * MR_USERNAME_MAX + 1];

    if (username.len == 0 || username.len >= sizeof(name) || memchr(username.ptr, 0, username.len))
        return MR_E_NOTFOUND;
    copy(name, sizeof(name), username);
    return one_user(c,
                    "SELECT id, username, password_hash, role, disabled_at IS NOT NULL "
                    "FROM users WHERE lower(username) = lower($1)",
                    name, out);
}

int mr_users_by_id(struct mr_pg *c, const char *id, struct mr_user *out)
{
    return one_user(c,
                    "SELECT id, username, password_hash, role, disabled_at IS NOT NULL "
                    "FROM users WHERE id = $1::uuid",
                    id, out);
}

int mr_users_add(struct mr_pg *c, const char *username, const char *hash, enum mr_role role)
{
    char id[MR_UUID_TEXT];

    mr_uuid_format(mr_uuid7(mr_wall_ms()), id);
    return mr_pg_exec(c,
                      "INSERT INTO users (id, username, password_hash, role) "
                      "VALUES ($1::uuid, $2, $3, $4)",
                      4, (const char *[]){id, username, hash, mr_role_name(role)}, NULL);
}

int mr_users_set_password(struct mr_pg *c, const char *username, const char *hash)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(
        c,
        "WITH u AS (UPDATE users SET password_hash = $2, updated_at = now() "
        "           WHERE lower(username) = lower($1) RETURNING id), "
        "     t AS (UPDATE refresh_tokens SET revoked_at = now() "
        "           WHERE user_id IN (SELECT id FROM u) AND revoked_at IS NULL RETURNING 1) "
        "SELECT id, (SELECT count(*) FROM t) FROM u",
        2, (const char *[]){username, hash}, &res);

    if (rc == MR_OK && PQntuples(res) == 0)
        rc = MR_E_NOTFOUND;
    PQclear(res);
    return rc;
}

int mr_users_none(struct mr_pg *c, bool *out)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, "SELECT NOT EXISTS (SELECT 1 FROM users)", 0, NULL, &res);

    if (rc == MR_OK)
        *out = mr_span_is(mr_pg_span(res, 0, 0), "t");
    PQclear(res);
    return rc;
}

int mr_users_bootstrap(struct mr_pg *c, const char *username, const char *hash)
{
    char id[MR_UUID_TEXT];
    PGresult *res = NULL;
    int rc = mr_pg_run(c, "BEGIN; LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE");

    if (rc != MR_OK)
        return rc;
    mr_uuid_format(mr_uuid7(mr_wall_ms()), id);
    rc = mr_pg_exec(c,
                    "INSERT INTO users (id, username, password_hash, role) "
                    "SELECT $1::uuid, $2, $3, 'admin' WHERE NOT EXISTS (SELECT 1 FROM users) "
                    "RETURNING id",
                    3, (const char *[]){id, username, hash}, &res);
    if (rc == MR_OK && PQntuples(res) == 0)
        rc = MR_E_CONFLICT;
    PQclear(res);
    if (rc != MR_OK) {
        int back = mr_pg_run(c, "ROLLBACK");

        return back == MR_OK ? rc : back;
    }
    return mr_pg_run(c, "COMMIT");
}

int mr_users_list(struct mr_pg *c, struct mr_buf *out)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(
        c,
        "SELECT username, role, CASE WHEN disabled_at IS NULL THEN 'active' ELSE 'disabled' END, "
        "to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') "
        "FROM users ORDER BY lower(username)",
        0, NULL, &res);

    for (int i = 0; rc == MR_OK && i < PQntuples(res); i++)
        mr_buf_addf(out, "%-32s %-10s %-10s %s\n", PQgetvalue(res, i, 0), PQgetvalue(res, i, 1),
                    PQgetvalue(res, i, 2), PQgetvalue(res, i, 3));
    PQclear(res);
    return rc == MR_OK ? mr_buf_err(out) : rc;
}
