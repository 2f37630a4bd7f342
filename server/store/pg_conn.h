/* pg_conn.h - what a connection is, for the two files that make and lend them. */
#ifndef STORE_PG_CONN_H
#define STORE_PG_CONN_H

#include "store/pg.h"

#define PG_STATEMENTS_MAX 64 /* prepared per connection; beyond it statements run unprepared */

struct mr_pg {
    PGconn *conn;
    int64_t answer_ms;                       /* longest wait for an answer; 0: for ever */
    const char *prepared[PG_STATEMENTS_MAX]; /* by the literal's address; the index is the name */
    size_t n_prepared;
    char label[64];     /* to be told to the server with the next statement; "" when it knows */
    struct mr_pg *next; /* in the pool's list of idle ones */
};

#endif
