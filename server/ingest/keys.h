/* keys.h - what ingestion has in Redis. The first four are as producers and dashboards know them.
 */
#ifndef INGEST_KEYS_H
#define INGEST_KEYS_H

#define MR_KEY_PENDING                                                                             \
    "pending_messages" /* list: producers LPUSH JSON objects, workers take from the right */
#define MR_KEY_MESSAGES "total_messages"
#define MR_KEY_BATCHES  "total_batches"
#define MR_KEY_RPS      "current_rps"
/* "p50 p95 p99 batch" in ms, of the worker that stored last; gone after a minute. */
#define MR_KEY_LATENCY "millrace:ingest:latency"
/* A batch between queue and PostgreSQL: millrace:ingest:batch:<worker>:<batch>; its worker lives
 * while millrace:ingest:worker:<worker> does. */
#define MR_KEY_BATCH  "millrace:ingest:batch:"
#define MR_KEY_WORKER "millrace:ingest:worker:"

#endif
