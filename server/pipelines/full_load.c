/* full_load.c - the workers: each has a session in the source, which sees the snapshot, and one in
 * the target; a piece goes from one to the other row by row, as text that both understand. */
#include "pipelines/full_load.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "proto/alloc.h"
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define TICK_MS   400
#define TRIES     6
#define LOOK_ROWS 256 /* between two looks at whether to end */

struct run {
    struct mr_load *l;
    struct mr_piece *pieces;
    size_t n, next;
    bool finishing; /* keys and indexes: the pieces are tables */
    int rc;         /* the first error */
    atomic_bool stop;
    int busy;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    uint64_t began_ms;
    _Atomic int64_t sent; /* bytes, for the rate */
};

struct worker {
    struct run *r;
    PGconn *source, *target;
    char why[400];
};

static void nap(int64_t ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000}, NULL);
}

static void fail(struct run *r, int rc, const char *why)
{
    pthread_mutex_lock(&r->lock);
    if (r->rc == MR_OK) {
        r->rc = rc;
        (void)snprintf(r->l->why, sizeof(r->l->why), "%s", why);
    }
    pthread_mutex_unlock(&r->lock);
    atomic_store(&r->stop, true);
}

/* ---- sessions ----------------------------------------------------------------------------- */

static void hang_up(struct worker *w)
{
    PQfinish(w->source);
    PQfinish(w->target);
    w->source = w->target = NULL;
}

static int open_target(struct worker *w)
{
    w->target = pgdb_open(&w->r->l->plan->target.opened.db, w->why, sizeof(w->why));
    if (!w->target)
        return MR_E_UNAVAIL;
    return pgdb_run(w->target, "SET synchronous_commit = off; SET maintenance_work_mem = '256MB'",
                    w->why, sizeof(w->why));
}

static int open_source(struct worker *w)
{
    struct mr_buf sql = MR_BUF_INIT(512);
    int rc;

    w->source = pgdb_open(&w->r->l->plan->source.opened.db, w->why, sizeof(w->why));
    if (!w->source)
        return MR_E_UNAVAIL;
    mr_buf_add_str(&sql, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
                         "SET TRANSACTION SNAPSHOT ");
    mr_pg_literal(&sql, w->r->l->snapshot);
    rc = pgdb_run(w->source, mr_buf_cstr(&sql), w->why, sizeof(w->why));
    mr_buf_free(&sql);
    /* Whoever exported it has left: no row can be read as it was any more. */
    return rc == MR_E_DATA || rc == MR_E_NOTFOUND ? MR_E_AGAIN : rc;
}

static int open_both(struct worker *w)
{
    int rc = MR_OK;

    if (!w->target || PQstatus(w->target) != CONNECTION_OK) {
        PQfinish(w->target);
        rc = open_target(w);
    }
    if (rc == MR_OK && !w->r->finishing &&
        (!w->source || PQstatus(w->source) != CONNECTION_OK ||
         PQtransactionStatus(w->source) != PQTRANS_INTRANS)) {
        PQfinish(w->source);
        w->source = NULL;
        rc = open_source(w);
    }
    return rc;
}

/* ---- one piece ---------------------------------------------------------------------------- */

/* Does it still have to be copied? Its row is locked until the transaction's end. */
static int claim(struct worker *w, const struct mr_piece *c, bool *todo)
{
    struct mr_buf sql = MR_BUF_INIT(1024);
    PGresult *res;
    int rc = pgdb_run(w->target, "BEGIN", w->why, sizeof(w->why));

    if (rc != MR_OK)
        return rc;
    mr_buf_add_str(&sql, "SELECT done FROM ");
    mr_pieces_name(w->r->l->plan, &sql);
    mr_buf_addf(&sql, " WHERE seq = %d FOR UPDATE", c->seq);
    res = PQexec(w->target, mr_buf_cstr(&sql));
    rc = pgdb_result(w->target, res, w->why, sizeof(w->why));
    *todo = rc == MR_OK && PQntuples(res) == 1 && PQgetvalue(res, 0, 0)[0] == 'f';
    PQclear(res);
    mr_buf_free(&sql);
    return rc;
}

static int start_copy(PGconn *conn, struct mr_buf *sql, char *why, size_t size)
{
    PGresult *res = PQexec(conn, mr_buf_cstr(sql));
    int rc = pgdb_result(conn, res, why, size);

    PQclear(res);
    return rc;
}

static int start_both(struct worker *w, const struct mr_piece *c)
{
    const struct mr_load *l = w->r->l;
    const struct mr_pg_table *t = &l->tables->list[c->table];
    struct mr_buf sql = MR_BUF_INIT(4u << 20);
    int rc;

    mr_buf_add_str(&sql, "COPY ");
    mr_pg_quote2(&sql, mr_plan_target_schema(l->plan), t->target);
    mr_buf_addf(&sql, " (%s) FROM STDIN", t->columns);
    rc = start_copy(w->target, &sql, w->why, sizeof(w->why));
    mr_buf_clear(&sql);
    mr_buf_addf(&sql, "COPY (SELECT %s FROM ONLY ", t->columns);
    mr_pg_quote2(&sql, c->leaf_schema, c->leaf);
    if (c->to_page >= 0)
        mr_buf_addf(&sql, " WHERE ctid >= '(%lld,0)' AND ctid < '(%lld,0)'",
                    (long long)c->from_page, (long long)c->to_page);
    else if (c->from_page > 0)
        mr_buf_addf(&sql, " WHERE ctid >= '(%lld,0)'", (long long)c->from_page);
    mr_buf_add_str(&sql, ") TO STDOUT");
    if (rc == MR_OK)
        rc = start_copy(w->source, &sql, w->why, sizeof(w->why));
    mr_buf_free(&sql);
    return rc;
}

static void keep_rate(struct run *r)
{
    int64_t due = r->l->rate_bytes > 0 ? atomic_load(&r->sent) * 1000 / r->l->rate_bytes : 0;
    int64_t now = (int64_t)(mr_mono_ms() - r->began_ms);

    while (due > now && !atomic_load(&r->stop)) {
        nap(due - now > 100 ? 100 : due - now);
        now = (int64_t)(mr_mono_ms() - r->began_ms);
    }
}

/* The rows, until the source has no more. MR_E_CLOSED: the load is to end. */
static int pump(struct worker *w, struct mr_load_table_progress *p, int64_t *rows, int64_t *bytes)
{
    int64_t told_rows = 0, told_bytes = 0;
    char *row = NULL;
    int n;

    while ((n = PQgetCopyData(w->source, &row, 0)) > 0) {
        int put = PQputCopyData(w->target, row, n);

        PQfreemem(row);
        if (put != 1) {
            (void)snprintf(w->why, sizeof(w->why), "The target's connection was lost.");
            return MR_E_UNAVAIL;
        }
        ++*rows;
        *bytes += n;
        if (*rows - told_rows < LOOK_ROWS)
            continue;
        p->rows += *rows - told_rows;
        p->bytes += *bytes - told_bytes;
        atomic_fetch_add(&w->r->sent, *bytes - told_bytes);
        told_rows = *rows;
        told_bytes = *bytes;
        if (w->r->l->rate_bytes > 0)
            keep_rate(w->r);
        if (atomic_load(&w->r->stop))
            return MR_E_CLOSED;
    }
    p->rows += *rows - told_rows;
    p->bytes += *bytes - told_bytes;
    atomic_fetch_add(&w->r->sent, *bytes - told_bytes);
    return n == -1 ? MR_OK : MR_E_UNAVAIL;
}

/* Every result of a COPY that has ended. */
static int drain(PGconn *conn, char *why, size_t size)
{
    PGresult *res;
    int rc = MR_OK, one;

    while ((res = PQgetResult(conn)) != NULL) {
        one = pgdb_result(conn, res, why, size);
        rc = rc == MR_OK ? one : rc;
        PQclear(res);
    }
    return rc;
}

static int mark(struct worker *w, const struct mr_piece *c, int64_t rows, int64_t bytes)
{
    struct mr_buf sql = MR_BUF_INIT(1024);
    int rc;

    mr_buf_add_str(&sql, "UPDATE ");
    mr_pieces_name(w->r->l->plan, &sql);
    mr_buf_addf(&sql, " SET done = true, rows = %lld, bytes = %lld WHERE seq = %d; COMMIT",
                (long long)rows, (long long)bytes, c->seq);
    rc = pgdb_run(w->target, mr_buf_cstr(&sql), w->why, sizeof(w->why));
    mr_buf_free(&sql);
    return rc;
}

static int copy_piece(struct worker *w, const struct mr_piece *c)
{
    struct mr_load_table_progress *p = &w->r->l->progress[c->table];
    int64_t rows = 0, bytes = 0;
    bool todo = false;
    int rc = open_both(w), end;

    if (rc == MR_OK)
        rc = claim(w, c, &todo);
    if (rc == MR_OK && !todo)
        return pgdb_run(w->target, "ROLLBACK", w->why, sizeof(w->why));
    p->phase = MR_LOAD_COPYING;
    if (rc == MR_OK)
        rc = start_both(w, c);
    if (rc == MR_OK)
        rc = pump(w, p, &rows, &bytes);
    if (rc == MR_OK)
        rc = drain(w->source, w->why, sizeof(w->why));
    if (rc == MR_OK && PQputCopyEnd(w->target, NULL) != 1)
        rc = MR_E_UNAVAIL;
    if (rc == MR_OK) {
        end = drain(w->target, w->why, sizeof(w->why));
        rc = end;
    }
    if (rc == MR_OK)
        mr_fault_point("load.piece");
    if (rc == MR_OK)
        rc = mark(w, c, rows, bytes);
    if (rc == MR_OK) {
        p->chunks_done++;
        return MR_OK;
    }
    p->rows -= rows; /* it will be copied again, from its start */
    p->bytes -= bytes;
    hang_up(w);
    return rc;
}

/* ---- keys and indexes --------------------------------------------------------------------- */

static int index_table(struct worker *w, size_t at)
{
    const struct mr_pg_table *t = &w->r->l->tables->list[at];
    char said[300];
    int rc = open_both(w);

    w->r->l->progress[at].phase = MR_LOAD_INDEXING;
    for (size_t i = 0; rc == MR_OK && i < t->n_after && !atomic_load(&w->r->stop); i++) {
        rc = pgdb_run(w->target, t->after[i], said, sizeof(said));
        if (rc == MR_E_CONFLICT && strstr(said, "23505") == NULL)
            rc = MR_OK; /* it is there */
        if (rc != MR_OK)
            (void)snprintf(w->why, sizeof(w->why), "%s.%s: %s", t->schema, t->name, said);
    }
    if (rc == MR_OK)
        w->r->l->progress[at].phase = MR_LOAD_DONE;
    else
        hang_up(w);
    return rc == MR_E_CONFLICT ? MR_E_DATA : rc;
}

/* ---- the workers -------------------------------------------------------------------------- */

static bool take(struct run *r, size_t *at)
{
    bool any = false;

    pthread_mutex_lock(&r->lock);
    while (r->next < r->n && !any) {
        any = r->finishing || !r->pieces[r->next].done;
        *at = r->next++;
    }
    pthread_mutex_unlock(&r->lock);
    return any;
}

/* A database that was away for a moment is waited for. */
static int do_one(struct worker *w, size_t at)
{
    int rc = MR_OK;

    for (int i = 0; i < TRIES && !atomic_load(&w->r->stop); i++) {
        if (i > 0)
            nap(250L << i);
        w->why[0] = '\0';
        rc = w->r->finishing ? index_table(w, at) : copy_piece(w, &w->r->pieces[at]);
        if (rc != MR_E_UNAVAIL)
            break;
        LOG_WARN("load_piece_again", F_STR("pipeline_id", w->r->l->plan->id), F_STR("why", w->why));
    }
    return rc;
}

static void *work(void *arg)
{
    struct worker w = {.r = arg};
    size_t at;

    mr_log_thread("load");
    while (!atomic_load(&w.r->stop) && take(w.r, &at)) {
        int rc = do_one(&w, at);

        if (rc != MR_OK && rc != MR_E_CLOSED) {
            w.r->l->progress[w.r->finishing ? at : w.r->pieces[at].table].phase = MR_LOAD_FAILED;
            fail(w.r, rc, w.why);
        }
    }
    hang_up(&w);
    pthread_mutex_lock(&w.r->lock);
    w.r->busy--;
    pthread_cond_signal(&w.r->ended);
    pthread_mutex_unlock(&w.r->lock);
    return NULL;
}

static void watch(struct run *r)
{
    struct timespec until;
    bool over = false;

    while (!over) {
        until = mr_wall_in(TICK_MS);
        pthread_mutex_lock(&r->lock);
        if (r->busy > 0)
            pthread_cond_timedwait(&r->ended, &r->lock, &until);
        over = r->busy == 0;
        pthread_mutex_unlock(&r->lock);
        if (!atomic_load(&r->stop)) {
            int rc = r->l->tick(r->l, r->l->ctx);

            if (rc != MR_OK)
                fail(r, rc, "The load was ended.");
        }
    }
}

static int run_workers(struct run *r)
{
    int n = r->l->workers < 1 ? 1 : r->l->workers > 32 ? 32 : r->l->workers;
    pthread_t threads[32];
    int started = 0;

    if ((size_t)n > r->n)
        n = r->n > 0 ? (int)r->n : 1;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->ended, NULL);
    r->began_ms = mr_mono_ms();
    r->busy = n;
    while (started < n && pthread_create(&threads[started], NULL, work, r) == 0)
        started++;
    if (started < n) {
        pthread_mutex_lock(&r->lock);
        r->busy -= n - started;
        pthread_mutex_unlock(&r->lock);
        if (started == 0)
            fail(r, MR_E_IO, "No thread could be started.");
    }
    watch(r);
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    pthread_cond_destroy(&r->ended);
    pthread_mutex_destroy(&r->lock);
    return r->rc;
}

int mr_load_copy(struct mr_load *l)
{
    struct run r = {.l = l};
    PGconn *target = pgdb_open(&l->plan->target.opened.db, l->why, sizeof(l->why));
    int rc = target ? mr_pieces_read(target, l->plan, l->tables, &r.pieces, &r.n, l->progress,
                                     l->why, sizeof(l->why))
                    : MR_E_UNAVAIL;

    PQfinish(target);
    if (rc == MR_OK)
        rc = run_workers(&r);
    mr_free(r.pieces);
    return rc;
}

/* The target's sequences go on where the source's are. */
static int move_sequences(struct mr_load *l, PGconn *source, PGconn *target)
{
    static const char next[] = "SELECT last_value FROM pg_sequences WHERE format('%I.%I', "
                               "schemaname, sequencename) = pg_get_serial_sequence($1, $2)";
    int rc = MR_OK;

    for (size_t i = 0; i < l->tables->n; i++) {
        const struct mr_pg_table *t = &l->tables->list[i];

        for (size_t k = 0; rc == MR_OK && k < t->n_serials; k++) {
            struct mr_buf from = MR_BUF_INIT(1024), to = MR_BUF_INIT(2048);
            const char *params[] = {NULL, t->serials[k]};
            PGresult *res;

            mr_pg_quote2(&from, t->schema, t->name);
            params[0] = mr_buf_cstr(&from);
            res = PQexecParams(source, next, 2, NULL, params, NULL, NULL, 0);
            rc = pgdb_result(source, res, l->why, sizeof(l->why));
            if (rc == MR_OK && PQntuples(res) == 1 && !PQgetisnull(res, 0, 0)) {
                struct mr_buf name = MR_BUF_INIT(1024);

                mr_pg_quote2(&name, mr_plan_target_schema(l->plan), t->target);
                mr_buf_add_str(&to, "SELECT setval(pg_get_serial_sequence(");
                mr_pg_literal(&to, mr_buf_cstr(&name));
                mr_buf_add_str(&to, ", ");
                mr_pg_literal(&to, t->serials[k]);
                mr_buf_addf(&to, "), %s)", PQgetvalue(res, 0, 0));
                rc = pgdb_run(target, mr_buf_cstr(&to), l->why, sizeof(l->why));
                mr_buf_free(&name);
            }
            PQclear(res);
            mr_buf_free(&from);
            mr_buf_free(&to);
        }
    }
    return rc;
}

static int analyze(struct mr_load *l, PGconn *target)
{
    int rc = MR_OK;

    for (size_t i = 0; rc == MR_OK && i < l->tables->n; i++) {
        struct mr_buf sql = MR_BUF_INIT(1024);

        mr_buf_add_str(&sql, "ANALYZE ");
        mr_pg_quote2(&sql, mr_plan_target_schema(l->plan), l->tables->list[i].target);
        rc = pgdb_run(target, mr_buf_cstr(&sql), l->why, sizeof(l->why));
        mr_buf_free(&sql);
    }
    return rc;
}

int mr_load_finish(struct mr_load *l)
{
    struct run r = {.l = l, .finishing = true, .n = l->tables->n};
    PGconn *source = NULL, *target = NULL;
    int rc = run_workers(&r);

    if (rc != MR_OK)
        return rc;
    source = pgdb_open(&l->plan->source.opened.db, l->why, sizeof(l->why));
    if (source)
        target = pgdb_open(&l->plan->target.opened.db, l->why, sizeof(l->why));
    rc = source && target ? move_sequences(l, source, target) : MR_E_UNAVAIL;
    if (rc == MR_OK)
        rc = analyze(l, target);
    PQfinish(source);
    PQfinish(target);
    return rc;
}
