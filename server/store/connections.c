/* connections.c - the table connections. Passwords come in the clear, are sealed here and travel to
 * PostgreSQL as hex: no statement ever holds one. */
#include "store/connections.h"
#include "base/clock.h"
#include <stdio.h>
#include <strings.h>

#define COLUMN "connections.password"

/* clang-format off */

#define OBJECT                                                                                     \
    "json_build_object('id', p.id, 'name', p.name, 'connection_type', p.connection_type, "         \
    "'database_type', p.database_type, 'host', p.host, 'port', p.port, 'database', p.database, "   \
    "'username', p.username, 'has_password', p.password_cipher IS NOT NULL, 'schema', p.schema, "  \
    "'ssl_mode', coalesce(p.ssl_mode, 'prefer'), 'ssl_root_cert', p.ssl_root_cert, "               \
    "'options', p.options, 'last_tested_at', " MR_SQL_TIME("p.last_tested_at") ", "                       \
    "'last_test_status', p.last_test_status, 'last_test_error', p.last_test_error, "               \
    "'created_by', p.created_by, "                                                                 \
    "'created_at', " MR_SQL_TIME("p.created_at") ", 'updated_at', " MR_SQL_TIME("p.updated_at") ")"

#define PORT(type)                                                                                 \
    "CASE " type " WHEN 'postgresql' THEN 5432 WHEN 'sqlserver' THEN 1433 "                        \
    "WHEN 'oracle' THEN 1521 WHEN 'mongodb' THEN 27017 ELSE 3306 END"

static const char SQL_CREATE[] =
    "WITH p AS (INSERT INTO connections (id, name, connection_type, database_type, host, port, "
    "database, username, schema, ssl_mode, ssl_root_cert, options, password_cipher, "
    "password_key_id, created_by) SELECT $1::uuid, v->>'name', v->>'connection_type', "
    "v->>'database_type', v->>'host', coalesce((v->>'port')::integer, " PORT("v->>'database_type'")
    "), v->>'database', v->>'username', v->>'schema', v->>'ssl_mode', v->>'ssl_root_cert', "
    "coalesce(v->'options', '{}'), decode($3, 'hex'), $4, $5 "
    "FROM (SELECT $2::jsonb AS v) j RETURNING *) SELECT " OBJECT ", p.version FROM p";

#define SET_TEXT(col) #col " = CASE WHEN v ? '" #col "' THEN v->>'" #col "' ELSE o." #col " END, "

static const char SQL_CHANGE[] =
    "WITH p AS (UPDATE connections o SET " SET_TEXT(name) SET_TEXT(connection_type)
    SET_TEXT(database_type) SET_TEXT(host) SET_TEXT(database) SET_TEXT(username) SET_TEXT(schema)
    SET_TEXT(ssl_mode) SET_TEXT(ssl_root_cert)
    "port = CASE WHEN v ? 'port' THEN coalesce((v->>'port')::integer, "
    PORT("coalesce(v->>'database_type', o.database_type)") ") ELSE o.port END, "
    "options = CASE WHEN v ? 'options' THEN v->'options' ELSE o.options END, "
    "password_cipher = CASE $3::text WHEN 'keep' THEN o.password_cipher "
    "ELSE decode($4, 'hex') END, "
    "password_key_id = CASE $3::text WHEN 'keep' THEN o.password_key_id ELSE $5 END, "
    "version = o.version + 1, updated_at = now() FROM (SELECT $2::jsonb AS v) j "
    "WHERE o.id = $1::uuid AND o.deleted_at IS NULL RETURNING o.*) "
    "SELECT " OBJECT ", p.version FROM p";

#define GET                                                                                        \
    "SELECT " OBJECT ", p.version FROM connections p WHERE p.id = $1::uuid "                       \
    "AND p.deleted_at IS NULL"
static const char SQL_GET[] = GET;
static const char SQL_GET_LOCK[] = GET " FOR UPDATE";

#define MATCH                                                                                      \
    "p.deleted_at IS NULL AND p.id <> ALL ($4::uuid[]) AND ($1::text IS NULL OR p.connection_type = $1) "                       \
    "AND ($2::text IS NULL OR p.database_type = $2) AND ($3::text IS NULL "                        \
    "OR position(lower($3) in lower(p.name)) > 0 OR position(lower($3) in lower(p.host)) > 0) "

#define COUNT "SELECT count(*) FROM connections p WHERE " MATCH

static const char SQL_LIST[] =
    "SELECT " OBJECT ", p.created_at::text, p.id, (" COUNT ") FROM connections p WHERE " MATCH
    "AND ($5::timestamptz IS NULL OR (p.created_at, p.id) < ($5::timestamptz, $6::uuid)) "
    "ORDER BY p.created_at DESC, p.id DESC LIMIT $7::bigint";
static const char SQL_COUNT[] = COUNT;

static const char SQL_USERS[] =
    "SELECT coalesce(json_agg(name ORDER BY lower(name)), '[]'), count(*) FROM pipelines "
    "WHERE (deleted_at IS NULL OR EXISTS (SELECT 1 FROM pipeline_jobs j WHERE j.pipeline_id = "
    "pipelines.id AND j.state IN ('pending', 'running'))) "
    "AND $1::uuid IN (source_connection_id, target_connection_id)";
static const char SQL_DELETE[] =
    "UPDATE connections SET deleted_at = now(), updated_at = now(), password_cipher = NULL, "
    "password_key_id = NULL WHERE id = $1::uuid AND deleted_at IS NULL";
static const char SQL_PASSWORD[] =
    "SELECT encode(password_cipher, 'hex'), password_key_id FROM connections "
    "WHERE id = $1::uuid AND deleted_at IS NULL";
static const char SQL_TESTED[] =
    "UPDATE connections SET last_tested_at = now(), last_test_status = $2, last_test_error = $3, "
    "last_test = $4::jsonb WHERE id = $1::uuid AND deleted_at IS NULL";
static const char SQL_STALE[] =
    "SELECT id, encode(password_cipher, 'hex'), password_key_id FROM connections "
    "WHERE password_cipher IS NOT NULL AND password_key_id IS DISTINCT FROM $1 "
    "AND ($2::uuid IS NULL OR id > $2::uuid) ORDER BY id LIMIT $3::integer FOR UPDATE";
static const char SQL_RESEAL[] =
    "UPDATE connections SET password_cipher = decode($2, 'hex'), password_key_id = $3 "
    "WHERE id = $1::uuid";
/* clang-format on */

/* Sealed, as hex. */
static int seal(const struct mr_secrets *s, const char *id, struct mr_span plain,
                struct mr_buf *hex)
{
    struct mr_buf sealed = MR_BUF_INIT(MR_SECRET_BYTES + MR_SECRET_EXTRA);
    int rc = mr_secrets_seal(s, id, COLUMN, plain, &sealed);

    for (size_t i = 0; rc == MR_OK && i < sealed.len; i++)
        mr_buf_addf(hex, "%02x", (unsigned char)sealed.ptr[i]);
    mr_buf_free(&sealed);
    return rc == MR_OK ? mr_buf_err(hex) : rc;
}

static unsigned digit(char ch)
{
    return (unsigned)(ch <= '9' ? ch - '0' : (ch | 32) - 'a' + 10) & 15;
}

static int open_hex(const struct mr_secrets *s, const char *id, struct mr_span hex,
                    const char *key_id, struct mr_buf *plain)
{
    struct mr_buf sealed = MR_BUF_INIT(MR_SECRET_BYTES + MR_SECRET_EXTRA);
    int rc;

    for (size_t i = 0; i + 1 < hex.len; i += 2)
        mr_buf_add_char(&sealed, (char)(digit(hex.ptr[i]) << 4 | digit(hex.ptr[i + 1])));
    rc = mr_buf_err(&sealed) == MR_OK
             ? mr_secrets_open(s, id, COLUMN, key_id, mr_buf_span(&sealed), plain)
             : MR_E_DATA;
    mr_buf_free(&sealed);
    return rc;
}

int mr_connections_create(struct mr_pg *c, const struct mr_secrets *s, const char *fields,
                          const struct mr_password_new *password, const char *created_by,
                          char id[MR_UUID_TEXT], struct mr_buf *json, int64_t *version)
{
    struct mr_buf hex = MR_BUF_INIT(4 * MR_SECRET_BYTES);
    const char *params[] = {id, fields, NULL, NULL, created_by};
    PGresult *res = NULL;
    int rc = MR_OK;

    mr_uuid_format(mr_uuid7(mr_wall_ms()), id);
    if (password->fate == MR_PASSWORD_SET) {
        rc = seal(s, id, password->text, &hex);
        params[2] = mr_buf_cstr(&hex);
        params[3] = mr_secrets_key_id(s);
    }
    if (rc == MR_OK)
        rc = mr_pg_exec(c, SQL_CREATE, 5, params, &res);
    if (rc == MR_OK)
        rc = mr_rows_object(rc, res, json, version);
    mr_buf_free(&hex);
    return rc;
}

int mr_connections_change(struct mr_pg *c, const struct mr_secrets *s, const char *id,
                          const char *fields, const struct mr_password_new *password,
                          struct mr_buf *json, int64_t *version)
{
    struct mr_buf hex = MR_BUF_INIT(4 * MR_SECRET_BYTES);
    const char *params[] = {id, fields, password->fate == MR_PASSWORD_KEEP ? "keep" : "set", NULL,
                            NULL};
    PGresult *res = NULL;
    int rc = MR_OK;

    if (password->fate == MR_PASSWORD_SET) {
        rc = seal(s, id, password->text, &hex);
        params[3] = mr_buf_cstr(&hex);
        params[4] = mr_secrets_key_id(s);
    }
    if (rc == MR_OK)
        rc = mr_pg_exec(c, SQL_CHANGE, 5, params, &res);
    if (rc == MR_OK)
        rc = mr_rows_object(rc, res, json, version);
    mr_buf_free(&hex);
    return rc;
}

int mr_connections_get(struct mr_pg *c, const char *id, bool lock, struct mr_buf *json,
                       int64_t *version)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, lock ? SQL_GET_LOCK : SQL_GET, 1, (const char *[]){id}, &res);

    return mr_rows_object(rc, res, json, version);
}

int mr_connections_list(struct mr_pg *c, const struct mr_connection_filter *f, struct mr_buf *json,
                        struct mr_page *page)
{
    const char *params[] = {f->type,       f->database_type, f->text, f->hidden,
                            f->after_time, f->after_id,      NULL};

    return mr_rows_page(c, SQL_COUNT, 4, SQL_LIST, params, 7, f->limit, json, page);
}

int mr_connections_delete(struct mr_pg *c, const char *id, struct mr_buf *users)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_USERS, 1, (const char *[]){id}, &res);

    if (rc == MR_OK && mr_pg_i64(res, 0, 1) > 0) {
        mr_buf_add_span(users, mr_pg_span(res, 0, 0));
        rc = MR_E_CONFLICT;
    }
    PQclear(res);
    return rc == MR_OK ? mr_pg_exec(c, SQL_DELETE, 1, (const char *[]){id}, NULL) : rc;
}

int mr_connections_password(struct mr_pg *c, const struct mr_secrets *s, const char *id,
                            struct mr_buf *plain)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, SQL_PASSWORD, 1, (const char *[]){id}, &res);

    if (rc == MR_OK && PQntuples(res) == 0)
        rc = MR_E_NOTFOUND;
    if (rc == MR_OK && !PQgetisnull(res, 0, 0))
        rc = open_hex(s, id, mr_pg_span(res, 0, 0), PQgetvalue(res, 0, 1), plain);
    PQclear(res);
    return rc;
}

int mr_connections_tested(struct mr_pg *c, const char *id, const char *status, const char *error,
                          const char *result)
{
    return mr_pg_exec(c, SQL_TESTED, 4, (const char *[]){id, status, error, result}, NULL);
}

/* One row, under its lock. */
static int reseal(struct mr_pg *c, const struct mr_secrets *s, const char *id, struct mr_span hex,
                  const char *key_id)
{
    struct mr_buf plain = MR_BUF_INIT(2 * MR_SECRET_BYTES);
    struct mr_buf sealed = MR_BUF_INIT(4 * MR_SECRET_BYTES);
    int rc = open_hex(s, id, hex, key_id, &plain);

    if (rc == MR_OK)
        rc = seal(s, id, mr_buf_span(&plain), &sealed);
    if (rc == MR_OK)
        rc = mr_pg_exec(c, SQL_RESEAL, 3,
                        (const char *[]){id, mr_buf_cstr(&sealed), mr_secrets_key_id(s)}, NULL);
    mr_secrets_wipe(&plain);
    mr_buf_free(&sealed);
    return rc;
}

int mr_connections_rotate(struct mr_pg *c, const struct mr_secrets *s, int limit,
                          char after[MR_UUID_TEXT], int *done, int *stuck)
{
    const char *key = mr_secrets_key_id(s);
    char n[16];
    PGresult *res = NULL;
    int rc = key ? mr_pg_run(c, "BEGIN") : MR_E_CONFIG;

    *done = *stuck = 0;
    (void)snprintf(n, sizeof(n), "%d", limit);
    if (rc == MR_OK)
        rc = mr_pg_exec(c, SQL_STALE, 3, (const char *[]){key, after[0] ? after : NULL, n}, &res);
    for (int i = 0; rc == MR_OK && i < PQntuples(res); i++) {
        (void)snprintf(after, MR_UUID_TEXT, "%s", PQgetvalue(res, i, 0));
        rc = reseal(c, s, after, mr_pg_span(res, i, 1), PQgetvalue(res, i, 2));
        *done += rc == MR_OK;
        *stuck += rc == MR_E_CONFIG || rc == MR_E_DATA;
        if (rc == MR_E_CONFIG || rc == MR_E_DATA)
            rc = MR_OK;
    }
    PQclear(res);
    return rc == MR_OK ? mr_pg_run(c, "COMMIT") : rc;
}
