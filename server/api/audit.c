/* audit.c - reading the audit log; and mr_call_audit, by which handlers write it. */
#include "store/audit.h"
#include "api/api.h"
#include "api/handlers.h"
#include <stdio.h>

#define EXPORT_MAX 100000

int mr_call_audit(struct mr_call *c, const char *action, const char *type, const char *id,
                  const char *before, const char *after)
{
    struct mr_audit_entry e = {
        .actor_id = c->who.user_id[0] ? c->who.user_id : NULL,
        .actor = c->who.username[0] ? c->who.username : "anonymous",
        .addr = mr_http_addr(c->req),
        .request_id = c->request_id,
        .action = action,
        .resource_type = type,
        .resource_id = id,
        .before = before,
        .after = after,
    };

    return mr_audit_add(c->db, &e);
}

static enum mr_audit_form form_of(const struct mr_call *c)
{
    struct mr_span accept = mr_http_header(c->req, "accept");

    if (mr_header_accepts(accept, "text/csv"))
        return MR_AUDIT_CSV;
    return mr_header_accepts(accept, "application/x-ndjson") ? MR_AUDIT_NDJSON : MR_AUDIT_JSON;
}

static int list(struct mr_call *c, const struct mr_audit_filter *f, enum mr_audit_form form)
{
    static const char *const types[] = {
        [MR_AUDIT_JSON] = "application/json",
        [MR_AUDIT_NDJSON] = "application/x-ndjson",
        [MR_AUDIT_CSV] = "text/csv; charset=UTF-8",
    };
    struct mr_pg *db = NULL;
    char last[24];
    int rc = mr_call_db(c, &db);

    if (rc == MR_OK)
        rc = mr_audit_list(db, f, form, &c->out, last);
    if (rc == MR_E_DATA)
        return mr_call_fail(c, rc, 422,
                            "from, to: is not a time, or cursor is not one of this list");
    if (rc != MR_OK)
        return rc;
    c->type = types[form];
    if (form != MR_AUDIT_JSON)
        mr_call_header(c, "Content-Disposition", "attachment; filename=\"audit.%s\"",
                       form == MR_AUDIT_CSV ? "csv" : "ndjson");
    if (last[0])
        mr_call_next(c, last, "");
    return rc;
}

int mr_get_audit(struct mr_call *c)
{
    enum mr_audit_form form = form_of(c);
    struct mr_buf store[7];
    const char *rest = NULL;
    struct mr_audit_filter f = {
        .actor = mr_call_query(c, "actor", &store[0]),
        .action = mr_call_query(c, "action", &store[1]),
        .resource_type = mr_call_query(c, "resource_type", &store[2]),
        .resource_id = mr_call_query(c, "resource_id", &store[3]),
        .from = mr_call_query_time(c, "from", &store[4]),
        .to = mr_call_query_time(c, "to", &store[5]),
        .limit = form == MR_AUDIT_JSON ? mr_call_query_int(c, "limit", 50, 1, 1000)
                                       : mr_call_query_int(c, "limit", EXPORT_MAX, 1, EXPORT_MAX),
    };
    int rc;

    mr_call_cursor(c, &store[6], &f.before_id, &rest);
    rc = mr_call_faults(c);
    if (rc == MR_OK)
        rc = list(c, &f, form);
    for (size_t i = 0; i < sizeof(store) / sizeof(store[0]); i++)
        mr_buf_free(&store[i]);
    return rc;
}

int mr_get_audit_verify(struct mr_call *c)
{
    int64_t entries, broken;
    struct mr_pg *db = NULL;
    int rc = mr_call_db(c, &db);

    if (rc == MR_OK)
        rc = mr_audit_verify(db, &entries, &broken);
    if (rc != MR_OK)
        return rc;
    mr_buf_addf(&c->out,
                "{\"intact\":%s,\"entries\":%lld,\"first_broken_id\":", broken ? "false" : "true",
                (long long)entries);
    if (broken)
        mr_buf_add_i64(&c->out, broken);
    else
        mr_buf_add_str(&c->out, "null");
    mr_buf_add_char(&c->out, '}');
    return MR_OK;
}
