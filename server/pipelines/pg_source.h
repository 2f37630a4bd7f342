/* pg_source.h - what a PostgreSQL source gives a pipeline: a publication, a replication slot, the
 * snapshot that belongs to it, and how far it is. Nothing else in the program knows these.
 * [thread: worker] */
#ifndef PIPELINES_PG_SOURCE_H
#define PIPELINES_PG_SOURCE_H

#include "pipelines/pg_tables.h"

/* Make the publication, or give it these tables. */
MR_MUSTCHECK int mr_pg_publish(PGconn *source, const struct mr_plan *p,
                               const struct mr_pg_tables *t, char *why, size_t size);

struct mr_pg_slot {
    bool there, active;
    char plugin[64], wal_status[16], confirmed[32], current[32];
    int64_t lag_bytes, retained_bytes;
    int64_t safe_bytes; /* until it is lost; -1: it is never given up */
};
/* *out says whether there is one. */
MR_MUSTCHECK int mr_pg_slot_look(PGconn *source, const char *name, uint64_t deadline_ms,
                                 struct mr_pg_slot *out, char *why, size_t size);

/* A session that holds a snapshot for others. */
struct mr_pg_snapshot {
    PGconn *holder;
    char name[128];
    char lsn[32]; /* of the slot: where changes begin; else the WAL's end, for information */
};
/* Make the slot, and a snapshot of the moment from which it has every change. Waits for older
 * transactions to end; give_up is asked meanwhile (then MR_E_CLOSED). MR_E_CONFLICT: there is such
 * a slot. */
MR_MUSTCHECK int mr_pg_slot_make(const struct mr_plan *p, struct mr_pg_snapshot *out,
                                 bool (*give_up)(void *ctx), void *ctx, char *why, size_t size);
/* A snapshot alone. */
MR_MUSTCHECK int mr_pg_snapshot_take(const struct mr_plan *p, struct mr_pg_snapshot *out, char *why,
                                     size_t size);
void mr_pg_snapshot_free(struct mr_pg_snapshot *s);

/* MR_OK also when there is none; MR_E_AGAIN: somebody uses the slot. */
MR_MUSTCHECK int mr_pg_slot_drop(PGconn *source, const char *name, char *why, size_t size);
MR_MUSTCHECK int mr_pg_unpublish(PGconn *source, const char *name, char *why, size_t size);

#endif
