/* keys.h - what ingestion has in Redis. The first four are as producers and dashboards know them.
 */
#ifndef INGEST_KEYS_H
#define INGEST_KEYS_H

#define MR_KEY_PENDING                                                                             \
    "pending_messages" /* list: producers LPUSH JSON objects, workers take from the right */
#define MR_KEY_MESSAGES "total_messages"
#define MR_KEY_BATCHES  "total_batches"
#define MR_KEY_RPS      "current_rps"
/* A batch between queue and PostgreSQL: millrace:ingest:batch:<worker>:<batch>; its worker lives
 * while millrace:ingest:worker:<worker> does. */
#define MR_KEY_BATCH  "millrace:ingest:batch:"
#define MR_KEY_WORKER "millrace:ingest:worker:"

#endif
