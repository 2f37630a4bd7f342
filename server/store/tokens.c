/* tokens.c - the table refresh_tokens. A token travels as base64url and is looked up by the SHA-256
 * of that text, so that neither a leaked table nor a timing of the index gives one away. */
#include "store/tokens.h"
#include "base/clock.h"
#include "store/secret_text.h"
#include <stdio.h>

static int store(struct mr_pg *c, const char *user_id, const char *family, int64_t lifetime_s,
                 char out[MR_REFRESH_TOKEN_TEXT])
{
    char hash[MR_HASH_TEXT], seconds[24];
    int rc = mr_secret_make(out);

    if (rc != MR_OK)
        return rc;
    mr_hash_text(mr_span_str(out), hash);
    (void)snprintf(seconds, sizeof(seconds), "%lld", (long long)lifetime_s);
    return mr_pg_exec(c,
                      "INSERT INTO refresh_tokens (token_hash, family, user_id, expires_at) "
                      "VALUES ($1::bytea, $2::uuid, $3::uuid, now() + $4::float8 * interval '1 s')",
                      4, (const char *[]){hash, family, user_id, seconds}, NULL);
}

int mr_tokens_issue(struct mr_pg *c, const char *user_id, int64_t lifetime_s,
                    char out[MR_REFRESH_TOKEN_TEXT])
{
    char family[MR_UUID_TEXT];

    mr_uuid_format(mr_uuid7(mr_wall_ms()), family);
    return store(c, user_id, family, lifetime_s, out);
}

/* The token was not usable: if that is because it has been used, its family ends here. */
static int refuse(struct mr_pg *c, const char *hash, bool *reused)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c,
                        "UPDATE refresh_tokens SET revoked_at = now() WHERE revoked_at IS NULL "
                        "AND family IN (SELECT family FROM refresh_tokens "
                        "WHERE token_hash = $1::bytea AND used_at IS NOT NULL) RETURNING 1",
                        1, (const char *[]){hash}, &res);

    if (rc == MR_OK)
        *reused = PQntuples(res) > 0;
    PQclear(res);
    return rc == MR_OK ? MR_E_AUTH : rc;
}

int mr_tokens_rotate(struct mr_pg *c, struct mr_span token, int64_t lifetime_s,
                     char next[MR_REFRESH_TOKEN_TEXT], struct mr_user *user, bool *reused)
{
    char hash[MR_HASH_TEXT], family[MR_UUID_TEXT], user_id[MR_UUID_TEXT];
    PGresult *res = NULL;
    int rc;

    *reused = false;
    mr_hash_text(token, hash);
    rc = mr_pg_run(c, "BEGIN");
    if (rc != MR_OK)
        return rc;
    rc = mr_pg_exec(c,
                    "UPDATE refresh_tokens SET used_at = now() WHERE token_hash = $1::bytea "
                    "AND used_at IS NULL AND revoked_at IS NULL AND expires_at > now() "
                    "RETURNING family, user_id",
                    1, (const char *[]){hash}, &res);
    if (rc != MR_OK)
        goto out;
    if (PQntuples(res) != 1) {
        rc = refuse(c, hash, reused);
        goto out;
    }
    (void)snprintf(family, sizeof(family), "%s", PQgetvalue(res, 0, 0));
    (void)snprintf(user_id, sizeof(user_id), "%s", PQgetvalue(res, 0, 1));
    rc = mr_users_by_id(c, user_id, user);
    if (rc == MR_E_NOTFOUND || (rc == MR_OK && user->disabled))
        rc = MR_E_AUTH;
    if (rc == MR_OK)
        rc = store(c, user_id, family, lifetime_s, next);
out:
    PQclear(res);
    /* A refusal is committed as well: it may have revoked a family. */
    if (rc == MR_OK || rc == MR_E_AUTH) {
        int end = mr_pg_run(c, "COMMIT");

        return end == MR_OK ? rc : end;
    }
    if (mr_pg_run(c, "ROLLBACK") != MR_OK)
        rc = MR_E_DB;
    return rc;
}

int mr_tokens_revoke(struct mr_pg *c, struct mr_span token)
{
    char hash[MR_HASH_TEXT];

    mr_hash_text(token, hash);
    return mr_pg_exec(c,
                      "UPDATE refresh_tokens SET revoked_at = now() WHERE revoked_at IS NULL "
                      "AND family IN (SELECT family FROM refresh_tokens "
                      "WHERE token_hash = $1::bytea)",
                      1, (const char *[]){hash}, NULL);
}
