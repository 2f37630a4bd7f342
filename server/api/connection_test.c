/* connection_test.c - trying a connection, saved or not. It runs on threads of its own, holds no
 * connection of ours meanwhile, and an answer about a database that does not work is a 200. */
#include "api/api.h"
#include "api/connections.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "base/log.h"
#include "databases/opened.h"

int mr_connection_load(struct mr_call *c, const char *id, struct mr_buf *object,
                       struct mr_buf *password)
{
    struct mr_pg *db = NULL;
    int64_t version;
    int rc = mr_call_db(c, &db);

    if (rc == MR_OK)
        rc = mr_connections_get(db, id, false, object, &version);
    if (rc == MR_E_NOTFOUND)
        return mr_call_fail(c, rc, 0, "Connection not found");
    if (rc == MR_OK)
        rc = mr_connections_password(db, c->api->opt.secrets, id, password);
    if (rc == MR_E_CONFIG)
        rc = mr_call_fail(c, MR_E_CONFLICT, 0,
                          "The password was sealed with a key that MILLRACE_SECRET_KEY does not "
                          "hold: add that key, or set the password again.");
    else if (rc == MR_E_DATA)
        rc = mr_call_fail(c, MR_E_CONFLICT, 0,
                          "The stored password cannot be opened any more: set it again.");
    if (!c->enclosed) /* an Idempotency-Key's transaction goes on */
        mr_call_db_release(c);
    return rc;
}

/* Run the checks and write the answer. */
static void try_it(struct mr_call *c, const struct mr_database *d, struct mr_checklist *l)
{
    uint64_t from = mr_mono_us();
    char now[MR_TIME_TEXT];

    mr_checklist_init(l);
    mr_database_test(d, l);
    mr_time_format(mr_wall_us(), now);
    mr_buf_addf(&c->out,
                "{\"success\":%s,\"status\":\"%s\",\"message\":", l->failed ? "false" : "true",
                l->failed ? "failed" : "success");
    mr_json_add_string(&c->out, l->failed ? mr_span_str(l->first) : MR_SPAN("Every check passed."));
    mr_buf_add_str(&c->out, ",\"server_version\":");
    mr_json_add_string_or_null(&c->out, l->version[0] ? mr_span_str(l->version) : MR_SPAN_NONE);
    mr_buf_addf(&c->out, ",\"tested_at\":\"%s\",\"duration_ms\":%.1f,\"checks\":[", now,
                (double)(mr_mono_us() - from) / 1000);
    mr_buf_add_span(&c->out, mr_buf_span(&l->json));
    mr_buf_add_str(&c->out, "]}");
}

int mr_post_connection_test(struct mr_call *c)
{
    struct mr_buf object = MR_BUF_INIT(1u << 20), password = MR_BUF_INIT(65536);
    struct mr_checklist l = {0};
    struct mr_opened o = {0};
    struct mr_pg *db = NULL;
    char id[MR_UUID_TEXT];
    int rc = mr_call_param_uuid(c, 0, "Connection", id);

    if (rc == MR_OK)
        rc = mr_connection_load(c, id, &object, &password);
    if (rc == MR_OK) {
        mr_opened_read(&o, mr_buf_span(&object), &password, c->api->opt.cfg, c->api->opt.hosts);
        try_it(c, &o.db, &l);
        rc = mr_buf_err(&c->out);
    }
    if (rc == MR_OK)
        rc = mr_call_db(c, &db);
    if (rc == MR_OK)
        rc = mr_connections_tested(db, id, l.failed ? "failed" : "success",
                                   l.failed ? l.first : NULL, mr_buf_cstr(&c->out));
    if (rc == MR_OK)
        LOG_INFO("connection_tested", F_STR("connection_id", id), F_BOOL("success", !l.failed),
                 F_STR("by", c->who.username));
    mr_opened_free(&o);
    mr_buf_free(&l.json);
    mr_secrets_wipe(&password);
    mr_buf_free(&object);
    return rc;
}

int mr_post_connections_test(struct mr_call *c)
{
    struct mr_password_new password;
    struct mr_buf fields, secret;
    struct mr_checklist l = {0};
    struct mr_opened o = {0};
    int rc;

    mr_connection_read(c, MR_FIELDS_NEW, &fields, &secret, &password);
    rc = mr_call_faults(c);
    if (rc == MR_OK)
        rc = mr_buf_err(&fields);
    if (rc == MR_OK) {
        mr_opened_read(&o, mr_buf_span(&fields), &secret, c->api->opt.cfg, c->api->opt.hosts);
        try_it(c, &o.db, &l);
        LOG_INFO("connection_tried", F_STR("host", o.db.host), F_BOOL("success", !l.failed),
                 F_STR("by", c->who.username));
    }
    mr_opened_free(&o);
    mr_buf_free(&l.json);
    mr_secrets_wipe(&secret);
    mr_buf_free(&fields);
    return rc;
}
