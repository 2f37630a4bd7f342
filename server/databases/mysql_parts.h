/* mysql_parts.h - what the files about MySQL and MariaDB share. [thread: worker] */
#ifndef DATABASES_MYSQL_PARTS_H
#define DATABASES_MYSQL_PARTS_H

#include "databases/databases.h"
#include "databases/reach.h"

#include <mariadb/mysql.h>

/* mysql.c: a session, each step noted in l; NULL: l says which one failed. mysql_close it. */
MYSQL *mydb_connect(const struct mr_database *d, const struct mr_address *a, uint64_t deadline_ms,
                    struct mr_checklist *l);
/* One row; a NULL has ptr NULL. */
typedef void (*mydb_row_fn)(const struct mr_span *fields, unsigned n, void *ctx);
/* One statement. Texts in it are written by mydb_text. MR_OK; MR_E_TIMEOUT; MR_E_UNAVAIL:
 * mysql_error says why. */
MR_MUSTCHECK int mydb_rows(MYSQL *m, uint64_t deadline_ms, const char *sql, mydb_row_fn fn,
                           void *ctx);
/* Append a text as an SQL literal in hexadecimal: there is nothing in it to escape. */
void mydb_text(struct mr_buf *sql, const char *text);

#endif
