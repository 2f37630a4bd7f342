/* kafka.h - the thread that takes messages from a Kafka topic (MILLRACE_INGEST_TOPIC), the same
 * JSON objects as the queue's, into the same table.
 *
 * A message's ingest id is made of its topic, partition, offset and timestamp: what is read again
 * after a crash is stored once, and a topic that was deleted and made anew is another. Kafka's
 * offsets are committed after PostgreSQL has the batch. Several processes share the partitions as
 * one consumer group. */
#ifndef INGEST_KAFKA_H
#define INGEST_KAFKA_H

#include "base/config.h"
#include "proto/err.h"
#include "proto/span.h"

struct mr_kafka_ingest;

/* MR_OK, with *out NULL when no topic is set; MR_E_CONFIG; MR_E_NOMEM; MR_E_IO. */
MR_MUSTCHECK int mr_kafka_ingest_new(struct mr_kafka_ingest **out, const struct mr_config *cfg);
void mr_kafka_ingest_free(struct mr_kafka_ingest *k);

/* The id of a place in Kafka, as a UUID (version 8). Pure. */
void mr_kafka_ingest_id(const char *topic, int partition, int64_t offset, int64_t timestamp_ms,
                        char out[37]);

#endif
