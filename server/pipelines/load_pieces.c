/* load_pieces.c - the table of pieces in the target, and the tables themselves: made, emptied. */
#include "pipelines/full_load.h"
#include "proto/alloc.h"
#include <stdio.h>

#define PIECE_PAGES 8192 /* 64 MiB of the source's pages */
#define SQL_MAX     (16u << 20)

void mr_pieces_name(const struct mr_plan *p, struct mr_buf *out)
{
    char name[64];

    (void)snprintf(name, sizeof(name), "_mr_load_%s", p->short_id);
    mr_pg_quote2(out, mr_plan_target_schema(p), name);
}

/* Run "BEFORE <the table of pieces> AFTER". */
static int on_pieces(PGconn *target, const struct mr_plan *p, const char *before, const char *after,
                     PGresult **res, char *why, size_t size)
{
    struct mr_buf sql = MR_BUF_INIT(8192);
    PGresult *r;
    int rc;

    mr_buf_add_str(&sql, before);
    mr_pieces_name(p, &sql);
    mr_buf_add_str(&sql, after);
    r = PQexec(target, mr_buf_cstr(&sql));
    rc = pgdb_result(target, r, why, size);
    mr_buf_free(&sql);
    if (rc == MR_OK && res)
        *res = r;
    else
        PQclear(r);
    return rc;
}

int mr_load_stand(PGconn *target, const struct mr_plan *p, enum mr_load_stand *out, char *why,
                  size_t size)
{
    PGresult *res = NULL;
    int rc = on_pieces(target, p, "SELECT count(*), count(*) FILTER (WHERE done) FROM ", "", &res,
                       why, size);

    *out = MR_LOAD_FRESH;
    if (rc == MR_E_NOTFOUND)
        return MR_OK;
    if (rc == MR_OK) {
        int64_t all = mr_pg_i64(res, 0, 0), done = mr_pg_i64(res, 0, 1);

        *out = done == 0 ? MR_LOAD_FRESH : done < all ? MR_LOAD_BEGUN : MR_LOAD_COPIED;
    }
    PQclear(res);
    return rc;
}

bool mr_load_resumable(const struct mr_plan *p, const struct mr_pg_tables *t)
{
    if (p->mode != MR_MODE_FULL_LOAD_AND_CDC)
        return false;
    for (size_t i = 0; i < t->n; i++)
        if (!t->list[i].has_key || t->list[i].unique_beside)
            return false;
    return true;
}

int mr_load_make(PGconn *target, const struct mr_pg_tables *t, char *why, size_t size)
{
    char said[400];

    for (size_t i = 0; i < t->n; i++) {
        for (size_t k = 0; k < t->list[i].n_before; k++) {
            int rc = pgdb_run(target, t->list[i].before[k], said, sizeof(said));

            if (rc != MR_OK && rc != MR_E_CONFLICT) {
                (void)snprintf(why, size, "Table %s.%s cannot be made in the target: %s",
                               t->list[i].schema, t->list[i].name, said);
                return rc;
            }
        }
    }
    return MR_OK;
}

/* ---- pieces ------------------------------------------------------------------------------- */

static void add_piece(struct mr_buf *sql, const struct mr_pg_table *t, const struct mr_pg_leaf *l,
                      int *seq, int64_t from, int64_t to)
{
    const char *texts[] = {t->schema, t->name, l->schema, l->name};

    mr_buf_addf(sql, "%s(%d", *seq > 1 ? ", " : "", *seq);
    for (size_t i = 0; i < 4; i++) {
        mr_buf_add_str(sql, ", ");
        mr_pg_literal(sql, texts[i]);
    }
    if (to < 0)
        mr_buf_addf(sql, ", %lld, NULL)", (long long)from);
    else
        mr_buf_addf(sql, ", %lld, %lld)", (long long)from, (long long)to);
    ++*seq;
}

static void add_pieces(struct mr_buf *sql, const struct mr_pg_tables *t)
{
    int seq = 1;

    for (size_t i = 0; i < t->n; i++) {
        for (size_t k = 0; k < t->list[i].n_leaves; k++) {
            const struct mr_pg_leaf *l = &t->list[i].leaves[k];
            int64_t at = 0;

            for (; at + PIECE_PAGES < l->pages; at += PIECE_PAGES)
                add_piece(sql, &t->list[i], l, &seq, at, at + PIECE_PAGES);
            add_piece(sql, &t->list[i], l, &seq, at, -1);
        }
    }
}

int mr_load_plan(PGconn *target, const struct mr_plan *p, const struct mr_pg_tables *t, char *why,
                 size_t size)
{
    struct mr_buf sql = MR_BUF_INIT(SQL_MAX);
    PGresult *res = NULL;
    int rc = on_pieces(target, p, "CREATE TABLE IF NOT EXISTS ",
                       " (seq integer PRIMARY KEY, schema_name text, table_name text, leaf_schema "
                       "text, leaf text, from_page bigint, to_page bigint, done boolean NOT NULL "
                       "DEFAULT false, rows bigint, bytes bigint)",
                       NULL, why, size);

    if (rc == MR_OK)
        rc = on_pieces(target, p, "SELECT count(*) FROM ", "", &res, why, size);
    if (rc == MR_OK && mr_pg_i64(res, 0, 0) == 0 && t->n > 0) {
        mr_buf_add_str(&sql, "INSERT INTO ");
        mr_pieces_name(p, &sql);
        mr_buf_add_str(
            &sql, " (seq, schema_name, table_name, leaf_schema, leaf, from_page, to_page) VALUES ");
        add_pieces(&sql, t);
        rc = mr_buf_err(&sql);
        if (rc == MR_OK)
            rc = pgdb_run(target, mr_buf_cstr(&sql), why, size);
    }
    PQclear(res);
    mr_buf_free(&sql);
    return rc;
}

static bool find_table(const struct mr_pg_tables *t, const char *schema, const char *name,
                       size_t *at)
{
    for (*at = 0; *at < t->n; ++*at)
        if (strcmp(t->list[*at].schema, schema) == 0 && strcmp(t->list[*at].name, name) == 0)
            return true;
    return false;
}

int mr_pieces_read(PGconn *target, const struct mr_plan *p, const struct mr_pg_tables *t,
                   struct mr_piece **out, size_t *n, struct mr_load_table_progress *progress,
                   char *why, size_t size)
{
    PGresult *res = NULL;
    int rc = on_pieces(target, p,
                       "SELECT seq, schema_name, table_name, leaf_schema, leaf, from_page, "
                       "coalesce(to_page, -1), done, coalesce(rows, 0), coalesce(bytes, 0) FROM ",
                       " ORDER BY seq", &res, why, size);

    *n = 0;
    if (rc != MR_OK)
        return rc;
    *out = mr_zalloc((size_t)PQntuples(res) + 1, sizeof(**out));
    for (int i = 0; *out && i < PQntuples(res); i++) {
        struct mr_piece *c = &(*out)[*n];

        if (!find_table(t, PQgetvalue(res, i, 1), PQgetvalue(res, i, 2), &c->table))
            continue; /* it has left the pipeline meanwhile */
        c->seq = (int)mr_pg_i64(res, i, 0);
        (void)snprintf(c->leaf_schema, sizeof(c->leaf_schema), "%s", PQgetvalue(res, i, 3));
        (void)snprintf(c->leaf, sizeof(c->leaf), "%s", PQgetvalue(res, i, 4));
        c->from_page = mr_pg_i64(res, i, 5);
        c->to_page = mr_pg_i64(res, i, 6);
        c->done = PQgetvalue(res, i, 7)[0] == 't';
        progress[c->table].chunks++;
        if (c->done) {
            progress[c->table].chunks_done++;
            progress[c->table].rows += mr_pg_i64(res, i, 8);
            progress[c->table].bytes += mr_pg_i64(res, i, 9);
        }
        ++*n;
    }
    PQclear(res);
    return *out ? MR_OK : MR_E_NOMEM;
}

/* ---- the end, and the way back ------------------------------------------------------------ */

int mr_load_keys(PGconn *target, const struct mr_pg_tables *t, char *why, size_t size)
{
    char said[400];

    for (size_t i = 0; i < t->n; i++) {
        for (size_t k = 0; k < t->list[i].n_after; k++) {
            int rc = pgdb_run(target, t->list[i].after[k], said, sizeof(said));

            if (rc != MR_OK && rc != MR_E_CONFLICT) {
                (void)snprintf(why, size, "A key of %s.%s cannot be made in the target: %s",
                               t->list[i].schema, t->list[i].name, said);
                return rc;
            }
        }
    }
    return MR_OK;
}

int mr_load_tidy(PGconn *target, const struct mr_plan *p, char *why, size_t size)
{
    int rc = on_pieces(target, p, "DROP TABLE IF EXISTS ", "", NULL, why, size);

    return rc == MR_E_NOTFOUND ? MR_OK : rc; /* not even the schema */
}

int mr_load_undo(PGconn *target, const struct mr_plan *p, const struct mr_pg_tables *t, char *why,
                 size_t size)
{
    for (size_t i = 0; i < t->n; i++) {
        struct mr_buf sql = MR_BUF_INIT(1024);
        int rc;

        mr_buf_add_str(&sql, "TRUNCATE ");
        mr_pg_quote2(&sql, mr_plan_target_schema(p), t->list[i].target);
        rc = pgdb_run(target, mr_buf_cstr(&sql), why, size);
        mr_buf_free(&sql);
        if (rc != MR_OK && rc != MR_E_NOTFOUND)
            return rc;
    }
    return mr_load_tidy(target, p, why, size);
}
