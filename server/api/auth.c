/* auth.c - libjwt, held on a short leash: the algorithm of a token must be the one that we sign
 * with, whatever its header says, and every claim that we write must be there and well-formed. */
#include "api/auth.h"
#include "base/clock.h"
#include "base/log.h"
#include "proto/alloc.h"
#include <jwt.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>

#define KEY_BYTES_MIN 32
#define KEY_BYTES_MAX 512

struct mr_auth {
    unsigned char key[KEY_BYTES_MAX];
    size_t key_len;
    bool open;
};

int mr_auth_new(struct mr_auth **out, const struct mr_config *cfg)
{
    size_t len = strlen(cfg->jwt_secret);
    struct mr_auth *a;

    if (len > 0 && len < KEY_BYTES_MIN)
        return MR_E_CONFIG;
    a = mr_zalloc(1, sizeof(*a));
    if (!a)
        return MR_E_NOMEM;
    a->open = strcmp(cfg->auth, "open") == 0;
    if (len == 0) {
        a->key_len = KEY_BYTES_MIN;
        if (RAND_bytes(a->key, KEY_BYTES_MIN) != 1) {
            mr_free(a);
            return MR_E_IO;
        }
    } else {
        a->key_len = len;
        memcpy(a->key, cfg->jwt_secret, len);
    }
    *out = a;
    return MR_OK;
}

void mr_auth_free(struct mr_auth *a)
{
    if (a)
        OPENSSL_cleanse(a->key, sizeof(a->key));
    mr_free(a);
}

bool mr_auth_open(const struct mr_auth *a)
{
    return a->open;
}

int mr_auth_issue(struct mr_auth *a, const struct mr_identity *who, int64_t now_s,
                  int64_t lifetime_s, struct mr_buf *token)
{
    char jti[MR_UUID_TEXT], text[MR_TOKEN_BYTES_MAX] = "";
    FILE *to_text = NULL;
    jwt_t *jwt = NULL;
    int rc = MR_E_NOMEM;

    mr_uuid_format(mr_uuid7(mr_wall_ms()), jti);
    if (jwt_new(&jwt) != 0 || jwt_set_alg(jwt, JWT_ALG_HS256, a->key, (int)a->key_len) != 0 ||
        jwt_add_grant(jwt, "iss", MR_TOKEN_ISSUER) != 0 ||
        jwt_add_grant(jwt, "sub", who->user_id) != 0 ||
        jwt_add_grant(jwt, "name", who->username) != 0 ||
        jwt_add_grant(jwt, "role", mr_role_name(who->role)) != 0 ||
        jwt_add_grant(jwt, "jti", jti) != 0 || jwt_add_grant_int(jwt, "iat", (long)now_s) != 0 ||
        jwt_add_grant_int(jwt, "exp", (long)(now_s + lifetime_s)) != 0)
        goto out;
    to_text = fmemopen(text, sizeof(text), "w"); /* so that libjwt hands out no memory of its own */
    if (!to_text || jwt_encode_fp(jwt, to_text) != 0)
        goto out;
    (void)fclose(to_text);
    to_text = NULL;
    mr_buf_add_str(token, text);
    rc = mr_buf_err(token);
out:
    if (to_text)
        (void)fclose(to_text);
    jwt_free(jwt);
    return rc;
}

static int read_claims(jwt_t *jwt, int64_t now_s, struct mr_identity *out)
{
    const char *iss = jwt_get_grant(jwt, "iss"), *sub = jwt_get_grant(jwt, "sub");
    const char *role = jwt_get_grant(jwt, "role"), *jti = jwt_get_grant(jwt, "jti");
    const char *name = jwt_get_grant(jwt, "name");
    struct mr_uuid id;

    if (jwt_get_alg(jwt) != JWT_ALG_HS256)
        return MR_E_AUTH;
    if (!iss || strcmp(iss, MR_TOKEN_ISSUER) != 0 || !jti || jti[0] == '\0')
        return MR_E_AUTH;
    if (!sub || !mr_uuid_parse(mr_span_str(sub), &id) || !role)
        return MR_E_AUTH;
    out->role = mr_role_parse(mr_span_str(role));
    out->expires_at = jwt_get_grant_int(jwt, "exp");
    if (out->role == MR_ROLE_NONE || out->expires_at <= 0)
        return MR_E_AUTH;
    mr_uuid_format(id, out->user_id);
    (void)snprintf(out->username, sizeof(out->username), "%s", name ? name : "");
    return now_s < out->expires_at ? MR_OK : MR_E_TIMEOUT;
}

int mr_auth_check(struct mr_auth *a, struct mr_span token, int64_t now_s, struct mr_identity *out)
{
    char text[MR_TOKEN_BYTES_MAX];
    jwt_t *jwt = NULL;
    int rc;

    memset(out, 0, sizeof(*out));
    if (a->open) {
        (void)snprintf(out->user_id, sizeof(out->user_id), "00000000-0000-0000-0000-000000000000");
        (void)snprintf(out->username, sizeof(out->username), "open");
        out->role = MR_ROLE_ADMIN;
        return MR_OK;
    }
    if (token.len == 0 || token.len >= sizeof(text) || memchr(token.ptr, 0, token.len))
        return MR_E_AUTH;
    memcpy(text, token.ptr, token.len);
    text[token.len] = '\0';
    if (jwt_decode(&jwt, text, a->key, (int)a->key_len) != 0)
        return MR_E_AUTH;
    rc = read_claims(jwt, now_s, out);
    jwt_free(jwt);
    if (rc != MR_OK)
        memset(out, 0, sizeof(*out));
    return rc;
}
