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
/* A session as d->use wants it, to the first of the host's addresses that answers. NULL: why says
 * which step failed. The caller calls PQfinish. */
PGconn *pgdb_open(const struct mr_database *d, char *why, size_t size);
/* One statement with text parameters within the deadline. NULL: it failed; why says so. */
PGresult *pgdb_query(PGconn *conn, uint64_t deadline_ms, const char *sql, int n,
                     const char *const *params, char *why, size_t size);
/* One statement, or several without parameters, whose rows do not matter. MR_OK; MR_E_CONFLICT:
 * there is one already (SQLSTATE 42P07, 42710, 42P06, 23505); MR_E_NOTFOUND: there is none (42704,
 * 42P01, 3F000); MR_E_AGAIN: in use (55006); MR_E_DATA: it was refused otherwise; MR_E_UNAVAIL:
 * the session is gone. why says it, unless MR_OK. */
MR_MUSTCHECK int pgdb_run(PGconn *conn, const char *sql, char *why, size_t size);
/* The same for what comes back of a PQexec. Borrows res. */
MR_MUSTCHECK int pgdb_result(const PGconn *conn, const PGresult *res, char *why, size_t size);
/* The checks that need a session. */
void pgdb_checks(const struct mr_database *d, PGconn *conn, uint64_t deadline_ms,
                 struct mr_checklist *l);

#endif
