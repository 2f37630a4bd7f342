/* analytics.h - what was logged over a range of time, from the minutes that the logger keeps: a
 * chart over weeks reads minutes, never events. Only the top keys look at events, the newest of the
 * range, and at no more than MR_KEYS_LOOKED_AT. [thread: worker] */
#ifndef STORE_ANALYTICS_H
#define STORE_ANALYTICS_H

#include "proto/buf.h"
#include "store/pg.h"

#define MR_ANALYTICS_POINTS 1500  /* of a series at most */
#define MR_KEYS_LOOKED_AT   10000 /* events */

struct mr_analytics_range {
    const char *pipeline_id; /* NULL: all but those hidden */
    const char *hidden;      /* a PostgreSQL array; never NULL */
    int64_t from_ms, to_ms;  /* Unix time; whole minutes, from included, to not */
    int64_t step_ms;         /* of a point: whole minutes */
};

/* Append the members "points", "tables", "pipelines" and "errors" of the object, without braces. */
MR_MUSTCHECK int mr_analytics_read(struct mr_pg *c, const struct mr_analytics_range *r,
                                   struct mr_buf *members);
/* Append an array of the keys that changed most among the newest events of the range, at most
 * limit; *looked_at how many events that were. */
MR_MUSTCHECK int mr_analytics_keys(struct mr_pg *c, const struct mr_analytics_range *r,
                                   int64_t limit, struct mr_buf *json, int64_t *looked_at);

#endif
