/* orphans.c - what is called mr_.. elsewhere and belongs to no pipeline: seen, and dropped. */
#include "pipelines/orphans.h"
#include "api/api.h"
#include "api/handlers.h"
#include "base/log.h"

static struct mr_plan_env env_of(const struct mr_call *c)
{
    return (struct mr_plan_env){
        .cfg = c->api->opt.cfg, .hosts = c->api->opt.hosts, .secrets = c->api->opt.secrets};
}

int mr_get_orphans(struct mr_call *c)
{
    const struct mr_plan_env env = env_of(c);
    struct mr_pg *db = NULL;
    int rc = mr_call_db(c, &db);

    return rc == MR_OK ? mr_orphans_list(&env, db, &c->out) : rc;
}

static const char *kind_of(struct mr_call *c, const char *text)
{
    static const char *const kinds[] = {"slot", "publication", "connector", "topic", "group"};

    for (size_t i = 0; text && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(text, kinds[i]) == 0)
            return kinds[i];
    mr_call_fault(c, "kind", "must be one of slot, publication, connector, topic, group");
    return NULL;
}

static int outcome(struct mr_call *c, int rc, const char *why)
{
    switch (rc) {
    case MR_E_INVAL:
        return mr_call_fail(c, rc, 422, "%s", why);
    case MR_E_CONFLICT:
    case MR_E_AGAIN:
        return mr_call_fail(c, MR_E_CONFLICT, 0, "%s", why[0] ? why : "It is in use.");
    case MR_E_NOTFOUND:
        return mr_call_fail(c, rc, 0, "Connection not found");
    case MR_E_UNAVAIL:
    case MR_E_DATA:
        return mr_call_fail(c, rc, 424, "%s", why);
    default:
        return rc;
    }
}

int mr_delete_orphan(struct mr_call *c)
{
    struct mr_buf kind, name, described = MR_BUF_INIT(8192);
    const struct mr_plan_env env = env_of(c);
    char connection[MR_UUID_TEXT], why[512] = "";
    struct mr_orphan o = {.kind = kind_of(c, mr_call_query(c, "kind", &kind)),
                          .name = mr_call_query(c, "name", &name),
                          .connection_id = mr_call_query_uuid(c, "connection_id", connection)};
    struct mr_pg *db = NULL;
    int rc;

    if (!o.name || strlen(o.name) > 249)
        mr_call_fault(c, "name", "is needed: what is to be dropped, 1 to 249 characters");
    if (o.kind && (strcmp(o.kind, "slot") == 0 || strcmp(o.kind, "publication") == 0) &&
        !o.connection_id)
        mr_call_fault(c, "connection_id", "is needed: the source in which it is");
    rc = mr_call_faults(c);
    if (rc == MR_OK)
        rc = mr_call_db(c, &db);
    if (rc == MR_OK)
        rc = outcome(c, mr_orphans_drop(&env, db, &o, why, sizeof(why)), why);
    if (rc == MR_OK)
        rc = mr_call_begin(c, &db);
    if (rc == MR_OK) {
        mr_buf_addf(&described, "{\"kind\":\"%s\",\"name\":", o.kind);
        mr_json_add_string(&described, mr_span_str(o.name));
        mr_buf_add_char(&described, '}');
        rc = mr_call_audit(c, "orphan.drop", "orphan", o.name, mr_buf_cstr(&described), NULL);
    }
    if (rc == MR_OK)
        rc = mr_call_commit(c);
    if (rc == MR_OK) {
        c->status = 204;
        c->type = NULL;
        LOG_INFO("orphan_dropped", F_STR("kind", o.kind), F_STR("name", o.name),
                 F_STR("by", c->who.username));
    }
    mr_buf_free(&described);
    mr_buf_free(&kind);
    mr_buf_free(&name);
    return rc;
}
