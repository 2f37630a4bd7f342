/* store.c - a batch, whole if it can be, one by one if not. */
#include "ingest/store.h"
#include "base/clock.h"
#include "base/log.h"
#include "proto/alloc.h"
#include <string.h>
#include <time.h>

#define AWAY_MS      300
#define AWAY_MS_MAX  3000
#define STATEMENT_MS 30000
#define BATCH_TEXT   (64u << 20)

/* A batch under way. */
struct work {
    struct mr_ingest_store *s;
    const struct mr_ingest_batch *b;
    struct mr_buf json;
    struct mr_message_counters counters;
    size_t buried;
};

static int bury(struct work *w, size_t at, const struct mr_batch_row *row)
{
    w->buried++;
    return mr_messages_bury(w->s->db, row->ingest_id, w->b->texts[at], row->reason);
}

/* All of them at once. */
static int store_whole(struct work *w)
{
    int rc = MR_OK;

    mr_buf_clear(&w->json);
    mr_buf_add_char(&w->json, '[');
    for (size_t i = 0; i < w->b->n && rc == MR_OK; i++) {
        struct mr_batch_row row;

        mr_batch_row(w->b->texts[i], w->b->ids[i], &row, &w->json);
        if (row.reason)
            rc = bury(w, i, &row);
    }
    mr_buf_add_char(&w->json, ']');
    if (rc == MR_OK)
        rc = mr_buf_err(&w->json);
    return rc == MR_OK ? mr_messages_add(w->s->db, mr_buf_cstr(&w->json), &w->counters) : rc;
}

static int store_one(struct work *w, size_t at)
{
    struct mr_batch_row row;
    int rc;

    mr_buf_clear(&w->json);
    mr_buf_add_char(&w->json, '[');
    mr_batch_row(w->b->texts[at], w->b->ids[at], &row, &w->json);
    mr_buf_add_char(&w->json, ']');
    if (row.reason)
        return bury(w, at, &row);
    rc = mr_pg_run(w->s->db, "SAVEPOINT one");
    if (rc == MR_OK)
        rc = mr_messages_add(w->s->db, mr_buf_cstr(&w->json), &w->counters);
    if (rc != MR_E_DATA)
        return rc;
    row.reason = "PostgreSQL refuses a value of it";
    rc = mr_pg_run(w->s->db, "ROLLBACK TO one");
    return rc == MR_OK ? bury(w, at, &row) : rc;
}

/* One by one: PostgreSQL says which one it does not take. */
static int store_each(struct work *w)
{
    int rc = MR_OK;

    for (size_t i = 0; i < w->b->n && rc == MR_OK; i++)
        rc = store_one(w, i);
    return rc == MR_OK ? mr_messages_counters(w->s->db, &w->counters) : rc;
}

static int transaction(struct work *w, int (*store)(struct work *w))
{
    int rc = mr_pg_run(w->s->db, "BEGIN"), end;

    w->buried = 0;
    if (rc == MR_OK)
        rc = store(w);
    end = mr_pg_run(w->s->db, rc == MR_OK ? "COMMIT" : "ROLLBACK");
    return rc == MR_OK || end != MR_OK ? end : rc;
}

int mr_ingest_open(struct mr_ingest_store *s)
{
    const struct mr_pg_options opt = {.url = s->cfg->database_url,
                                      .application = s->application,
                                      .connections_max = 1,
                                      .connect_timeout_ms = s->cfg->db_connect_ms,
                                      .statement_timeout_ms = STATEMENT_MS};

    return s->db ? MR_OK : mr_pg_connect(&s->db, &opt);
}

void mr_ingest_close(struct mr_ingest_store *s)
{
    mr_pg_close(s->db);
    s->db = NULL;
}

void mr_ingest_rest(const atomic_bool *stopping, int64_t ms)
{
    uint64_t until = mr_mono_ms() + (uint64_t)ms;

    while (!atomic_load(stopping) && mr_mono_ms() < until)
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
}

static int try_once(struct work *w)
{
    int rc = mr_ingest_open(w->s);

    if (rc == MR_OK)
        rc = transaction(w, store_whole);
    return rc == MR_E_DATA ? transaction(w, store_each) : rc;
}

int mr_ingest_store(struct mr_ingest_store *s, const struct mr_ingest_batch *b,
                    struct mr_message_counters *counters, size_t *buried)
{
    struct work w = {.s = s, .b = b};
    int64_t pause = AWAY_MS;
    int rc;

    mr_buf_init(&w.json, BATCH_TEXT);
    while ((rc = try_once(&w)) != MR_OK && rc != MR_E_NOMEM) {
        LOG_WARN("ingest_postgres_away", F_STR("why", mr_err_text(rc)), F_INT("again_ms", pause));
        mr_ingest_close(s);
        rc = atomic_load(s->stopping) ? MR_E_CLOSED : MR_OK;
        if (rc != MR_OK)
            break;
        mr_ingest_rest(s->stopping, pause);
        pause = pause * 2 < AWAY_MS_MAX ? pause * 2 : AWAY_MS_MAX;
        rc = s->tick(s->ctx);
        if (rc != MR_OK)
            break;
    }
    mr_buf_free(&w.json);
    *counters = w.counters;
    *buried = w.buried;
    return rc;
}
