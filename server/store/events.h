/* events.h - reading the event log for people: newest first, filtered, a page at a time. Replay for
 * the rooms is in runs.h. An event is always the text that was emitted. [thread: worker] */
#ifndef STORE_EVENTS_H
#define STORE_EVENTS_H

#include "base/uuid.h"
#include "proto/json.h"
#include "store/pg.h"

/* Every other member NULL: any. Times are RFC 3339 text, kinds names with commas. */
struct mr_event_filter {
    const char *hidden; /* pipelines to leave out, a PostgreSQL array; never NULL */
    const char *pipeline_id, *kinds, *table, *schema, *status, *from, *to, *text, *tx_id;
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
/* For files: events of the filter as lines, newest first, about 512 KiB of them; before_seq is
 * moved behind them, so that the next call gives the next. *rows: how many; 0: there are no more.
 * MR_OK and errors as above. */
enum mr_event_form { MR_EVENTS_JSON, MR_EVENTS_NDJSON, MR_EVENTS_CSV };
#define MR_EVENTS_CSV_HEAD                                                                         \
    "seq,pipeline_seq,id,pipeline_id,event_type,schema_name,table_name,started_at,latency_ms,"     \
    "position,tx_id,topic,partition,offset,key,before,after\r\n"
MR_MUSTCHECK int mr_events_piece(struct mr_pg *c, struct mr_event_filter *f,
                                 enum mr_event_form form, struct mr_buf *lines, int64_t *rows);
/* Append one event. MR_E_NOTFOUND, also when it is of a hidden pipeline. */
MR_MUSTCHECK int mr_events_get(struct mr_pg *c, const char *id, const char *hidden,
                               struct mr_buf *json);

/* Sums of pipeline_counters; of one pipeline, or all with pipeline_id NULL. Append the members of
 * the dashboard's object that PostgreSQL knows, beginning with "total_events", without braces. */
MR_MUSTCHECK int mr_events_dashboard(struct mr_pg *c, const char *pipeline_id, const char *hidden,
                                     struct mr_buf *members);

#endif
