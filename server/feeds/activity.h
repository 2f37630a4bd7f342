/* activity.h - what happened, on its way into the table activity: a thread that keeps it while
 * PostgreSQL is away, up to 1,000 entries; what does not fit is counted as not persisted. */
#ifndef FEEDS_ACTIVITY_H
#define FEEDS_ACTIVITY_H

#include "base/config.h"
#include "store/activity.h"

struct mr_activity;

MR_MUSTCHECK int mr_activity_new(struct mr_activity **out, const struct mr_config *cfg);
void mr_activity_free(struct mr_activity *a); /* blocks; what waits is tried once more */
/* Copies. Never blocks for long; a may be NULL. [thread: any] */
void mr_activity_note(struct mr_activity *a, const struct mr_activity_entry *e);
/* A sample of the ingestion: when the queue has run empty after messages came, that is noted, and
 * how many they were. [thread: sampler] */
void mr_activity_ingested(struct mr_activity *a, int64_t messages, int64_t batches, int64_t queue);

#endif
