/* latency.h - how long messages take from their acceptance to PostgreSQL, of the last thousand. The
 * time of acceptance is in the id that the REST interface gives them (UUID version 7). Pure. */
#ifndef INGEST_LATENCY_H
#define INGEST_LATENCY_H

#include "proto/span.h"
#include <stdint.h>

#define MR_LATENCIES 1024

struct mr_latencies {
    uint32_t ms[MR_LATENCIES];
    size_t n; /* ever added */
};

/* A message of the queue that is stored at this Unix time; one without such an id is left out. */
void mr_latency_add(struct mr_latencies *l, struct mr_span message, int64_t now_ms);
/* p50, p95, p99 in ms. False: there is none yet. */
bool mr_latency_percentiles(const struct mr_latencies *l, uint32_t out[3]);

#endif
