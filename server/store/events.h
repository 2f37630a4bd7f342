/* events.h - reading the event log for people: newest first, filtered, a page at a time. Replay for
 * the rooms is in runs.h. An event is always the text that was emitted. [thread: worker] */
#ifndef STORE_EVENTS_H
#define STORE_EVENTS_H

#include "base/uuid.h"
#include "proto/json.h"
#include "store/pg.h"

/* Every other member NULL: any. Times are RFC 3339 text. */
struct mr_event_filter {
    const char *hidden; /* pipelines to leave out, a PostgreSQL array; never NULL */
    const char *pipeline_id, *kind, *table, *schema, *status, *from, *to, *text;
    int64_t after_seq;  /* exclusive; 0: from the log's beginning */
    int64_t before_seq; /* exclusive; INT64_MAX: from the newest */
    int64_t limit;
};
struct mr_event_page {
    bool more;
    int64_t last_seq; /* of the last element, for the next cursor */
};

/* Append a JSON array. MR_OK; MR_E_DATA: a value PostgreSQL cannot read (a time); mapped errors. */
MR_MUSTCHECK int mr_events_list(struct mr_pg *c, const struct mr_event_filter *f,
                                struct mr_buf *json, struct mr_event_page *page);
/* Append one event. MR_E_NOTFOUND, also when it is of a hidden pipeline. */
MR_MUSTCHECK int mr_events_get(struct mr_pg *c, const char *id, const char *hidden,
                               struct mr_buf *json);

/* Sums of pipeline_counters; of one pipeline, or all with pipeline_id NULL. Append the members of
 * the dashboard's object that PostgreSQL knows, beginning with "total_events", without braces. */
MR_MUSTCHECK int mr_events_dashboard(struct mr_pg *c, const char *pipeline_id, const char *hidden,
                                     struct mr_buf *members);

#endif
