/* rows.h - what PostgreSQL gave, as JSON: rows whose first column is the text of a JSON value that
 * the statement built. [thread: worker] */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include "base/uuid.h"
#include "proto/buf.h"
#include "store/pg.h"

/* A timestamptz as the API shows it, in SQL. */
#define MR_SQL_TIME(col) "to_char(" col " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"

/* A text column as a cell of CSV, in SQL. What a spreadsheet would take for a formula gets an
 * apostrophe. */
#define MR_SQL_CELL(col)                                                                           \
    "'\"' || replace(CASE WHEN " col " ~ '^[-=+@]' THEN chr(39) ELSE '' END || coalesce(" col      \
    ", ''), '\"', '\"\"') || '\"'"

/* The same of a plain timestamptz, in a session of ours (UTC, ISO): append "2026-11-20
 * 22:10:13.5+00" as "2026-11-20T22:10:13.500000Z", in quotes; what is no such time, as it is. */
void mr_rows_add_time(struct mr_buf *json, struct mr_span text);

/* The one row of a statement that returned rc: append it. version, unless NULL, receives its second
 * column. MR_E_NOTFOUND when there is none. Takes res (NULL on error). */
MR_MUSTCHECK int mr_rows_object(int rc, PGresult *res, struct mr_buf *json, int64_t *version);
/* Append up to limit rows as an array. Returns how many; *more: there are others. The statement
 * asked for limit + 1. Borrows res. */
int mr_rows_array(const PGresult *res, int64_t limit, struct mr_buf *json, bool *more);

struct mr_page {
    int64_t total; /* how many match without the limit */
    bool more;     /* then the last row is named, for the next cursor: */
    char last_time[40], last_id[MR_UUID_TEXT];
};
/* A page of a list that is ordered by a time and an id, its second and third column; the fourth is
 * how many match. count says that where there is no row; it takes
 * the first n_count of the n params, list takes all; the last one is the limit and is set here. */
MR_MUSTCHECK int mr_rows_page(struct mr_pg *c, const char *count, int n_count, const char *list,
                              const char **params, int n, int64_t limit, struct mr_buf *json,
                              struct mr_page *page);

#endif
