/* messages.h - the tables messages, ingest_counters and ingest_dead_letters. [thread: worker] */
#ifndef STORE_MESSAGES_H
#define STORE_MESSAGES_H

#include "proto/buf.h"
#include "store/pg.h"

struct mr_message_counters {
    int64_t messages, batches, failed;
};

/* Store a batch, whole or not at all: batch is a JSON array of {ingest_id, user_id, channel_id,
 * content, created_at}. What is stored already is left as it is and not counted again. counters: as
 * they are after it. Within the caller's transaction. MR_E_DATA: PostgreSQL refuses one of them. */
MR_MUSTCHECK int mr_messages_add(struct mr_pg *c, const char *batch,
                                 struct mr_message_counters *counters);
/* One that nothing will store. payload: its bytes. Within the caller's transaction. */
MR_MUSTCHECK int mr_messages_bury(struct mr_pg *c, const char *ingest_id, struct mr_span payload,
                                  const char *reason);
MR_MUSTCHECK int mr_messages_counters(struct mr_pg *c, struct mr_message_counters *out);
/* Append an array of the newest, newest first. */
MR_MUSTCHECK int mr_messages_newest(struct mr_pg *c, int64_t limit, struct mr_buf *json);

#endif
