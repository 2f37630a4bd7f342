/* api_keys.c - keys for machines: each acts for the user who made it, within its scopes. */
#include "store/api_keys.h"
#include "api/api.h"
#include "api/fields.h"
#include "api/handlers.h"
#include "base/log.h"
#include <openssl/crypto.h>

#define SCOPES_MAX 32

/* clang-format off */
const struct mr_input mr_api_key_fields[] = {
    {"name",       MR_INPUT_TEXT,    .min = 1, .max = 255, .required = true},
    {"scopes",     MR_INPUT_STRINGS, .max = SCOPES_MAX, .required = true, .fits = mr_api_key_is_scope,
                                     .rule = "must hold scopes such as pipelines:read, monitoring:read or *:operate"},
    {"expires_at", MR_INPUT_TEXT,    .min = 10, .max = 40},
}; /* clang-format on */
const size_t mr_api_key_fields_n = sizeof(mr_api_key_fields) / sizeof(mr_api_key_fields[0]);

/* An administrator sees and ends everybody's, the others their own. */
static const char *whose(const struct mr_call *c)
{
    return c->who.role == MR_ROLE_ADMIN ? NULL : c->who.user_id;
}

/* ["a:b","c:d"] as {a:b,c:d}: scopes have no character that would need quoting. */
static void scopes_array(struct mr_span json, struct mr_buf *out)
{
    struct mr_json_iter it;
    int rc;

    mr_buf_add_char(out, '{');
    for (rc = mr_json_begin(&it, json); rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK;) {
        if (out->len > 1)
            mr_buf_add_char(out, ',');
        mr_buf_add_span(out, mr_json_string_raw(it.value));
    }
    mr_buf_add_char(out, '}');
}

static int create(struct mr_call *c, const char *name, const char *scopes, const char *expires_at)
{
    char key[MR_API_KEY_TEXT], id[MR_UUID_TEXT];
    struct mr_buf noted = MR_BUF_INIT(8192);
    struct mr_pg *db = NULL;
    int rc = mr_call_begin(c, &db);

    if (rc == MR_OK)
        rc = mr_api_keys_create(db, c->who.user_id, name, scopes, expires_at, key, id, &c->out);
    OPENSSL_cleanse(key, sizeof(key));
    if (rc == MR_E_DATA)
        return mr_call_fail(c, rc, 422, "expires_at: must be a time such as 2026-11-20T22:10:13Z");
    mr_buf_add_str(&noted, "{\"name\":");
    mr_json_add_string(&noted, mr_span_str(name));
    mr_buf_add_str(&noted, ",\"scopes\":");
    mr_json_add_string(&noted, mr_span_str(scopes));
    mr_buf_add_char(&noted, '}');
    if (rc == MR_OK)
        rc = mr_call_audit(c, "api_key.create", "api_key", id, NULL, mr_buf_cstr(&noted));
    mr_buf_free(&noted);
    if (rc == MR_OK)
        rc = mr_call_commit(c);
    if (rc == MR_OK) {
        c->status = 201;
        mr_call_header(c, "Location", "/api/v1/api-keys/%s", id);
        LOG_INFO("api_key_created", F_STR("id", id), F_STR("by", c->who.username));
    }
    return rc;
}

int mr_post_api_keys(struct mr_call *c)
{
    struct mr_buf fields = MR_BUF_INIT(65536), scopes = MR_BUF_INIT(8192), name, expires;
    struct mr_span list;
    const char *text, *until;
    int rc;

    mr_fields_read(c, mr_api_key_fields, mr_api_key_fields_n, MR_FIELDS_NEW, &fields);
    if (mr_json_get(c->body, "scopes", &list) == MR_OK && mr_call_faults(c) == MR_OK) {
        scopes_array(list, &scopes);
        if (scopes.len <= 2)
            mr_call_fault(c, "scopes", "must hold at least one");
        if (scopes.len > MR_API_KEY_SCOPES)
            mr_call_fault(c, "scopes", "are too many");
    }
    text = mr_call_text(c, "name", false, 0, 255, &name);
    until = mr_call_text(c, "expires_at", false, 0, 40, &expires);
    if (mr_auth_open(c->api->opt.auth))
        rc = mr_call_fail(c, MR_E_CONFLICT, 0,
                          "Nobody signs in here: the server runs with MILLRACE_AUTH=open.");
    else
        rc = mr_call_faults(c);
    if (rc == MR_OK)
        rc = create(c, text, mr_buf_cstr(&scopes), until);
    mr_buf_free(&fields);
    mr_buf_free(&scopes);
    mr_buf_free(&name);
    mr_buf_free(&expires);
    return rc;
}

int mr_get_api_keys(struct mr_call *c)
{
    struct mr_pg *db = NULL;
    int rc = mr_call_db(c, &db);

    return rc == MR_OK ? mr_api_keys_list(db, whose(c), &c->out) : rc;
}

int mr_delete_api_key(struct mr_call *c)
{
    char id[MR_UUID_TEXT];
    struct mr_pg *db = NULL;
    int rc = mr_call_param_uuid(c, 0, "API key", id);

    if (rc == MR_OK)
        rc = mr_call_begin(c, &db);
    if (rc == MR_OK)
        rc = mr_api_keys_revoke(db, id, whose(c));
    if (rc == MR_E_NOTFOUND)
        return mr_call_fail(c, rc, 0, "API key not found");
    if (rc == MR_OK)
        rc = mr_call_audit(c, "api_key.revoke", "api_key", id, NULL, NULL);
    if (rc == MR_OK)
        rc = mr_call_commit(c);
    if (rc == MR_OK) {
        c->status = 204;
        c->type = NULL;
        LOG_INFO("api_key_revoked", F_STR("id", id), F_STR("by", c->who.username));
    }
    return rc;
}

/* ---- signing in by one -------------------------------------------------------------------- */

/* A key cannot make itself another with more scopes, nor change its owner's password. */
static bool for_people(const struct mr_route *route)
{
    return strcmp(route->method, "GET") != 0 && (strncmp(route->path, "/auth/", 6) == 0 ||
                                                 strncmp(route->path, "/api/v1/auth/", 13) == 0 ||
                                                 strncmp(route->path, "/api/v1/api-keys", 16) == 0);
}

/* [thread: worker] Who is behind the call's key, and may it do this? */
int mr_api_key_check(struct mr_call *c)
{
    struct mr_api_key_owner owner;
    struct mr_pg *db = NULL;
    enum mr_role most;
    int rc = mr_call_db(c, &db);

    if (rc == MR_OK)
        rc = mr_api_keys_find(db, c->key, &owner);
    if (rc == MR_E_AUTH)
        return mr_call_fail(c, rc, 0, "The API key is not valid.");
    if (rc != MR_OK)
        return rc;
    most = mr_api_key_role(owner.scopes, c->route->path);
    memcpy(c->who.user_id, owner.user.id, sizeof(c->who.user_id));
    memcpy(c->who.username, owner.user.username, sizeof(c->who.username));
    c->who.role = owner.user.role < most ? owner.user.role : most;
    c->own = owner.user.role;
    if (for_people(c->route))
        return mr_call_fail(c, MR_E_FORBIDDEN, 0,
                            "This needs somebody who signed in, not an API key.");
    if (owner.user.role < c->route->role && c->route->of == MR_OF_NOTHING)
        return mr_call_fail(c, MR_E_FORBIDDEN, 0, "This needs the role %s; the key's owner is %s.",
                            mr_role_name(c->route->role), mr_role_name(owner.user.role));
    if (most < c->route->role)
        return mr_call_fail(c, MR_E_FORBIDDEN, 0, "The API key's scopes do not allow this.");
    return MR_OK;
}
