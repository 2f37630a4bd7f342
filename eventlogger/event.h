/* event.h - a change as browsers see it and as SQL asks for it, encoded once.
 *
 *   {"id":..,"pipeline_id":..,"run_type":"CDC",..,"source_lsn":..,"seq":..,<metadata>}
 *   |------------------- event, the replication_event, byte for byte ----------------|
 *                                                                {"seq":..,<metadata>} run_metadata
 *
 * The metadata is the event's tail, so that the second text is a copy of the first one's end.
 * before, after and key stay the source's own bytes. Nothing is allocated. [thread: any] */
#ifndef EVENTLOGGER_EVENT_H
#define EVENTLOGGER_EVENT_H

#include "base/clock.h"
#include "base/uuid.h"
#include "proto/cdc.h"

#define EL_POSITION_TEXT 160 /* longer positions are cut */

/* What the log adds to a change. Everything is borrowed. */
struct el_event_place {
    struct mr_uuid id, pipeline_id;
    int64_t seq, pipeline_seq;
    int64_t logged_us;       /* Unix time of the logging */
    const char *logged_text; /* the same, by mr_time_format: one a batch */
    struct mr_span topic;
    int32_t partition;
    int64_t offset;
    int64_t record_ms;    /* Kafka's timestamp; -1 unknown */
    size_t row_bytes_max; /* of before and after together; above it markers stand there */
};

struct el_event_text {
    size_t len;      /* bytes written */
    size_t metadata; /* where the metadata begins; it ends with the event's closing brace */
};

/* How many bytes el_event_write may need. */
size_t el_event_bound(const struct mr_change *c, const struct el_event_place *p);
/* Write the event at out, which has room for the bound. */
struct el_event_text el_event_write(char *out, const struct mr_change *c,
                                    const struct el_event_place *p);

/* Milliseconds from the source's commit to the logging, at least 0; -1 for snapshot rows and where
 * the source does not say. */
int64_t el_event_latency_ms(const struct mr_change *c, int64_t logged_us);
/* The connector's own position ("0/1A2B3C8", a GTID, "binlog.3:154", ..), its JSON escapes kept; ""
 * when it has none. Returns its length. */
size_t el_event_position(const struct mr_change *c, char out[EL_POSITION_TEXT]);

#endif
