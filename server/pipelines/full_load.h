/* full_load.h - copying the tables of a PostgreSQL source into a PostgreSQL target, in parallel and
 * in pieces, all under one exported snapshot.
 *
 * What is to be copied is written into the target before anything is (a table of pieces beside the
 * tables), and a piece is marked there by the transaction that copies it. So whatever dies, a piece
 * is in the target once or not at all, and the next run goes on with those that are missing.
 *
 * Going on under a later snapshot than the slot's is exact only where the changes since the slot
 * are applied on top by primary key and no other unique index could object meanwhile;
 * mr_load_resumable says whether that holds. Otherwise the load is undone and done again. [thread:
 * worker] */
#ifndef PIPELINES_FULL_LOAD_H
#define PIPELINES_FULL_LOAD_H

#include "pipelines/pg_tables.h"
#include <stdatomic.h>

struct mr_load_table_progress {
    _Atomic int64_t rows, bytes;
    atomic_int chunks, chunks_done, phase; /* phase: enum mr_load_phase */
};
enum mr_load_phase {
    MR_LOAD_WAITING,
    MR_LOAD_COPYING,
    MR_LOAD_INDEXING,
    MR_LOAD_DONE,
    MR_LOAD_FAILED
};

struct mr_load {
    const struct mr_plan *plan;
    struct mr_pg_tables *tables;
    const char *snapshot; /* exported by a session that stays open meanwhile */
    int workers;
    int64_t rate_bytes;                      /* a second, of all workers; 0: no limit */
    struct mr_load_table_progress *progress; /* one a table */
    /* Called about twice a second by the thread that runs the load: write the progress down. Not
     * MR_OK: end with that. */
    int (*tick)(struct mr_load *l, void *ctx);
    void *ctx;
    char why[512]; /* what went wrong */
};

enum mr_load_stand {
    MR_LOAD_FRESH, /* nothing is copied yet */
    MR_LOAD_BEGUN, /* some pieces are in the target */
    MR_LOAD_COPIED /* all are */
};

/* How far is an earlier run? MR_OK; MR_E_UNAVAIL. */
MR_MUSTCHECK int mr_load_stand(PGconn *target, const struct mr_plan *p, enum mr_load_stand *out,
                               char *why, size_t size);
bool mr_load_resumable(const struct mr_plan *p, const struct mr_pg_tables *t);
/* Make schema, types and tables in the target; what is there already is left alone. */
MR_MUSTCHECK int mr_load_make(PGconn *target, const struct mr_pg_tables *t, char *why, size_t size);
/* Write down the pieces, unless an earlier run has. */
MR_MUSTCHECK int mr_load_plan(PGconn *target, const struct mr_plan *p, const struct mr_pg_tables *t,
                              char *why, size_t size);
/* Copy what is missing. MR_OK; MR_E_CLOSED (tick said so); MR_E_AGAIN: the snapshot has gone, take
 * another; MR_E_UNAVAIL: a database is away; MR_E_DATA: one of them refused. */
MR_MUSTCHECK int mr_load_copy(struct mr_load *l);
/* Keys, then indexes, tables in parallel; then sequences moved on and statistics taken. */
MR_MUSTCHECK int mr_load_finish(struct mr_load *l);
/* The same for tables that need no load: their keys, right away. */
MR_MUSTCHECK int mr_load_keys(PGconn *target, const struct mr_pg_tables *t, char *why, size_t size);
/* Forget the table of pieces. */
MR_MUSTCHECK int mr_load_tidy(PGconn *target, const struct mr_plan *p, char *why, size_t size);
/* Empty the tables and forget the pieces. */
MR_MUSTCHECK int mr_load_undo(PGconn *target, const struct mr_plan *p, const struct mr_pg_tables *t,
                              char *why, size_t size);

/* load_pieces.c: between the files of the load */
struct mr_piece {
    int seq;      /* its row in the table of pieces */
    size_t table; /* index */
    char leaf_schema[64], leaf[64];
    int64_t from_page, to_page; /* to_page -1: to the end */
    bool done;
};
void mr_pieces_name(const struct mr_plan *p, struct mr_buf *out);
MR_MUSTCHECK int mr_pieces_read(PGconn *target, const struct mr_plan *p,
                                const struct mr_pg_tables *t, struct mr_piece **out, size_t *n,
                                struct mr_load_table_progress *progress, char *why, size_t size);

#endif
