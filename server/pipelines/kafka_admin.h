/* kafka_admin.h - what the control plane asks of Kafka itself: which topics and consumer groups
 * there are, and deleting them. Blocks. [thread: worker] */
#ifndef PIPELINES_KAFKA_ADMIN_H
#define PIPELINES_KAFKA_ADMIN_H

#include "base/config.h"
#include "proto/err.h"
#include <librdkafka/rdkafka.h>

/* A client that consumes nothing and logs nothing. NULL: out of memory, or no list of brokers. */
rd_kafka_t *mr_kafka_client(const struct mr_config *cfg);

/* Each name that begins with start. MR_OK; MR_E_UNAVAIL with a sentence in why. found may stop the
 * walk by returning what is not MR_OK. */
MR_MUSTCHECK int mr_kafka_topics(rd_kafka_t *k, const char *start,
                                 int (*found)(void *ctx, const char *name), void *ctx, char *why,
                                 size_t size);
MR_MUSTCHECK int mr_kafka_groups(rd_kafka_t *k, const char *start,
                                 int (*found)(void *ctx, const char *name), void *ctx, char *why,
                                 size_t size);
/* MR_OK also when there is none; MR_E_AGAIN: the group has members still; MR_E_UNAVAIL. */
MR_MUSTCHECK int mr_kafka_drop_group(rd_kafka_t *k, const char *name, char *why, size_t size);
MR_MUSTCHECK int mr_kafka_drop_topic(rd_kafka_t *k, const char *name, char *why, size_t size);

#endif
