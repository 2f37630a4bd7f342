/* catalog.h - the catalogue of each kind of database, over a connection that is open. Errors as in
 * databases.h. [thread: worker] */
#ifndef DATABASES_CATALOG_H
#define DATABASES_CATALOG_H

#include "databases/databases.h"
#include <libpq-fe.h>
#include <mariadb/mysql.h>

/* postgres_catalog.c */
MR_MUSTCHECK int pgdb_schemas(PGconn *conn, uint64_t deadline_ms, struct mr_buf *json, char *why,
                              size_t size);
MR_MUSTCHECK int pgdb_tables(PGconn *conn, uint64_t deadline_ms, const struct mr_table_filter *f,
                             struct mr_buf *json, struct mr_table_page *page, char *why,
                             size_t size);
/* mysql_catalog.c */
MR_MUSTCHECK int mydb_schemas(MYSQL *m, uint64_t deadline_ms, struct mr_buf *json, char *why,
                              size_t size);
MR_MUSTCHECK int mydb_tables(MYSQL *m, uint64_t deadline_ms, const struct mr_table_filter *f,
                             struct mr_buf *json, struct mr_table_page *page, char *why,
                             size_t size);

#endif
