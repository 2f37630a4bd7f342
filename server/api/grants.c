/* grants.c - who may do what with one pipeline or connection: asked before every handler of a route
 * that names one, and changed through REST.
 *
 * A user's role for a resource is the one granted for it, or else the user's own. Administrators
 * keep theirs. "none" hides the resource: it is not found, and in no list. */
#include "api/grants.h"
#include "api/api.h"
#include "api/handlers.h"
#include "base/log.h"
#include "store/connections.h"
#include "store/pipelines.h"
#include <stdio.h>
#include <strings.h>

#define GRANTS_MAX 1000

static const char *title(enum mr_resource of)
{
    return of == MR_OF_CONNECTION ? "Connection" : "Pipeline";
}

static bool sees_all(const struct mr_call *c)
{
    return c->own == MR_ROLE_ADMIN || c->who.user_id[0] == '\0';
}

int mr_grant_check(struct mr_call *c)
{
    enum mr_role role = c->own;
    char id[MR_UUID_TEXT];
    struct mr_pg *db = NULL;
    int rc = mr_call_param_uuid(c, 0, title(c->route->of), id);

    if (rc == MR_OK && !sees_all(c)) {
        rc = mr_call_db(c, &db);
        if (rc == MR_OK)
            rc = mr_grants_role(db, c->route->of, id, c->who.user_id, &role);
        if (rc != MR_OK && rc != MR_E_NOTFOUND)
            return rc;
        if (role == MR_ROLE_NONE)
            return mr_call_fail(c, MR_E_NOTFOUND, 0, "%s not found", title(c->route->of));
    }
    if (role < c->route->role)
        return mr_call_fail(c, MR_E_FORBIDDEN, 0, "This needs the role %s; yours is %s.",
                            mr_role_name(c->route->role), mr_role_name(role));
    return MR_OK;
}

int mr_call_hidden(struct mr_call *c, struct mr_pg *db, enum mr_resource of, struct mr_buf *ids)
{
    mr_buf_init(ids, 1u << 20);
    if (!sees_all(c))
        return mr_grants_hidden(db, of, c->who.user_id, ids);
    mr_buf_add_str(ids, "{}");
    return mr_buf_err(ids);
}

int mr_call_sees(struct mr_call *c, struct mr_pg *db, enum mr_resource of, const char *id)
{
    enum mr_role role = c->own;
    int rc = sees_all(c) ? MR_OK : mr_grants_role(db, of, id, c->who.user_id, &role);

    if (rc == MR_E_NOTFOUND) /* nothing was granted */
        rc = MR_OK;
    return rc == MR_OK && role == MR_ROLE_NONE && !sees_all(c) ? MR_E_NOTFOUND : rc;
}

int mr_call_look(struct mr_call *c, const char *pipeline_id, struct mr_pg **db,
                 struct mr_buf *hidden)
{
    int rc = mr_call_db(c, db);

    mr_buf_init(hidden, 0);
    if (rc == MR_OK && pipeline_id) {
        rc = mr_pipelines_exists(*db, pipeline_id);
        if (rc == MR_OK)
            rc = mr_call_sees(c, *db, MR_OF_PIPELINE, pipeline_id);
        if (rc == MR_E_NOTFOUND)
            return mr_call_fail(c, rc, 0, "Pipeline not found");
    }
    return rc == MR_OK ? mr_call_hidden(c, *db, MR_OF_PIPELINE, hidden) : rc;
}

/* ---- through REST -------------------------------------------------------------------------- */

static int exists(struct mr_call *c, struct mr_pg *db, const char *id)
{
    struct mr_buf object = MR_BUF_INIT(4u << 20);
    int64_t version;
    int rc = c->route->of == MR_OF_PIPELINE ? mr_pipelines_exists(db, id)
                                            : mr_connections_get(db, id, true, &object, &version);

    mr_buf_free(&object);
    return rc == MR_E_NOTFOUND ? mr_call_fail(c, rc, 0, "%s not found", title(c->route->of)) : rc;
}

/* {"resource_type":..,"resource_id":..,"grants":[..]} */
static int show(struct mr_call *c, struct mr_pg *db, const char *id, struct mr_buf *out)
{
    int rc;

    mr_buf_addf(out, "{\"resource_type\":\"%s\",\"resource_id\":\"%s\",\"grants\":",
                mr_resource_name(c->route->of), id);
    rc = mr_grants_json(db, c->route->of, id, out);
    mr_buf_add_char(out, '}');
    return rc;
}

int mr_get_permissions(struct mr_call *c)
{
    char id[MR_UUID_TEXT];
    struct mr_pg *db = NULL;
    int rc = mr_call_param_uuid(c, 0, title(c->route->of), id);

    if (rc == MR_OK)
        rc = mr_call_db(c, &db);
    if (rc == MR_OK)
        rc = exists(c, db, id);
    return rc == MR_OK ? show(c, db, id, &c->out) : rc;
}

/* A member that is a text without NUL, decoded; false: it is not there, or no such text. */
static bool text_of(struct mr_span object, const char *name, struct mr_buf *out)
{
    struct mr_span v;

    return mr_json_get(object, name, &v) == MR_OK && mr_json_type(v) == MR_JSON_STRING &&
           mr_json_unescape(mr_json_string_raw(v), out) == MR_OK && out->len > 0 &&
           out->len <= 4 * MR_USERNAME_MAX && !memchr(out->ptr, 0, out->len);
}

/* Whom a grant is for: user_id, or else username. */
static void read_user(struct mr_call *c, struct mr_span v, size_t i, struct mr_buf *who)
{
    char field[64];
    struct mr_span id;
    struct mr_uuid uuid;

    if (mr_json_get(v, "user_id", &id) == MR_OK && !mr_span_is(id, "null")) {
        if (text_of(v, "user_id", who) && mr_uuid_parse(mr_buf_span(who), &uuid))
            return;
        (void)snprintf(field, sizeof(field), "grants[%zu].user_id", i);
        mr_call_fault(c, field, "must be a UUID");
    } else if (!text_of(v, "username", who)) {
        (void)snprintf(field, sizeof(field), "grants[%zu].user_id", i);
        mr_call_fault(c, field, "or username: must name a user");
    }
}

/* One element, as {"who":..,"role":..}. */
static void read_grant(struct mr_call *c, struct mr_span v, size_t i, struct mr_buf *out)
{
    struct mr_buf who = MR_BUF_INIT(4096), role = MR_BUF_INIT(4096);
    char field[64];

    (void)snprintf(field, sizeof(field), "grants[%zu]", i);
    if (mr_json_type(v) != MR_JSON_OBJECT) {
        mr_call_fault(c, field, "must be an object with user_id or username, and role");
    } else {
        read_user(c, v, i, &who);
        if (!text_of(v, "role", &role) || (mr_role_parse(mr_buf_span(&role)) == MR_ROLE_NONE &&
                                           strcasecmp(mr_buf_cstr(&role), "none") != 0)) {
            (void)snprintf(field, sizeof(field), "grants[%zu].role", i);
            mr_call_fault(c, field, "must be one of none, viewer, operator, admin");
        }
    }
    mr_buf_add_str(out, i > 0 ? ",{\"who\":" : "{\"who\":");
    mr_json_add_string(out, mr_buf_span(&who));
    mr_buf_add_str(out, ",\"role\":");
    mr_json_add_string(out, mr_buf_span(&role));
    mr_buf_add_char(out, '}');
    mr_buf_free(&who);
    mr_buf_free(&role);
}

static void read_grants(struct mr_call *c, struct mr_buf *out)
{
    struct mr_json_iter it;
    struct mr_span list;
    size_t n = 0;
    int rc;

    mr_buf_add_char(out, '[');
    if (mr_json_get(c->body, "grants", &list) != MR_OK || mr_json_type(list) != MR_JSON_ARRAY) {
        mr_call_fault(c, "grants", "must be an array");
        return;
    }
    for (rc = mr_json_begin(&it, list);
         rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK && n < GRANTS_MAX; n++)
        read_grant(c, it.value, n, out);
    if (rc == MR_OK)
        mr_call_fault(c, "grants", "may hold at most %d", GRANTS_MAX);
    mr_buf_add_char(out, ']');
}

static int set(struct mr_call *c, const char *id, const char *grants)
{
    struct mr_buf before = MR_BUF_INIT(4u << 20), unknown = MR_BUF_INIT(4096);
    char action[64];
    struct mr_pg *db = NULL;
    int rc = mr_call_begin(c, &db);

    (void)snprintf(action, sizeof(action), "%s.permissions", mr_resource_name(c->route->of));
    if (rc == MR_OK)
        rc = exists(c, db, id);
    if (rc == MR_OK)
        rc = show(c, db, id, &before);
    if (rc == MR_OK) {
        rc = mr_grants_set(db, c->route->of, id, grants, c->who.username, &unknown);
        if (rc == MR_E_NOTFOUND)
            rc = mr_call_fail(c, MR_E_INVAL, 422, "grants: there is no user %s.",
                              mr_buf_cstr(&unknown));
    }
    if (rc == MR_OK)
        rc = show(c, db, id, &c->out);
    if (rc == MR_OK)
        rc = mr_call_audit(c, action, mr_resource_name(c->route->of), id, mr_buf_cstr(&before),
                           mr_buf_cstr(&c->out));
    if (rc == MR_OK)
        rc = mr_call_commit(c);
    if (rc == MR_OK)
        LOG_INFO("permissions_changed", F_STR("resource", mr_resource_name(c->route->of)),
                 F_STR("id", id), F_STR("by", c->who.username));
    mr_buf_free(&before);
    mr_buf_free(&unknown);
    return rc;
}

int mr_put_permissions(struct mr_call *c)
{
    struct mr_buf grants = MR_BUF_INIT(1u << 20);
    char id[MR_UUID_TEXT];
    int rc = mr_call_param_uuid(c, 0, title(c->route->of), id);

    if (rc == MR_OK) {
        read_grants(c, &grants);
        rc = mr_call_faults(c);
    }
    if (rc == MR_OK)
        rc = mr_buf_err(&grants);
    if (rc == MR_OK)
        rc = set(c, id, mr_buf_cstr(&grants));
    mr_buf_free(&grants);
    return rc;
}
