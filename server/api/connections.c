/* connections.c - the databases that pipelines read from and write to: listing, reading, deleting.
 * Making and changing are in connection_fields.c. */
#include "store/connections.h"
#include "api/api.h"
#include "api/grants.h"
#include "api/handlers.h"
#include "base/log.h"
#include <stdio.h>
#include <strings.h>

static int gone(struct mr_call *c)
{
    return mr_call_fail(c, MR_E_NOTFOUND, 0, "Connection not found");
}

/* A query parameter that is one of "a|b|c", any case; as it is spelt there. */
static const char *choice(struct mr_call *c, const char *name, const char *const *all, size_t n)
{
    struct mr_buf store;
    const char *text = mr_call_query(c, name, &store), *found = NULL;

    for (size_t i = 0; text && i < n; i++)
        if (strcasecmp(text, all[i]) == 0)
            found = all[i];
    if (text && !found)
        mr_call_fault(c, name, "is not one that a connection can have");
    mr_buf_free(&store);
    return found;
}

int mr_get_connections(struct mr_call *c)
{
    static const char *const types[] = {"source", "target"};
    static const char *const databases[] = {"postgresql", "mysql",  "mariadb",
                                            "sqlserver",  "oracle", "mongodb"};
    struct mr_buf text, cursor, hidden = MR_BUF_INIT(0);
    struct mr_page page;
    struct mr_connection_filter f = {
        .type = choice(c, "type", types, sizeof(types) / sizeof(types[0])),
        .database_type =
            choice(c, "database_type", databases, sizeof(databases) / sizeof(databases[0])),
        .text = mr_call_query(c, "q", &text),
        .limit = mr_call_query_int(c, "limit", 50, 1, 1000),
    };
    struct mr_pg *db = NULL;
    int rc;

    mr_call_cursor(c, &cursor, &f.after_time, &f.after_id);
    rc = mr_call_faults(c);
    if (rc == MR_OK)
        rc = mr_call_db(c, &db);
    if (rc == MR_OK) {
        rc = mr_call_hidden(c, db, MR_OF_CONNECTION, &hidden);
        f.hidden = mr_buf_cstr(&hidden);
    }
    if (rc == MR_OK)
        rc = mr_call_page(c, mr_connections_list(db, &f, &c->out, &page), &page);
    mr_buf_free(&hidden);
    mr_buf_free(&text);
    mr_buf_free(&cursor);
    return rc;
}

int mr_get_connection(struct mr_call *c)
{
    char id[MR_UUID_TEXT];
    struct mr_pg *db = NULL;
    int rc = mr_call_param_uuid(c, 0, "Connection", id);

    if (rc == MR_OK)
        rc = mr_call_db(c, &db);
    if (rc == MR_OK)
        rc = mr_connections_get(db, id, false, &c->out, &c->version);
    return rc == MR_E_NOTFOUND ? gone(c) : rc;
}

/* "a, b and 3 more" from a JSON array of names. */
static void name_users(struct mr_span array, char *out, size_t size)
{
    struct mr_buf text = MR_BUF_INIT(300), one = MR_BUF_INIT(4096);
    struct mr_json_iter it;
    size_t named = 0, left = 0;
    int rc;

    for (rc = mr_json_begin(&it, array); rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK;) {
        mr_buf_clear(&one);
        if (left == 0 && named < 10 &&
            mr_json_unescape(mr_json_string_raw(it.value), &one) == MR_OK &&
            text.len + one.len + 2 < 280) {
            mr_buf_addf(&text, "%s%s", named++ ? ", " : "", mr_buf_cstr(&one));
        } else {
            left++;
        }
    }
    (void)snprintf(out, size, "%s", mr_buf_cstr(&text));
    if (left > 0)
        (void)snprintf(out + strlen(out), size - strlen(out), "%s%zu more", named ? " and " : "",
                       left);
    mr_buf_free(&text);
    mr_buf_free(&one);
}

int mr_delete_connection(struct mr_call *c)
{
    struct mr_buf before = MR_BUF_INIT(1u << 20), users = MR_BUF_INIT(1u << 20);
    char id[MR_UUID_TEXT], names[400];
    struct mr_pg *db = NULL;
    int64_t version;
    int rc = mr_call_param_uuid(c, 0, "Connection", id);

    if (rc == MR_OK)
        rc = mr_call_begin(c, &db);
    if (rc == MR_OK)
        rc = mr_connections_get(db, id, true, &before, &version);
    if (rc == MR_E_NOTFOUND)
        rc = gone(c);
    if (rc == MR_OK)
        rc = mr_call_if_match(c, version);
    if (rc == MR_OK) {
        rc = mr_connections_delete(db, id, &users);
        if (rc == MR_E_CONFLICT) {
            name_users(mr_buf_span(&users), names, sizeof(names));
            if (users.len < 3000)
                mr_buf_addf(&c->extra, ",\"pipelines\":%s", mr_buf_cstr(&users));
            mr_call_fail(c, rc, 0, "The connection is used by %s.", names);
        }
    }
    if (rc == MR_OK)
        rc = mr_call_audit(c, "connection.delete", "connection", id, mr_buf_cstr(&before), NULL);
    if (rc == MR_OK)
        rc = mr_call_commit(c);
    if (rc == MR_OK) {
        c->status = 204;
        c->type = NULL;
        LOG_INFO("connection_deleted", F_STR("connection_id", id), F_STR("by", c->who.username));
    }
    mr_buf_free(&before);
    mr_buf_free(&users);
    return rc;
}
