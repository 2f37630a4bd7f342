/* mysql.h - MySQL and MariaDB as a source or target, by Connector/C without blocking, so that the
 * deadline holds whatever answers. [thread: worker] */
#ifndef DATABASES_MYSQL_H
#define DATABASES_MYSQL_H

#include "databases/databases.h"
#include "databases/reach.h"

/* The checks from tls on. */
void mydb_test(const struct mr_database *d, const struct mr_address *a, uint64_t deadline_ms,
               struct mr_checklist *l);

#endif
