/* pages.c - pages of the log, read by workers: for one subscriber that is behind, or for all rooms
 * when a batch was logged elsewhere.
 *
 * Few are read at once (ST_PAGE_READS_MAX), first come first served, so that a thousand clients
 * reconnecting together cannot take every worker from the REST API. A failed read is tried again
 * with a growing pause; the subscriber keeps its position meanwhile.
 */
#include "base/clock.h"
#include "base/log.h"
#include "proto/alloc.h"
#include "stream/position.h"
#include "stream/stream_parts.h"

#include <time.h>

#define ACQUIRE_MS   2000
#define RETRY_MS_MIN 100
#define RETRY_MS_MAX 2000

struct page_job {
    struct mr_stream *st;
    struct st_sub *sub; /* NULL: the gap of the whole log */
    struct mr_uuid pipeline;
    int64_t after;
    size_t rows, bytes;
    int rc;
    struct mr_run_batch *page;
    int64_t oldest;
};

static void page_done(void *arg);

/* The mailbox can be full for a moment; a job must not be lost, because it may hold a subscriber.
 * Once the server is closing nobody is left to serve. */
void st_bring_back(struct mr_stream *st, void (*fn)(void *arg), void *job)
{
    struct timespec pause = {.tv_nsec = 2000000};

    while (mr_post(st->opt.server, fn, job) == MR_E_AGAIN)
        (void)nanosleep(&pause, NULL);
}

/* Where a subscriber begins that does not say it by seq. What it wants stays as it is while its
 * page is read. [thread: worker] */
static int seek(struct mr_pg *c, struct page_job *j)
{
    const struct st_sub *s = j->sub;

    switch (s->seek) {
    case ST_SEEK_SINCE:
        return mr_runs_since(c, s->seek_arg, &j->after);
    case ST_SEEK_LAST:
        return mr_runs_last(c, &j->pipeline, s->seek_arg, s->kinds, (const char *const *)s->tables,
                            s->n_tables, &j->after);
    default:
        return MR_OK;
    }
}

static void read_page(void *arg) /* [thread: worker] */
{
    struct page_job *j = arg;
    struct mr_pg *c = NULL;

    j->rc = mr_pg_acquire(j->st->opt.pg, ACQUIRE_MS, &c);
    if (j->rc == MR_OK && j->sub)
        j->rc = seek(c, j);
    if (j->rc == MR_OK)
        j->rc = mr_runs_after(c, j->sub ? &j->pipeline : NULL, j->after, j->rows, j->bytes,
                              &j->page, &j->oldest);
    mr_pg_release(j->st->opt.pg, c);
    st_bring_back(j->st, page_done, j);
}

static int submit(struct mr_stream *st, struct st_sub *s, int64_t after)
{
    struct page_job *j = mr_zalloc(1, sizeof(*j));
    int rc;

    if (!j)
        return MR_E_NOMEM;
    j->st = st;
    j->sub = s;
    if (s)
        j->pipeline = s->pipeline->id;
    j->after = after;
    j->rows = s ? ST_PAGE_ROWS : ST_GAP_ROWS;
    j->bytes = s ? ST_PAGE_BYTES : ST_GAP_BYTES;
    rc = mr_pool_submit(st->opt.pool, read_page, j);
    if (rc != MR_OK)
        mr_free(j);
    else
        st->jobs++;
    return rc;
}

/* ---- one subscriber's page ---------------------------------------------------------------- */

static void tell_gap(struct st_sub *s, int64_t from, int64_t to, const char *reason)
{
    struct mr_buf b = MR_BUF_INIT(256);
    char id[MR_UUID_TEXT];

    mr_uuid_format(s->pipeline->id, id);
    mr_buf_addf(&b, "{\"pipeline_id\":\"%s\",\"from\":%lld,\"to\":%lld,\"reason\":\"%s\"}", id,
                (long long)from, (long long)to, reason);
    st_sub_flush(s);
    mr_socket_emit(s->socket, "replay_gap", mr_buf_span(&b));
    mr_buf_free(&b);
    s->st->stats.replay_gaps++;
}

static void check_gap(struct st_sub *s, const struct page_job *j)
{
    int64_t from, to;

    s->checked = true;
    if (j->page->n == 0 && j->page->last_seq < s->at && s->st->delivered < s->at) {
        /* The log ends before where the client says it stands: it knew another log. */
        tell_gap(s, j->page->last_seq + 1, s->at, "the log was started anew");
        s->at = j->page->last_seq;
    } else if (mr_position_gap(s->at, j->oldest, j->page->last_seq, &from, &to)) {
        tell_gap(s, from, to, "retention has passed this position");
    }
}

static void serve_page(struct st_sub *s, const struct page_job *j)
{
    if (!s->checked)
        check_gap(s, j);
    for (size_t i = 0; i < j->page->n; i++) {
        const struct mr_run_event *e = &j->page->events[i];

        if (e->seq <= s->at)
            continue;
        if (st_sub_event(s, NULL, e, i))
            s->replayed++;
    }
    s->st->stats.replayed += j->page->n;
    if (j->page->last_seq > s->at)
        s->at = j->page->last_seq;
    s->retry_ms = 0;
}

static void sub_page_done(struct st_sub *s, struct page_job *j)
{
    s->st->reading--;
    s->state = ST_SUB_WAIT; /* for a moment: advance decides */
    if (s->dead) {
        st_sub_remove(s);
        return;
    }
    if (j->rc != MR_OK) {
        s->retry_ms = s->retry_ms ? s->retry_ms * 2 : RETRY_MS_MIN;
        if (s->retry_ms > RETRY_MS_MAX)
            s->retry_ms = RETRY_MS_MAX;
        st_due_push(s, st_now(s->st) + s->retry_ms);
        return;
    }
    if (s->seek != ST_SEEK_NONE) {
        s->at = j->after;
        s->checked = s->seek == ST_SEEK_LAST; /* as many as there are: nothing can be amiss */
        s->seek = ST_SEEK_NONE;
    }
    serve_page(s, j);
    st_sub_advance(s);
}

static void gap_page_done(struct mr_stream *st, struct page_job *j)
{
    st->gap_reading = false;
    if (j->rc != MR_OK)
        return; /* the tick asks again */
    st->stats.gaps_read++;
    if (j->page->last_seq > st->delivered) {
        /* What retention has taken is gone for the rooms too: the page stands for all up to its
         * end. */
        j->page->first_seq = st->delivered + 1;
        st_batch_in(st, j->page);
    }
}

static void page_done(void *arg)
{
    struct page_job *j = arg;
    struct mr_stream *st = j->st;

    st->jobs--;
    st->stats.pages++;
    if (j->sub)
        sub_page_done(j->sub, j);
    else
        gap_page_done(st, j);
    if (j->page)
        mr_run_batch_unref(j->page);
    mr_free(j);
    st_due_run(st, st_now(st));
    st_maybe_free(st);
}

/* ---- the read queue ----------------------------------------------------------------------- */

void st_due_push(struct st_sub *s, uint64_t not_before_ms)
{
    struct mr_stream *st = s->st;

    s->state = ST_SUB_DUE;
    s->retry_at_ms = not_before_ms;
    s->next_due = NULL;
    if (st->due_last)
        st->due_last->next_due = s;
    else
        st->due_first = s;
    st->due_last = s;
    if (!not_before_ms)
        st_due_run(st, st_now(st));
}

static struct st_sub *due_pop(struct mr_stream *st)
{
    struct st_sub *s = st->due_first;

    st->due_first = s->next_due;
    if (!st->due_first)
        st->due_last = NULL;
    s->next_due = NULL;
    return s;
}

void st_due_run(struct mr_stream *st, uint64_t now_ms)
{
    struct st_sub *stop = st->due_last; /* those put back below wait for the next run */

    while (st->due_first && st->reading < ST_PAGE_READS_MAX) {
        struct st_sub *s = due_pop(st);
        bool last = s == stop;

        if (s->dead) {
            s->state = ST_SUB_WAIT;
            st_sub_remove(s);
        } else if (s->retry_at_ms > now_ms || st->closing) {
            st_due_push(s, s->retry_at_ms ? s->retry_at_ms : 1);
        } else if (submit(st, s, s->at) == MR_OK) {
            s->state = ST_SUB_READ;
            st->reading++;
        } else {
            st_due_push(s, now_ms + RETRY_MS_MIN);
        }
        if (last)
            break;
    }
}

void st_gap_read(struct mr_stream *st)
{
    if (st->gap_reading || st->closing || st->delivered < 0)
        return;
    if (submit(st, NULL, st->delivered) == MR_OK)
        st->gap_reading = true;
}
