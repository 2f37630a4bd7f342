/* kafka_settings.h - what an operator tells librdkafka: MILLRACE_KAFKA_<NAME> sets the property
 * whose name is <NAME> in lower case with dots, so MILLRACE_KAFKA_SASL_PASSWORD is sasl.password.
 *
 * They go to every Kafka client of the process. What exactly-once rests on (offsets, isolation, the
 * group) cannot be set. Source: librdkafka, CONFIGURATION.md. */
#ifndef STORE_KAFKA_SETTINGS_H
#define STORE_KAFKA_SETTINGS_H

#include "proto/err.h"

#include <librdkafka/rdkafka.h>

#define MR_KAFKA_WHY 320

/* Set them on a client's settings, after its own. MR_OK; MR_E_CONFIG: why names the variable.
 * [thread: any] */
MR_MUSTCHECK int mr_kafka_settings(rd_kafka_conf_t *conf, char why[MR_KAFKA_WHY]);
/* Would they be accepted? The same answers. */
MR_MUSTCHECK int mr_kafka_settings_check(char why[MR_KAFKA_WHY]);

#endif
