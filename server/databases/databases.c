/* databases.c - the steps that are the same for every kind of database: name, address, port. */
#include "databases/databases.h"
#include "base/clock.h"
#include "databases/postgres.h"
#include "databases/reach.h"
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
    if (strcmp(d->type, "postgresql") != 0) {
        mr_check(l, "driver", false,
                 "This version can look into PostgreSQL only: %s answers, and no more is known.",
                 d->type);
        return;
    }
    conn = pgdb_connect(d, &at, deadline, l);
    if (conn)
        pgdb_checks(d, conn, deadline, l);
    PQfinish(conn);
}
