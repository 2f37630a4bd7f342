/* connection_catalog.c - what is in a connection's database. */
#include "api/api.h"
#include "api/connections.h"
#include "api/handlers.h"
#include "api/router.h"
#include <ctype.h>

/* Cursors are of printable ASCII; names of tables are not. */
static const char *armour(const char *name, struct mr_buf *store)
{
    mr_buf_init(store, 2048);
    for (; *name; name++) {
        if (isalnum((unsigned char)*name) || *name == '_')
            mr_buf_add_char(store, *name);
        else
            mr_buf_addf(store, "%%%02x", (unsigned char)*name);
    }
    return mr_buf_cstr(store);
}

static const char *unarmour(struct mr_call *c, const char *text, struct mr_buf *store)
{
    mr_buf_init(store, 2048);
    if (!text)
        return NULL;
    if (mr_url_decode(mr_span_str(text), false, store) != MR_OK)
        mr_call_fault(c, "cursor", "is not a cursor of this list");
    return mr_buf_cstr(store);
}

/* The connection that the path names, opened; object and password live as long as it. */
struct source {
    struct mr_buf object, password;
    struct mr_opened opened;
};

static int source_open(struct mr_call *c, struct source *s)
{
    char id[MR_UUID_TEXT];
    int rc = mr_call_param_uuid(c, 0, "Connection", id);

    memset(s, 0, sizeof(*s));
    mr_buf_init(&s->object, 1u << 20);
    mr_buf_init(&s->password, 65536);
    if (rc == MR_OK)
        rc = mr_call_faults(c);
    if (rc == MR_OK)
        rc = mr_connection_load(c, id, &s->object, &s->password);
    if (rc == MR_OK)
        mr_opened_read(&s->opened, mr_buf_span(&s->object), &s->password, c->api->opt.cfg,
                       c->api->opt.hosts);
    return rc;
}

static void source_free(struct source *s)
{
    mr_opened_free(&s->opened);
    mr_secrets_wipe(&s->password);
    mr_buf_free(&s->object);
}

/* A database that cannot be read is neither our fault nor the request's: 424. */
static int explain(struct mr_call *c, int rc, const char *why)
{
    if (rc == MR_E_UNAVAIL)
        return mr_call_fail(c, rc, 424, "%s", why);
    return rc == MR_E_INVAL ? mr_call_fail(c, rc, 0, "%s", why) : rc;
}

int mr_get_connection_schemas(struct mr_call *c)
{
    char why[512] = "";
    struct source s;
    int rc = source_open(c, &s);

    if (rc == MR_OK)
        rc = explain(c, mr_database_schemas(&s.opened.db, &c->out, why, sizeof(why)), why);
    source_free(&s);
    return rc;
}

int mr_get_connection_tables(struct mr_call *c)
{
    struct mr_buf schema, text, cursor, a, b;
    const char *after_schema = NULL, *after_name = NULL;
    struct mr_table_page page = {0};
    struct mr_table_filter f = {
        .schema = mr_call_query(c, "schema", &schema),
        .text = mr_call_query(c, "q", &text),
        .limit = mr_call_query_int(c, "limit", 50, 1, 1000),
    };
    char why[512] = "";
    struct source s;
    int rc;

    mr_call_cursor(c, &cursor, &after_schema, &after_name);
    f.after_schema = unarmour(c, after_schema, &a);
    f.after_name = unarmour(c, after_name, &b);
    rc = source_open(c, &s);
    if (rc == MR_OK)
        rc =
            explain(c, mr_database_tables(&s.opened.db, &f, &c->out, &page, why, sizeof(why)), why);
    mr_buf_free(&a);
    mr_buf_free(&b);
    if (rc == MR_OK && page.more) {
        mr_call_next(c, armour(page.last_schema, &a), armour(page.last_name, &b));
        mr_buf_free(&a);
        mr_buf_free(&b);
    }
    source_free(&s);
    mr_buf_free(&schema);
    mr_buf_free(&text);
    mr_buf_free(&cursor);
    return rc;
}
