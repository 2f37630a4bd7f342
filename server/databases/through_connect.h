/* through_connect.h - databases that only Kafka Connect has a driver for: Debezium's connector is
 * asked to validate a configuration, which makes it connect. [thread: worker] */
#ifndef DATABASES_THROUGH_CONNECT_H
#define DATABASES_THROUGH_CONNECT_H

#include "databases/databases.h"
#include <stdint.h>

/* The checks plugin and login. The host has been judged already; Kafka Connect resolves it anew. */
void connectdb_test(const struct mr_database *d, uint64_t deadline_ms, struct mr_checklist *l);

#endif
