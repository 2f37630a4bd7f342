/* auth_routes.c - sign in, go on, sign out, who am I. */
#include "api/api.h"
#include "api/handlers.h"
#include "api/password.h"
#include "api/throttle.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/secrets.h"
#include "store/tokens.h"
#include <stdio.h>

static void add_user(struct mr_buf *b, const struct mr_user *u)
{
    mr_buf_add_str(b, "{\"id\":");
    mr_json_add_string(b, mr_span_str(u->id));
    mr_buf_add_str(b, ",\"username\":");
    mr_json_add_string(b, mr_span_str(u->username));
    mr_buf_addf(b, ",\"role\":\"%s\"}", mr_role_name(u->role));
}

static int answer_tokens(struct mr_call *c, const struct mr_user *u, const char *refresh)
{
    struct mr_buf token = MR_BUF_INIT(MR_TOKEN_BYTES_MAX);
    struct mr_identity who = {.role = u->role};
    int64_t lifetime = mr_setting(&c->api->opt.cfg->access_token_s);
    int rc;

    (void)snprintf(who.user_id, sizeof(who.user_id), "%s", u->id);
    (void)snprintf(who.username, sizeof(who.username), "%s", u->username);
    rc = mr_auth_issue(c->api->opt.auth, &who, mr_wall_ms() / 1000, lifetime, &token);
    if (rc == MR_OK) {
        mr_buf_add_str(&c->out, "{\"access_token\":");
        mr_json_add_string(&c->out, mr_buf_span(&token));
        mr_buf_add_str(&c->out, ",\"token\":");
        mr_json_add_string(&c->out, mr_buf_span(&token));
        mr_buf_addf(&c->out, ",\"token_type\":\"bearer\",\"expires_in\":%lld,\"refresh_token\":",
                    (long long)lifetime);
        mr_json_add_string(&c->out, mr_span_str(refresh));
        mr_buf_add_str(&c->out, ",\"user\":");
        add_user(&c->out, u);
        mr_buf_add_char(&c->out, '}');
    }
    mr_buf_free(&token);
    return rc;
}

/* The database is asked before and after bcrypt, not held during it. */
static int sign_in(struct mr_call *c, struct mr_span name, struct mr_span password)
{
    struct mr_span addr = mr_span_str(mr_http_addr(c->req));
    char refresh[MR_REFRESH_TOKEN_TEXT];
    struct mr_api *api = c->api;
    struct mr_user user = {0};
    struct mr_pg *db;
    uint64_t wait = mr_throttle_wait(api->throttle, name, addr, mr_mono_ms());
    bool known;
    int rc;

    if (wait > 0)
        return mr_call_too_many(c, "sign-ins", wait);
    rc = mr_call_db(c, &db);
    if (rc == MR_OK)
        rc = mr_users_by_name(db, name, &user);
    if (rc != MR_OK && rc != MR_E_NOTFOUND)
        return rc;
    known = rc == MR_OK && !user.disabled;
    mr_call_db_release(c);
    if (!mr_password_matches(password, known ? user.password_hash : NULL,
                             (int)api->opt.cfg->bcrypt_cost)) {
        mr_throttle_failed(api->throttle, name, addr, mr_mono_ms());
        mr_metric_add(api->login_failures, 1);
        LOG_WARN("login_failed", F_SPAN("user", name), F_SPAN("addr", addr));
        return mr_call_fail(c, MR_E_AUTH, 0, "The user name or the password is wrong.");
    }
    mr_throttle_succeeded(api->throttle, name, addr);
    rc = mr_call_db(c, &db);
    if (rc == MR_OK)
        rc = mr_tokens_issue(db, user.id, mr_setting(&api->opt.cfg->refresh_token_s), refresh);
    if (rc != MR_OK)
        return rc;
    mr_metric_add(api->logins, 1);
    LOG_INFO("login", F_STR("user", user.username), F_SPAN("addr", addr));
    return answer_tokens(c, &user, refresh);
}

int mr_post_login(struct mr_call *c)
{
    struct mr_buf name, password;
    int rc;

    mr_call_text(c, "username", true, 1, MR_USERNAME_MAX, &name);
    mr_call_text(c, "password", true, 1, MR_PASSWORD_CHARS_MAX, &password);
    rc = mr_call_faults(c);
    if (rc == MR_OK)
        rc = sign_in(c, mr_buf_span(&name), mr_buf_span(&password));
    mr_buf_free(&name);
    mr_secrets_wipe(&password);
    return rc;
}

int mr_post_refresh(struct mr_call *c)
{
    char next[MR_REFRESH_TOKEN_TEXT];
    struct mr_user user = {0};
    struct mr_buf token;
    struct mr_pg *db;
    bool reused = false;
    int rc;

    mr_call_text(c, "refresh_token", true, 1, 128, &token);
    rc = mr_call_faults(c);
    if (rc == MR_OK)
        rc = mr_call_db(c, &db);
    if (rc == MR_OK)
        rc = mr_tokens_rotate(db, mr_buf_span(&token),
                              mr_setting(&c->api->opt.cfg->refresh_token_s), next, &user, &reused);
    mr_buf_free(&token);
    if (reused)
        LOG_WARN("refresh_token_reused", F_STR("addr", mr_http_addr(c->req)),
                 F_STR("request_id", c->request_id));
    if (rc == MR_E_AUTH)
        return mr_call_fail(c, rc, 0, "The refresh token is not valid any more; sign in again.");
    return rc == MR_OK ? answer_tokens(c, &user, next) : rc;
}

/* Ends the refresh token's family. Without one there is nothing to end: an access token is not kept
 * anywhere and runs out by itself. */
int mr_post_logout(struct mr_call *c)
{
    struct mr_buf token = MR_BUF_INIT(1);
    struct mr_pg *db;
    int rc = MR_OK;

    if (c->body.len > 0)
        mr_call_text(c, "refresh_token", false, 1, 128, &token);
    rc = mr_call_faults(c);
    if (rc == MR_OK && token.len > 0) {
        rc = mr_call_db(c, &db);
        if (rc == MR_OK)
            rc = mr_tokens_revoke(db, mr_buf_span(&token));
    }
    mr_buf_free(&token);
    c->status = 204;
    c->type = NULL;
    return rc;
}

int mr_get_me(struct mr_call *c)
{
    struct mr_user user = {0};
    struct mr_pg *db;
    int rc;

    if (mr_auth_open(c->api->opt.auth)) {
        (void)snprintf(user.id, sizeof(user.id), "%s", c->who.user_id);
        (void)snprintf(user.username, sizeof(user.username), "%s", c->who.username);
        user.role = c->who.role;
        add_user(&c->out, &user);
        return MR_OK;
    }
    rc = mr_call_db(c, &db);
    if (rc == MR_OK)
        rc = mr_users_by_id(db, c->who.user_id, &user);
    if (rc == MR_E_NOTFOUND || (rc == MR_OK && user.disabled))
        return mr_call_fail(c, MR_E_AUTH, 0, "This user may not sign in any more.");
    if (rc == MR_OK)
        add_user(&c->out, &user);
    return rc;
}
