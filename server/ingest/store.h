/* store.h - messages into PostgreSQL, wherever they come from: a batch in one transaction, what
 * cannot be stored as dead letters, and patience while PostgreSQL is away. For the threads of
 * ingest alone. */
#ifndef INGEST_STORE_H
#define INGEST_STORE_H

#include "base/config.h"
#include "store/messages.h"
#include <stdatomic.h>

#define MR_INGEST_ID 37 /* a UUID as text, with its NUL */

/* ids: what each is called when it brings no id of its own; the same message always gets the same.
 */
struct mr_ingest_batch {
    size_t n;
    const struct mr_span *texts;
    const char (*ids)[MR_INGEST_ID];
};

struct mr_ingest_store {
    const struct mr_config *cfg;
    const char *application;
    atomic_bool *stopping;
    /* Called between two tries, so that others see that somebody has the batch. Not MR_OK: give up
     * with that. */
    int (*tick)(void *ctx);
    void *ctx;
    struct mr_pg *db; /* NULL: not connected */
};

/* Until it is stored, however long PostgreSQL is away. counters: as they are then; buried: how many
 * were. MR_OK; MR_E_CLOSED: stopping, PostgreSQL away; MR_E_NOMEM; what tick says. */
MR_MUSTCHECK int mr_ingest_store(struct mr_ingest_store *s, const struct mr_ingest_batch *b,
                                 struct mr_message_counters *counters, size_t *buried);
/* Connect, unless it is. */
MR_MUSTCHECK int mr_ingest_open(struct mr_ingest_store *s);
void mr_ingest_close(struct mr_ingest_store *s);
/* Sleep, but wake up for the end. */
void mr_ingest_rest(const atomic_bool *stopping, int64_t ms);

/* batch.c: a message as a row to be. Pure. */
struct mr_batch_row {
    char ingest_id[MR_INGEST_ID];
    const char *reason; /* why it cannot be one; NULL: it can */
};
/* Appends the object that mr_messages_add takes, unless there is a reason. */
void mr_batch_row(struct mr_span text, const char id[MR_INGEST_ID], struct mr_batch_row *out,
                  struct mr_buf *json);
/* The id of a place in a batch that has a UUID. */
void mr_batch_id(const char *batch, size_t at, char out[MR_INGEST_ID]);

#endif
