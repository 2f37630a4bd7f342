/* rows.c - one row, several, a page of many. */
#include "store/rows.h"
#include "proto/json.h"
#include <stdio.h>

int mr_rows_object(int rc, PGresult *res, struct mr_buf *json, int64_t *version)
{
    if (rc == MR_OK && PQntuples(res) == 0)
        rc = MR_E_NOTFOUND;
    if (rc == MR_OK) {
        mr_buf_add_span(json, mr_pg_span(res, 0, 0));
        if (version)
            *version = mr_pg_i64(res, 0, 1);
        rc = mr_buf_err(json);
    }
    PQclear(res);
    return rc;
}

int mr_rows_array(const PGresult *res, int64_t limit, struct mr_buf *json, bool *more)
{
    int n = PQntuples(res);

    *more = n > limit;
    if (*more)
        n = (int)limit;
    mr_buf_add_char(json, '[');
    for (int i = 0; i < n; i++) {
        if (i > 0)
            mr_buf_add_char(json, ',');
        mr_buf_add_span(json, mr_pg_span(res, i, 0));
    }
    mr_buf_add_char(json, ']');
    return n;
}

static int count_rows(struct mr_pg *c, const char *sql, int n, const char **params, int64_t *total)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(c, sql, n, params, &res);

    if (rc == MR_OK)
        *total = mr_pg_i64(res, 0, 0);
    PQclear(res);
    return rc;
}

int mr_rows_page(struct mr_pg *c, const char *count, int n_count, const char *list,
                 const char **params, int n, int64_t limit, struct mr_buf *json,
                 struct mr_page *page)
{
    char rows[24];
    PGresult *res = NULL;
    int rc, last;

    memset(page, 0, sizeof(*page));
    (void)snprintf(rows, sizeof(rows), "%lld", (long long)limit + 1);
    params[n - 1] = rows;
    rc = mr_pg_exec(c, list, n, params, &res);
    params[n - 1] = NULL;
    if (rc != MR_OK)
        return rc;
    if (PQntuples(res) > 0)
        page->total = mr_pg_i64(res, 0, 3);
    else /* there is no row to say it */
        rc = count_rows(c, count, n_count, params, &page->total);
    last = mr_rows_array(res, limit, json, &page->more) - 1;
    if (page->more) {
        (void)snprintf(page->last_time, sizeof(page->last_time), "%s", PQgetvalue(res, last, 1));
        (void)snprintf(page->last_id, sizeof(page->last_id), "%s", PQgetvalue(res, last, 2));
    }
    PQclear(res);
    return rc == MR_OK ? mr_buf_err(json) : rc;
}

void mr_rows_add_time(struct mr_buf *json, struct mr_span text)
{
    static const char zeros[] = ".000000";
    size_t end = text.len >= 3 && memcmp(text.ptr + text.len - 3, "+00", 3) == 0 ? text.len - 3 : 0;

    if (end < 19 || end > 26 || text.ptr[10] != ' ') { /* infinity, or before Christ */
        mr_json_add_string(json, text);
        return;
    }
    mr_buf_add_char(json, '"');
    mr_buf_add(json, text.ptr, 10);
    mr_buf_add_char(json, 'T');
    mr_buf_add(json, text.ptr + 11, end - 11);
    mr_buf_add(json, zeros + (end - 19), 26 - end);
    mr_buf_add_str(json, "Z\"");
}
