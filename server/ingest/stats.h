/* stats.h - one sampler for all who watch: every 500 ms it asks Redis how much there is and how
 * much was done, and keeps the last 50 s of samples, and coarser ones for the time before.
 *
 * A rate is what the total grew by over the last 10 s, so it is true whoever did it, and falls to 0
 * when nothing comes. */
#ifndef INGEST_STATS_H
#define INGEST_STATS_H

#include "base/config.h"
#include "proto/buf.h"

#define MR_STATS_MS 500

struct mr_stats_sampler;

/* on_sample is called with each sample that Redis answered, on the sampler's thread; NULL: nobody
 * is. */
MR_MUSTCHECK int mr_sampler_new(struct mr_stats_sampler **out, const struct mr_config *cfg,
                                void (*on_sample)(void *ctx, int64_t messages, int64_t batches,
                                                  int64_t queue),
                                void *ctx);
void mr_sampler_free(struct mr_stats_sampler *s);

/* Append {total_messages, current_rps, messages_per_second, queue_depth, queue_length,
 * total_batches, avg_batch_size, timestamp, p50_latency_ms, p95_latency_ms, p99_latency_ms,
 * batch_ms}: the last sample. [thread: any] */
void mr_sampler_json(struct mr_stats_sampler *s, struct mr_buf *out);
/* Append an array of the last points, oldest first: the samples of the last 50 s, and before them
 * one a minute. [thread: any] */
void mr_sampler_history(struct mr_stats_sampler *s, size_t points, struct mr_buf *out);

#endif
