/* databases.c - the steps that are the same for every kind of database: name, address, port. */
#include "databases/databases.h"
#include "base/clock.h"
#include "databases/catalog.h"
#include "databases/mysql.h"
#include "databases/mysql_parts.h"
#include "databases/postgres.h"
#include "databases/reach.h"
#include "databases/through_connect.h"
#include <stdio.h>

#define TRY_MS 3000 /* of one address, when there are more */

/* dns and tcp; *at: an address that answers. */
static bool reach(const struct mr_database *d, uint64_t deadline_ms, struct mr_address *at,
                  struct mr_checklist *l)
{
    struct mr_address found[MR_ADDRESSES_MAX];
    char why[300] = "";
    size_t n = 0;
    int rc = mr_resolve(d->allowed, d->host, d->port, deadline_ms, found, &n, why, sizeof(why));

    if (rc != MR_OK)
        return mr_check(l, rc == MR_E_FORBIDDEN ? "allowed" : "dns", false, "%s", why);
    mr_check(l, "dns", true, n > 1 ? "%s is %s, and %zu more." : "%s is %s.", d->host,
             found[0].text, n - 1);
    for (size_t i = 0; i < n; i++) {
        uint64_t until = mr_mono_ms() + TRY_MS;

        if (i + 1 == n || until > deadline_ms)
            until = deadline_ms;
        if (mr_reach(&found[i], until, why, sizeof(why)) == MR_OK) {
            *at = found[i];
            return mr_check(l, "tcp", true, "%s answers on port %d.", at->text, d->port);
        }
    }
    return mr_check(l, "tcp", false, "%s", why);
}

void mr_database_test(const struct mr_database *d, struct mr_checklist *l)
{
    uint64_t deadline = mr_mono_ms() + (uint64_t)d->timeout_ms;
    struct mr_address at;
    PGconn *conn;

    if (!reach(d, deadline, &at, l))
        return;
    if (strcmp(d->type, "mysql") == 0 || strcmp(d->type, "mariadb") == 0) {
        mydb_test(d, &at, deadline, l);
        return;
    }
    if (strcmp(d->type, "postgresql") != 0) {
        connectdb_test(d, deadline, l);
        return;
    }
    conn = pgdb_connect(d, &at, deadline, l);
    if (conn)
        pgdb_checks(d, conn, deadline, l);
    PQfinish(conn);
}

PGconn *pgdb_open(const struct mr_database *d, char *why, size_t size)
{
    uint64_t deadline = mr_mono_ms() + (uint64_t)d->timeout_ms;
    struct mr_checklist l;
    struct mr_address at;
    PGconn *conn = NULL;

    mr_checklist_init(&l);
    if (reach(d, deadline, &at, &l))
        conn = pgdb_connect(d, &at, deadline, &l);
    if (!conn)
        (void)snprintf(why, size, "%s", l.first);
    mr_buf_free(&l.json);
    return conn;
}

/* ---- the catalogue ------------------------------------------------------------------------ */

/* A session to read from: one of the two. */
struct session {
    PGconn *pg;
    MYSQL *my;
};

static bool is_mysql(const struct mr_database *d)
{
    return strcmp(d->type, "mysql") == 0 || strcmp(d->type, "mariadb") == 0;
}

static void session_end(struct session *s)
{
    PQfinish(s->pg);
    if (s->my)
        mysql_close(s->my);
}

/* MR_OK; MR_E_INVAL; MR_E_UNAVAIL: why says which step failed. */
static int session_begin(const struct mr_database *d, uint64_t deadline_ms, struct session *s,
                         char *why, size_t size)
{
    struct mr_checklist l;
    struct mr_address at;

    *s = (struct session){0};
    if (strcmp(d->type, "postgresql") != 0 && !is_mysql(d)) {
        (void)snprintf(why, size,
                       "The catalogue of %s cannot be read here: name its tables by hand.",
                       d->type);
        return MR_E_INVAL;
    }
    mr_checklist_init(&l);
    if (reach(d, deadline_ms, &at, &l) && is_mysql(d))
        s->my = mydb_connect(d, &at, deadline_ms, &l);
    else if (!l.failed)
        s->pg = pgdb_connect(d, &at, deadline_ms, &l);
    if (!s->pg && !s->my)
        (void)snprintf(why, size, "%s", l.first);
    mr_buf_free(&l.json);
    return s->pg || s->my ? MR_OK : MR_E_UNAVAIL;
}

int mr_database_schemas(const struct mr_database *d, struct mr_buf *json, char *why, size_t size)
{
    uint64_t deadline = mr_mono_ms() + (uint64_t)d->timeout_ms;
    struct session s;
    int rc = session_begin(d, deadline, &s, why, size);

    if (rc == MR_OK)
        rc = s.my ? mydb_schemas(s.my, deadline, json, why, size)
                  : pgdb_schemas(s.pg, deadline, json, why, size);
    session_end(&s);
    return rc;
}

int mr_database_tables(const struct mr_database *d, const struct mr_table_filter *f,
                       struct mr_buf *json, struct mr_table_page *page, char *why, size_t size)
{
    uint64_t deadline = mr_mono_ms() + (uint64_t)d->timeout_ms;
    struct session s;
    int rc = session_begin(d, deadline, &s, why, size);

    if (rc == MR_OK)
        rc = s.my ? mydb_tables(s.my, deadline, f, json, page, why, size)
                  : pgdb_tables(s.pg, deadline, f, json, page, why, size);
    session_end(&s);
    return rc;
}
