/* persist.c - the persister: takes batches one after another and does not let go of one before it
 * is stored, or known to be somebody else's.
 *
 *   attempt --ok--> forward
 *     | away, busy     wait, try again (for as long as it takes)
 *     | no answer      to the COMMIT: ask PostgreSQL whether it happened, then forward or try again
 *     | refused        a value: halve until the record stands alone, make it a dead letter
 *     | fenced         the stored offsets moved: drop it, and have the consumer begin where they
 * are
 */
#include "base/fault.h"
#include "base/log.h"
#include "proto/alloc.h"
#include "store.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A process that is frozen inside its transaction holds the log's head. Every other logger would
 * wait for it; so PostgreSQL ends the transaction, and the process, should it thaw, is fenced. */
#define SQL_SET_UP          "SET idle_in_transaction_session_timeout = '10s'"

#define TAKE_MS             1000
#define PARTITIONS_EVERY_MS 3600000
#define PARTITIONS_AGAIN_MS 30000

int el_connect(struct el_logger *l, const char *application, struct mr_pg **out)
{
    struct mr_pg_options opt = {.url = l->cfg->database_url,
                                .application = application,
                                .connections_max = 1,
                                .connect_timeout_ms = l->cfg->db_connect_ms,
                                .statement_timeout_ms = EL_STATEMENT_MS};
    int rc = mr_pg_connect(out, &opt);

    el_board_side(&l->board, EL_SIDE_POSTGRES, rc == MR_OK ? NULL : "PostgreSQL cannot be reached");
    return rc;
}

int el_backoff_ms(unsigned attempt)
{
    int ms = EL_BACKOFF_MIN_MS;

    for (unsigned i = 0; i < attempt && ms < EL_BACKOFF_MAX_MS; i++)
        ms *= 2;
    if (ms > EL_BACKOFF_MAX_MS)
        ms = EL_BACKOFF_MAX_MS;
    return ms / 2 + (int)(mr_mono_us() % (uint64_t)(ms / 2 + 1));
}

void el_sleep(struct el_logger *l, int ms)
{
    struct pollfd p = {.fd = l->stop_fd, .events = POLLIN};

    (void)poll(&p, 1, ms);
}

/* ---- one attempt -------------------------------------------------------------------------- */

static bool connected(const struct el_work *w)
{
    return w->db != NULL && PQstatus(mr_pg_raw(w->db)) == CONNECTION_OK;
}

static void disconnect(struct el_work *w)
{
    mr_pg_close(w->db);
    w->db = NULL;
}

static int connect_if_need_be(struct el_work *w)
{
    int rc;

    if (connected(w))
        return MR_OK;
    disconnect(w);
    rc = el_connect(w->l, "millrace-logger", &w->db);
    return rc == MR_OK ? mr_pg_run(w->db, SQL_SET_UP) : rc;
}

static void roll_back(struct el_work *w)
{
    if (!connected(w) || mr_pg_run(w->db, "ROLLBACK") != MR_OK)
        disconnect(w);
}

/* COMMIT of a transaction that has failed is answered by ROLLBACK. *unknown: it was not answered.
 */
static int commit(struct el_work *w, bool *unknown)
{
    PGresult *res = PQexec(mr_pg_raw(w->db), "COMMIT");
    int rc = MR_OK;

    if (PQresultStatus(res) != PGRES_COMMAND_OK) {
        rc = mr_pg_err(res);
        *unknown = !connected(w);
    } else if (strcmp(PQcmdStatus(res), "COMMIT") != 0) {
        rc = MR_E_DB;
    }
    PQclear(res);
    return rc;
}

static int attempt(struct el_work *w, bool *unknown)
{
    uint64_t start = mr_mono_us();
    int rc;

    w->logged_us = mr_wall_us();
    mr_time_format(w->logged_us, w->logged_text);
    rc = el_work_count(w);
    if (rc == MR_OK)
        rc = mr_pg_run(w->db, "BEGIN");
    mr_fault_point("log.begun");
    if (rc == MR_OK) {
        rc = el_work_store(w);
        if (rc == MR_OK)
            rc = commit(w, unknown);
        mr_fault_point("log.committed");
        if (rc != MR_OK)
            roll_back(w);
    }
    if (rc == MR_OK)
        el_work_forward(w, mr_mono_us() - start);
    return rc;
}

/* The attempt before had no answer: what became of it? */
static int resolve(struct el_work *w, bool *unknown)
{
    int rc = el_work_was_stored(w);

    if (rc == MR_OK) {
        LOG_INFO("commit_found", F_INT("last_seq", w->last_seq));
        el_work_forward(w, 0);
    }
    if (rc == MR_E_NOTFOUND)
        *unknown = false;
    return rc;
}

static void tell_trouble(struct el_work *w, int rc)
{
    el_board_retried(&w->l->board);
    if (connected(w))
        el_board_side(&w->l->board, EL_SIDE_STORE, mr_err_text(rc));
}

/* el_halving.store: for as long as it takes. MR_OK; MR_E_DATA; EL_FENCED; MR_E_CLOSED: the logger
 * stops and PostgreSQL is not to be had. */
static int store_piece(void *ctx, size_t from, size_t to)
{
    struct el_work *w = ctx;
    bool unknown = false;

    w->from = from;
    w->to = to;
    for (unsigned tries = 0;; tries++) {
        int rc = connect_if_need_be(w);

        if (rc == MR_OK && unknown)
            rc = resolve(w, &unknown);
        else if (rc == MR_OK)
            rc = attempt(w, &unknown);
        if (rc == MR_OK)
            el_board_side(&w->l->board, EL_SIDE_STORE, NULL);
        if (rc == MR_OK || rc == MR_E_DATA || rc == EL_FENCED)
            return rc;
        if (rc == MR_E_NOTFOUND) /* resolved: it did not happen; at once again */
            continue;
        tell_trouble(w, rc);
        if (atomic_load(&w->l->stopping))
            return MR_E_CLOSED;
        el_sleep(w->l, el_backoff_ms(tries));
    }
}

/* el_halving.refuse */
static void refuse(void *ctx, size_t i)
{
    struct el_work *w = ctx;
    struct el_record *r = &w->b->records[i];

    if (r->dead)
        return;
    r->dead = true;
    r->reason = mr_strdup(w->refused);
    LOG_WARN("record_refused", F_STR("topic", w->b->parts[r->part].topic),
             F_INT("partition", w->b->parts[r->part].partition), F_INT("offset", r->msg->offset),
             F_STR("why", w->refused));
}

/* ---- the thread --------------------------------------------------------------------------- */

static void persist(struct el_work *w, struct el_batch *b)
{
    struct el_halving halving = {store_piece, refuse, w};
    int rc;

    if (b->epoch != atomic_load(&w->l->epoch))
        return; /* consumed before a fence: the consumer has gone back */
    w->b = b;
    rc = el_batch_halve(&halving, 0, b->n);
    if (rc == MR_OK)
        return;
    if (rc == EL_FENCED) {
        LOG_WARN("batch_fenced", F_STR("why", "another logger has stored these records, or reset "
                                              "the offsets"));
        el_board_fenced(&w->l->board);
    } else if (rc == MR_E_DATA) {
        LOG_ERROR("dead_letter_refused", F_STR("why", w->refused));
        el_board_side(&w->l->board, EL_SIDE_STORE, w->refused);
        el_sleep(w->l, EL_BACKOFF_MAX_MS);
    }
    atomic_fetch_add(&w->l->epoch, 1);
}

static void answer(struct el_work *w, struct el_ask *ask)
{
    for (unsigned tries = 0;; tries++) {
        int rc = connect_if_need_be(w);

        if (rc == MR_OK)
            rc = el_offsets_answer(w->l, w->db, ask);
        if (rc == MR_OK)
            break;
        tell_trouble(w, rc);
        if (atomic_load(&w->l->stopping)) {
            for (size_t i = 0; i < ask->n; i++)
                ask->items[i].failed = true;
            break;
        }
        el_sleep(w->l, el_backoff_ms(tries));
    }
    atomic_store(&ask->answered, true);
}

/* The first partition is made before the first row, so that it does not land in the default one. */
static void keep_partitions(struct el_work *w, uint64_t *due_ms)
{
    uint64_t now = mr_mono_ms();

    if (now < *due_ms || atomic_load(&w->l->stopping))
        return;
    if (connect_if_need_be(w) == MR_OK && el_retention_make(w->db) == MR_OK)
        *due_ms = now + PARTITIONS_EVERY_MS;
    else
        *due_ms = now + (connected(w) ? PARTITIONS_AGAIN_MS : TAKE_MS);
}

void *el_persister_run(void *logger)
{
    struct el_logger *l = logger;
    struct el_work w = {.l = l,
                        .copy = MR_BUF_INIT(EL_COPY_MAX),
                        .json = MR_BUF_INIT(EL_COPY_MAX),
                        .name = MR_BUF_INIT(EL_COPY_MAX)};
    struct el_item item;
    uint64_t due_ms = 0;

    mr_log_thread("persister");
    for (;;) {
        keep_partitions(&w, &due_ms);
        if (!el_queue_take(&l->queue, &item, TAKE_MS))
            continue;
        if (item.batch == NULL && item.ask == NULL)
            break;
        if (item.batch != NULL)
            persist(&w, item.batch);
        else
            answer(&w, item.ask);
        el_queue_done(&l->queue, item.batch);
    }
    el_queue_done(&l->queue, NULL);
    el_work_free(&w);
    disconnect(&w);
    return NULL;
}
