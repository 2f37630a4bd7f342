/* api_keys.c - keys made, shown, found, ended; and what a scope allows. */
#include "store/api_keys.h"
#include "base/clock.h"
#include "store/rows.h"
#include "store/secret_text.h"
#include <stdio.h>

/* clang-format off */
#define OBJECT                                                                                     \
    "'id', k.id, 'name', k.name, 'prefix', k.prefix, 'user_id', k.user_id, 'scopes', k.scopes, "   \
    "'created_at', " MR_SQL_TIME("k.created_at") ", 'expires_at', " MR_SQL_TIME("k.expires_at") ", "             \
    "'last_used_at', " MR_SQL_TIME("k.last_used_at") ", 'revoked_at', " MR_SQL_TIME("k.revoked_at")

static const char SQL_CREATE[] =
    "WITH k AS (INSERT INTO api_keys (id, user_id, name, prefix, key_hash, scopes, expires_at) "
    "VALUES ($1::uuid, $2::uuid, $3, left($7, 11), $4::bytea, $5::text[], $6::timestamptz) "
    "RETURNING *) SELECT json_build_object('key', $7::text, " OBJECT ") FROM k";

static const char SQL_LIST[] =
    "SELECT coalesce(json_agg(json_build_object(" OBJECT ", 'username', u.username) "
    "ORDER BY k.created_at DESC, k.id), '[]') FROM api_keys k JOIN users u ON u.id = k.user_id "
    "WHERE ($1::uuid IS NULL OR k.user_id = $1::uuid)";

static const char SQL_REVOKE[] =
    "UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1::uuid "
    "AND ($2::uuid IS NULL OR user_id = $2::uuid) RETURNING id";

/* Its last use is noted once a minute: a key that is used often is not one UPDATE a request. */
static const char SQL_FIND[] =
    "WITH k AS (SELECT * FROM api_keys WHERE key_hash = $1::bytea AND revoked_at IS NULL "
    "AND (expires_at IS NULL OR expires_at > now())), "
    "used AS (UPDATE api_keys SET last_used_at = now() WHERE id = (SELECT id FROM k) "
    "AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')) "
    "SELECT u.id, u.username, u.role, array_to_string(k.scopes, ',') FROM k "
    "JOIN users u ON u.id = k.user_id WHERE u.disabled_at IS NULL";
/* clang-format on */

int mr_api_keys_create(struct mr_pg *c, const char *user_id, const char *name, const char *scopes,
                       const char *expires_at, char key[MR_API_KEY_TEXT], char id[MR_UUID_TEXT],
                       struct mr_buf *json)
{
    char secret[MR_SECRET_TEXT], hash[MR_HASH_TEXT];
    const char *params[] = {id, user_id, name, hash, scopes, expires_at, key};
    PGresult *res = NULL;
    int rc = mr_secret_make(secret);

    if (rc != MR_OK)
        return rc;
    (void)snprintf(key, MR_API_KEY_TEXT, MR_API_KEY_PREFIX "%s", secret);
    mr_hash_text(mr_span_str(key), hash);
    mr_uuid_format(mr_uuid7(mr_wall_ms()), id);
    rc = mr_pg_exec(c, SQL_CREATE, 7, params, &res);
    return mr_rows_object(rc, res, json, NULL);
}

int mr_api_keys_list(struct mr_pg *c, const char *user_id, struct mr_buf *json)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_LIST, 1, (const char *[]){user_id}, &res);

    return mr_rows_object(rc, res, json, NULL);
}

int mr_api_keys_revoke(struct mr_pg *c, const char *id, const char *user_id)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_REVOKE, 2, (const char *[]){id, user_id}, &res);

    if (rc == MR_OK && PQntuples(res) == 0)
        rc = MR_E_NOTFOUND;
    PQclear(res);
    return rc;
}

int mr_api_keys_find(struct mr_pg *c, struct mr_span key, struct mr_api_key_owner *out)
{
    char hash[MR_HASH_TEXT];
    PGresult *res = NULL;
    int rc;

    if (key.len != MR_API_KEY_TEXT - 1)
        return MR_E_AUTH;
    mr_hash_text(key, hash);
    rc = mr_pg_exec(c, SQL_FIND, 1, (const char *[]){hash}, &res);
    if (rc == MR_OK && PQntuples(res) == 0)
        rc = MR_E_AUTH;
    if (rc == MR_OK) {
        (void)snprintf(out->user.id, sizeof(out->user.id), "%s", PQgetvalue(res, 0, 0));
        (void)snprintf(out->user.username, sizeof(out->user.username), "%s", PQgetvalue(res, 0, 1));
        out->user.role = mr_role_parse(mr_pg_span(res, 0, 2));
        (void)snprintf(out->scopes, sizeof(out->scopes), "%s", PQgetvalue(res, 0, 3));
    }
    PQclear(res);
    return rc;
}

/* ---- scopes ------------------------------------------------------------------------------- */

static const char *const groups[] = {"*",        "pipelines", "connections", "monitoring", "users",
                                     "audit",    "api-keys",  "messages",    "simulate",   "stats",
                                     "activity", "bus",       "realtime",    "metrics"};
static const struct verb {
    const char *name;
    enum mr_role role;
} verbs[] = {
    {"read", MR_ROLE_VIEWER},
    {"operate", MR_ROLE_OPERATOR},
    {"write", MR_ROLE_ADMIN},
};

/* Cut "group:verb" in two; the role of the verb, MR_ROLE_NONE when it is none. */
static enum mr_role cut(struct mr_span text, struct mr_span *group)
{
    const char *colon = text.len > 0 ? memchr(text.ptr, ':', text.len) : NULL;
    struct mr_span verb;

    if (colon == NULL)
        return MR_ROLE_NONE;
    *group = mr_span_of(text.ptr, (size_t)(colon - text.ptr));
    verb = mr_span_of(colon + 1, text.len - group->len - 1);
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (mr_span_is(verb, verbs[i].name))
            return verbs[i].role;
    return MR_ROLE_NONE;
}

bool mr_api_key_is_scope(struct mr_span text)
{
    struct mr_span group;

    if (cut(text, &group) == MR_ROLE_NONE)
        return false;
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        if (mr_span_is(group, groups[i]))
            return true;
    return false;
}

/* "/api/v1/pipelines/{id}/start" belongs to pipelines, "/metrics" to metrics. */
static struct mr_span group_of(const char *path)
{
    static const char v1[] = "/api/v1/";
    const char *at = path + (strncmp(path, v1, sizeof(v1) - 1) == 0 ? sizeof(v1) - 1 : 1);

    return mr_span_of(at, strcspn(at, "/"));
}

enum mr_role mr_api_key_role(const char *scopes, const char *path)
{
    struct mr_span wanted = group_of(path), group;
    enum mr_role most = MR_ROLE_NONE;

    while (*scopes) {
        size_t n = strcspn(scopes, ",");
        enum mr_role role = cut(mr_span_of(scopes, n), &group);

        if (role > most &&
            (mr_span_is(group, "*") ||
             (group.len == wanted.len && memcmp(group.ptr, wanted.ptr, group.len) == 0)))
            most = role;
        scopes += n;
        scopes += *scopes == ',';
    }
    return most;
}

int mr_api_keys_reader(struct mr_pg_pool *pool, int64_t wait_ms, struct mr_span key,
                       const char *path, struct mr_identity *who)
{
    struct mr_api_key_owner owner;
    struct mr_pg *db = NULL;
    int rc = mr_pg_acquire(pool, wait_ms, &db);

    if (rc != MR_OK)
        return rc;
    rc = mr_api_keys_find(db, key, &owner);
    mr_pg_release(pool, db);
    if (rc != MR_OK)
        return rc;
    memcpy(who->user_id, owner.user.id, sizeof(who->user_id));
    memcpy(who->username, owner.user.username, sizeof(who->username));
    who->role = owner.user.role;
    return mr_api_key_role(owner.scopes, path) < MR_ROLE_VIEWER ? MR_E_FORBIDDEN : MR_OK;
}
