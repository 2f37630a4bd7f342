/* postgres.h - PostgreSQL as a source or target: a connection of its own, to the address that was
 * judged, with nothing taken from the server's environment. [thread: worker] */
#ifndef DATABASES_POSTGRES_H
#define DATABASES_POSTGRES_H

#include "databases/databases.h"
#include "databases/reach.h"
#include <libpq-fe.h>

/* Connect within the deadline, writing the checks tls, login and database. NULL: one of them has
 * failed. The caller calls PQfinish. */
PGconn *pgdb_connect(const struct mr_database *d, const struct mr_address *a, uint64_t deadline_ms,
                     struct mr_checklist *l);
/* One statement with text parameters within the deadline. NULL: it failed; why says so. */
PGresult *pgdb_query(PGconn *conn, uint64_t deadline_ms, const char *sql, int n,
                     const char *const *params, char *why, size_t size);
/* The checks that need a session. */
void pgdb_checks(const struct mr_database *d, PGconn *conn, uint64_t deadline_ms,
                 struct mr_checklist *l);

#endif
