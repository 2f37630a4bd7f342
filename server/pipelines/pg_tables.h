/* pg_tables.h - the tables of a PostgreSQL source that a pipeline takes, and how each is made anew
 * in a PostgreSQL target. [thread: worker] */
#ifndef PIPELINES_PG_TABLES_H
#define PIPELINES_PG_TABLES_H

#include "databases/postgres.h"
#include "pipelines/plan.h"

/* A piece of a table that is copied in one go: pages of one relation. */
struct mr_pg_leaf {
    char *schema, *name; /* the table itself, or a partition of it */
    int64_t pages;
};

struct mr_pg_table {
    char *schema, *name, *target;
    char oid[16];
    int64_t rows, bytes; /* estimates */
    bool has_key;        /* a primary key: a change finds its row */
    bool full_identity;  /* REPLICA IDENTITY FULL */
    bool wide;           /* a column may be kept out of line */
    bool unique_beside;  /* a unique index other than the primary key */
    char *columns;       /* what is copied, quoted, with commas; generated ones are not */
    char *refused;       /* why it cannot be taken; NULL: it can */
    char *warned;        /* what will be different in the target; NULL: nothing */
    char **before;       /* statements that make it: schema, types, table, comments */
    char **after;        /* statements for the end of the load: keys, then indexes */
    size_t n_before, n_after;
    char **serials; /* columns whose sequence has to be moved on */
    size_t n_serials;
    struct mr_pg_leaf *leaves;
    size_t n_leaves;
};

struct mr_pg_tables {
    struct mr_pg_table *list;
    size_t n;
};

/* MR_OK: n may be 0; MR_E_UNAVAIL: why says what the source said; MR_E_NOMEM. */
MR_MUSTCHECK int mr_pg_tables_read(PGconn *source, const struct mr_plan *p, uint64_t deadline_ms,
                                   struct mr_pg_tables *out, char *why, size_t size);
void mr_pg_tables_free(struct mr_pg_tables *t);

/* A name as SQL. Appends it. */
void mr_pg_quote(struct mr_buf *b, const char *name);
/* schema.name as SQL. */
void mr_pg_quote2(struct mr_buf *b, const char *schema, const char *name);
/* A string as SQL. */
void mr_pg_literal(struct mr_buf *b, const char *text);

#endif
