/* activity.h - the table activity: what happened lately, for people. Pipelines are written there by
 * a trigger, the rest by feeds/activity.h. [thread: worker] */
#ifndef STORE_ACTIVITY_H
#define STORE_ACTIVITY_H

#include "proto/buf.h"
#include "store/pg.h"

#define MR_ACTIVITY_KEPT 10000 /* the newest */

struct mr_activity_entry {
    const char *kind;    /* "ingestion", "simulation", "service" */
    const char *outcome; /* "success", "failure", "info" */
    const char *message; /* a sentence */
    const char *details; /* a JSON object */
    const char *ref;     /* the same of all who write of the same; NULL: nobody else does */
};

/* MR_OK, also when it is there by its ref; MR_E_DATA, MR_E_DB. */
MR_MUSTCHECK int mr_activity_add(struct mr_pg *c, const struct mr_activity_entry *e);
/* Append an array of the newest, newest first, without those of hidden pipelines (an array of
 * PostgreSQL's: "{}"). */
MR_MUSTCHECK int mr_activity_recent(struct mr_pg *c, int64_t limit, const char *hidden,
                                    struct mr_buf *json);
/* Append an array of what came after an id, oldest first, at most 200, and move the id there. -1:
 * nothing; the id becomes the present one. */
MR_MUSTCHECK int mr_activity_after(struct mr_pg *c, int64_t *id, struct mr_buf *json);
/* Drop what is older than those kept. */
MR_MUSTCHECK int mr_activity_trim(struct mr_pg *c);

#endif
