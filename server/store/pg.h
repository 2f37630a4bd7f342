/* pg.h - PostgreSQL: a pool of libpq connections for straight-line code on worker threads.
 *
 * Every call blocks, so none may be made on the loop thread. Every statement is parameterised.
 * Errors are mapped once, here: MR_E_DATA (SQLSTATE 22, 23 but not 23505, 54), MR_E_CONFLICT (23505
 * unique, 40001, 40P01), MR_E_TIMEOUT (57014, or no answer well past the statement timeout),
 * MR_E_DB (connection gone, 08, 53, 57P0x, the rest).
 * PQerrorMessage is never logged: its DETAIL quotes row values; SQLSTATE and primary message are.
 */
#ifndef STORE_PG_H
#define STORE_PG_H

#include "proto/err.h"
#include "proto/span.h"
#include <libpq-fe.h>

struct mr_pg_pool;
struct mr_pg; /* one connection, owned by one thread from acquire to release */

struct mr_pg_options {
    const char *url;         /* borrowed for the call */
    const char *application; /* application_name, e.g. "millrace-api" */
    size_t connections_max;
    int64_t connect_timeout_ms;
    int64_t statement_timeout_ms; /* 0: none */
};

/* Does not connect yet. MR_OK; MR_E_NOMEM; MR_E_CONFIG: the url is not one. */
MR_MUSTCHECK int mr_pg_pool_new(struct mr_pg_pool **out, const struct mr_pg_options *opt);
void mr_pg_pool_free(struct mr_pg_pool *p); /* every connection must have been released */
/* A working connection, waiting at most timeout_ms for a free one. A connection attempt that failed
 * less than 500 ms ago is not repeated: MR_E_DB at once, so that an outage costs no thread.
 * MR_OK; MR_E_AGAIN: all busy; MR_E_DB: PostgreSQL is away. [thread: worker] */
MR_MUSTCHECK int mr_pg_acquire(struct mr_pg_pool *p, int64_t timeout_ms, struct mr_pg **out);
/* Give back; a connection that is broken or inside a transaction is closed. NULL is allowed. */
void mr_pg_release(struct mr_pg_pool *p, struct mr_pg *c);
/* How many are open, and of them lying idle. [thread: any] */
void mr_pg_pool_count(struct mr_pg_pool *p, size_t *open, size_t *idle);
/* A connection of one's own, outside any pool (the logger's persister, LISTEN). MR_OK; MR_E_NOMEM;
 * MR_E_CONFIG: the url is not one; MR_E_DB: away or refused (logged). */
MR_MUSTCHECK int mr_pg_connect(struct mr_pg **out, const struct mr_pg_options *opt);
void mr_pg_close(struct mr_pg *c);
PGconn *mr_pg_raw(struct mr_pg *c);

/* Run one statement with n text parameters (NULL: SQL NULL); res, when not NULL, receives the
 * result (PQclear by the caller; NULL on error). Statements are prepared and cached by the pointer
 * of the sql literal. MR_OK or a mapped error (logged once, with SQLSTATE and where). */
MR_MUSTCHECK int mr_pg_exec(struct mr_pg *c, const char *sql, int n, const char *const *params,
                            PGresult **res);
/* Who works on this connection from now on: "millrace" and text, cut to what PostgreSQL keeps, is
 * its application_name, so that pg_stat_activity and the server's log name the request. It is told
 * with the next statement, and costs no round trip of its own. */
void mr_pg_label(struct mr_pg *c, const char *text);
/* Several statements without parameters in one go (BEGIN, COMMIT, migrations). */
MR_MUSTCHECK int mr_pg_run(struct mr_pg *c, const char *sql);
/* Map a failed result to MR_E_*. */
int mr_pg_err(const PGresult *res);
/* One column as a span; empty with ptr NULL for SQL NULL. Borrows res. */
struct mr_span mr_pg_span(const PGresult *res, int row, int col);
int64_t mr_pg_i64(const PGresult *res, int row, int col);

#endif
