/* users.c - users through REST: who may sign in, as what; and one's own password. */
#include "store/users.h"
#include "api/api.h"
#include "api/handlers.h"
#include "api/password.h"
#include "api/throttle.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/secrets.h"
#include <stdio.h>
#include <strings.h>

static int gone(struct mr_call *c)
{
    return mr_call_fail(c, MR_E_NOTFOUND, 0, "User not found");
}

/* A new password's hash. MR_OK also when there is none (*given false). */
static int hash_field(struct mr_call *c, const char *name, bool required,
                      char hash[MR_PASSWORD_HASH_MAX], bool *given)
{
    struct mr_buf text;
    int rc = MR_OK;

    *given = mr_call_text(c, name, required, 1, MR_PASSWORD_CHARS_MAX, &text) != NULL;
    if (*given && (text.len < MR_PASSWORD_BYTES_MIN || text.len > MR_PASSWORD_BYTES_MAX))
        mr_call_fault(c, name, "must have %d to %d bytes", MR_PASSWORD_BYTES_MIN,
                      MR_PASSWORD_BYTES_MAX);
    else if (*given && mr_call_faults(c) == MR_OK)
        rc = mr_password_hash(mr_buf_span(&text), (int)c->api->opt.cfg->bcrypt_cost, hash);
    mr_secrets_wipe(&text);
    return rc == MR_OK ? mr_call_faults(c) : rc;
}

static const char *role_field(struct mr_call *c, bool required, struct mr_buf *store)
{
    const char *text = mr_call_text(c, "role", required, 1, 32, store);

    for (int r = MR_ROLE_VIEWER; text && r <= MR_ROLE_ADMIN; r++)
        if (strcasecmp(text, mr_role_name((enum mr_role)r)) == 0)
            return mr_role_name((enum mr_role)r);
    if (text)
        mr_call_fault(c, "role", "must be one of viewer, operator, admin");
    return NULL;
}

int mr_get_users(struct mr_call *c)
{
    struct mr_pg *db = NULL;
    int rc = mr_call_db(c, &db);

    return rc == MR_OK ? mr_users_json_list(db, &c->out) : rc;
}

int mr_get_user(struct mr_call *c)
{
    char id[MR_UUID_TEXT];
    struct mr_pg *db = NULL;
    int rc = mr_call_param_uuid(c, 0, "User", id);

    if (rc == MR_OK)
        rc = mr_call_db(c, &db);
    if (rc == MR_OK)
        rc = mr_users_json(db, id, &c->out);
    return rc == MR_E_NOTFOUND ? gone(c) : rc;
}

static int create(struct mr_call *c, const char *name, const char *role, const char *hash)
{
    char id[MR_UUID_TEXT];
    struct mr_pg *db = NULL;
    int rc = mr_call_begin(c, &db);

    if (rc == MR_OK)
        rc = mr_users_create(db, name, hash, role, id, &c->out);
    if (rc == MR_E_CONFLICT)
        return mr_call_fail(c, rc, 0, "A user with this name exists already.");
    if (rc == MR_OK)
        rc = mr_call_audit(c, "user.create", "user", id, NULL, mr_buf_cstr(&c->out));
    if (rc == MR_OK)
        rc = mr_call_commit(c);
    if (rc == MR_OK) {
        c->status = 201;
        mr_call_header(c, "Location", "/api/v1/users/%s", id);
        LOG_INFO("user_created", F_STR("user", name), F_STR("by", c->who.username));
    }
    return rc;
}

int mr_post_users(struct mr_call *c)
{
    char hash[MR_PASSWORD_HASH_MAX];
    struct mr_buf name, role_text;
    const char *username = mr_call_text(c, "username", true, 1, MR_USERNAME_MAX, &name);
    const char *role = role_field(c, true, &role_text);
    bool given;
    int rc = hash_field(c, "password", true, hash, &given);

    if (rc == MR_OK)
        rc = create(c, username, role, hash);
    mr_buf_free(&name);
    mr_buf_free(&role_text);
    return rc;
}

/* The change, its entry in the audit log, and the user as it is then. */
static int change(struct mr_call *c, const char *id, const struct mr_user_change *ch)
{
    struct mr_buf before = MR_BUF_INIT(65536);
    struct mr_pg *db = NULL;
    int rc = mr_call_begin(c, &db);

    if (rc == MR_OK)
        rc = mr_users_json(db, id, &before);
    if (rc == MR_OK)
        rc = mr_users_change(db, id, ch);
    if (rc == MR_OK && !ch->gone)
        rc = mr_users_json(db, id, &c->out);
    if (rc == MR_OK)
        rc =
            mr_call_audit(c,
                          ch->gone   ? "user.delete"
                          : ch->hash ? "user.password"
                                     : "user.change",
                          "user", id, mr_buf_cstr(&before), ch->gone ? NULL : mr_buf_cstr(&c->out));
    if (rc == MR_OK)
        rc = mr_call_commit(c);
    mr_buf_free(&before);
    if (rc == MR_E_NOTFOUND)
        return gone(c);
    if (rc == MR_E_CONFLICT)
        return mr_call_fail(c, rc, 0, "This is the last user who may administrate.");
    if (rc == MR_OK)
        LOG_INFO("user_changed", F_STR("user_id", id), F_STR("by", c->who.username));
    return rc;
}

int mr_patch_user(struct mr_call *c)
{
    char id[MR_UUID_TEXT], hash[MR_PASSWORD_HASH_MAX];
    struct mr_buf role_text, disabled;
    struct mr_user_change ch = {0};
    bool given = false;
    int rc = mr_call_param_uuid(c, 0, "User", id);

    if (rc != MR_OK)
        return rc;
    ch.role = role_field(c, false, &role_text);
    ch.disabled = mr_call_raw(c, "disabled", MR_JSON_TRUE, &disabled);
    rc = hash_field(c, "password", false, hash, &given);
    ch.hash = given ? hash : NULL;
    if (rc == MR_OK)
        rc = change(c, id, &ch);
    mr_buf_free(&role_text);
    mr_buf_free(&disabled);
    return rc;
}

int mr_delete_user(struct mr_call *c)
{
    char id[MR_UUID_TEXT];
    int rc = mr_call_param_uuid(c, 0, "User", id);

    if (rc == MR_OK)
        rc = change(c, id, &(struct mr_user_change){.gone = true});
    if (rc == MR_OK) {
        c->status = 204;
        c->type = NULL;
    }
    return rc;
}

/* ---- one's own password ------------------------------------------------------------------- */

/* Guessing it with a stolen access token is slowed down as guessing at the sign-in is. */
static int check_current(struct mr_call *c)
{
    struct mr_span name = mr_span_str(c->who.username), addr = mr_span_str(mr_http_addr(c->req));
    uint64_t wait = mr_throttle_wait(c->api->throttle, name, addr, mr_mono_ms());
    struct mr_user user = {0};
    struct mr_pg *db = NULL;
    struct mr_buf text;
    int rc;

    if (wait > 0)
        return mr_call_too_many(c, "tries", wait);
    mr_call_text(c, "current_password", true, 1, MR_PASSWORD_CHARS_MAX, &text);
    rc = mr_call_faults(c);
    if (rc == MR_OK)
        rc = mr_call_db(c, &db);
    if (rc == MR_OK)
        rc = mr_users_by_id(db, c->who.user_id, &user);
    mr_call_db_release(c); /* not held during bcrypt */
    if (rc == MR_E_NOTFOUND || (rc == MR_OK && user.disabled)) {
        rc = mr_call_fail(c, MR_E_AUTH, 0, "This user may not sign in any more.");
    } else if (rc == MR_OK && !mr_password_matches(mr_buf_span(&text), user.password_hash,
                                                   (int)c->api->opt.cfg->bcrypt_cost)) {
        mr_throttle_failed(c->api->throttle, name, addr, mr_mono_ms());
        rc = mr_call_fail(c, MR_E_FORBIDDEN, 0, "The current password is wrong.");
    } else if (rc == MR_OK) {
        mr_throttle_succeeded(c->api->throttle, name, addr);
    }
    mr_secrets_wipe(&text);
    return rc;
}

int mr_post_password(struct mr_call *c)
{
    char hash[MR_PASSWORD_HASH_MAX];
    bool given;
    int rc;

    if (mr_auth_open(c->api->opt.auth))
        return mr_call_fail(c, MR_E_CONFLICT, 0,
                            "Nobody signs in here: the server runs with MILLRACE_AUTH=open.");
    rc = check_current(c);
    if (rc == MR_OK)
        rc = hash_field(c, "new_password", true, hash, &given);
    if (rc == MR_OK)
        rc = change(c, c->who.user_id, &(struct mr_user_change){.hash = hash});
    if (rc == MR_OK) {
        mr_buf_clear(&c->out);
        c->status = 204;
        c->type = NULL;
    }
    return rc;
}
