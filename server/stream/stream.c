/* stream.c - the head of the log as the rooms know it: every batch exactly once, in seq order.
 *
 *   batch in memory --+
 *                     +--> OLD: drop   NEXT: deliver, delivered = last   EARLY: keep, read the gap
 *   page of a gap ----+
 *
 * A notice only says how far the log goes. When the logger runs in this process its batch is on the
 * way already, so a notice waits ST_NOTICE_MS before the log is asked. A lost notice costs nothing:
 * the listener tells the head every second.
 */
#include "stream/stream.h"
#include "base/log.h"
#include "proto/alloc.h"
#include "stream/position.h"
#include "stream/stream_parts.h"

#include <unistd.h>

uint64_t st_now(struct mr_stream *st)
{
    return uv_now(st->opt.loop);
}

/* ---- delivery ----------------------------------------------------------------------------- */

static void send_live(struct st_pipeline *p, struct mr_ring_entry *entry, size_t i)
{
    const struct mr_run_event *e = &entry->batch->events[i];
    struct st_sub *s, *next;

    for (s = p->subs; s; s = next) {
        next = s->next;
        if (s->state != ST_SUB_LIVE || s->at >= e->seq)
            continue;
        if (mr_socket_congested(s->socket)) {
            if (s->at < e->seq - 1) /* a live one stood at the delivered head */
                s->at = e->seq - 1;
            s->state = ST_SUB_WAIT;
            continue;
        }
        st_sub_event(s, entry, e, i);
    }
}

static void deliver(struct mr_stream *st, struct mr_run_batch *b)
{
    struct mr_ring_entry *entry = mr_ring_push(&st->ring, b, st->delivered + 1);
    struct st_pipeline *p = NULL;

    for (size_t i = 0; i < b->n; i++) {
        const struct mr_run_event *e = &b->events[i];

        if (e->seq <= st->delivered)
            continue;
        st->stats.events++;
        if (!p || memcmp(p->id.b, e->pipeline_id.b, sizeof(p->id.b)) != 0)
            p = st_pipeline_find(st, e->pipeline_id, false);
        if (!p)
            continue;
        p->changed = true;
        p->events++;
        if (entry)
            send_live(p, entry, i);
    }
    if (!entry) { /* out of memory: the live ones go on from the log */
        LOG_ERROR("live_batch_dropped", F_INT("first_seq", b->first_seq));
        for (size_t k = 0; k < ST_BUCKETS; k++)
            for (struct st_sub *s = st->sockets[k]; s; s = s->next_s)
                if (s->state == ST_SUB_LIVE) {
                    s->at = s->at > st->delivered ? s->at : st->delivered;
                    st_due_push(s, st_now(st) + 100);
                }
    }
    st->delivered = b->last_seq;
}

static void deliver_early(struct mr_stream *st)
{
    for (size_t i = 0; i < st->n_early;) {
        struct mr_run_batch *b = st->early[i];
        enum mr_batch_place place = mr_batch_placed(st->delivered, b->first_seq, b->last_seq);

        if (place == MR_BATCH_EARLY) {
            i++;
            continue;
        }
        st->early[i] = st->early[--st->n_early];
        if (place == MR_BATCH_NEXT)
            deliver(st, b);
        mr_run_batch_unref(b);
        i = 0; /* it may have made room for one that was passed over */
    }
}

void st_batch_in(struct mr_stream *st, struct mr_run_batch *b)
{
    if (st->delivered < 0 || st->closing)
        return; /* the head is about to be read, and covers it */
    switch (mr_batch_placed(st->delivered, b->first_seq, b->last_seq)) {
    case MR_BATCH_OLD:
        return;
    case MR_BATCH_NEXT:
        deliver(st, b);
        deliver_early(st);
        break;
    case MR_BATCH_EARLY:
        if (st->n_early < ST_EARLY_MAX)
            st->early[st->n_early++] = mr_run_batch_ref(b);
        st_notice(st, b->last_seq);
        break;
    }
    if (st->noticed > st->delivered && (st->n_early || !st->opt.logger_in_process))
        st_gap_read(st);
}

void st_notice(struct mr_stream *st, int64_t head)
{
    if (st->closing)
        return;
    if (st->delivered < 0) {
        st->delivered = head;
        LOG_INFO("log_head_known", F_INT("seq", head));
        return; /* the tick wakes those who wait for it */
    }
    if (head <= st->delivered)
        return;
    if (st->noticed <= st->delivered)
        st->noticed_ms = st_now(st);
    if (head > st->noticed)
        st->noticed = head;
    if (st->n_early || !st->opt.logger_in_process)
        st_gap_read(st);
}

/* ---- the mailbox side --------------------------------------------------------------------- */

struct batch_message {
    struct mr_stream *st;
    struct mr_run_batch *batch;
};

static void batch_message(void *arg)
{
    struct batch_message *m = arg;

    st_batch_in(m->st, m->batch);
    mr_run_batch_unref(m->batch);
    mr_free(m);
}

void mr_stream_post_batch(struct mr_stream *st, struct mr_run_batch *batch)
{
    struct batch_message *m = mr_alloc(sizeof(*m));

    if (!m)
        return; /* the notice of the same transaction makes the rooms read it from the log */
    m->st = st;
    m->batch = mr_run_batch_ref(batch);
    if (mr_post(st->opt.server, batch_message, m) != MR_OK) {
        mr_run_batch_unref(m->batch);
        mr_free(m);
    }
}

/* ---- life --------------------------------------------------------------------------------- */

static void tick_one(struct st_sub *s, uint64_t now_ms)
{
    st_sub_tick(s, now_ms);
}

static void timer_closed(uv_handle_t *h)
{
    struct mr_stream *st = h->data;

    st->timer_closed = true;
    st_maybe_free(st);
}

static void last_message(void *arg)
{
    struct mr_stream *st = arg;

    uv_close((uv_handle_t *)&st->tick, timer_closed);
}

/* The mailbox keeps its order: when this message arrives, no earlier one points at the stream any
 * more. While the mailbox is full the tick tries again. */
static void try_leave(struct mr_stream *st)
{
    if (!st->leaving)
        st->leaving = mr_post(st->opt.server, last_message, st) == MR_OK;
}

static void tick(uv_timer_t *t)
{
    struct mr_stream *st = t->data;
    uint64_t now = st_now(st);

    if (st->closing) {
        try_leave(st);
        return;
    }
    if (st->noticed > st->delivered && now - st->noticed_ms >= ST_NOTICE_MS)
        st_gap_read(st);
    st_due_run(st, now);
    if (st->stats.subscribers)
        st_subs_each(st, tick_one, now);
    st_stats_tick(st, now);
}

int mr_stream_new(struct mr_stream **out, const struct mr_stream_options *opt)
{
    struct mr_stream *st = mr_zalloc(1, sizeof(*st));
    int rc;

    if (!st)
        return MR_E_NOMEM;
    st->opt = *opt;
    st->delivered = -1;
    st->stop_fd = -1;
    st->opt.database_url = mr_strdup(opt->database_url);
    rc = st->opt.database_url ? st_listener_start(st) : MR_E_NOMEM;
    if (rc != MR_OK) {
        mr_free((void *)st->opt.database_url);
        mr_free(st);
        return rc;
    }
    (void)uv_timer_init(opt->loop, &st->tick); /* cannot fail */
    st->tick.data = st;
    (void)uv_timer_start(&st->tick, tick, ST_TICK_MS, ST_TICK_MS);
    *out = st;
    return MR_OK;
}

void st_maybe_free(struct mr_stream *st)
{
    if (!st->closing || !st->timer_closed || st->jobs)
        return;
    for (size_t b = 0; b < ST_BUCKETS; b++)
        while (st->pipelines[b]) {
            struct st_pipeline *p = st->pipelines[b];

            st->pipelines[b] = p->next;
            mr_free(p);
        }
    mr_free((void *)st->opt.database_url);
    mr_free(st);
}

static void drop_one(struct st_sub *s, uint64_t arg)
{
    (void)arg;
    st_sub_remove(s);
}

void mr_stream_free(struct mr_stream *st)
{
    if (!st)
        return;
    st_listener_stop(st);
    st_subs_each(st, drop_one, 0);
    while (st->due_first) { /* all of them are dead now */
        struct st_sub *s = st->due_first;

        st->due_first = s->next_due;
        s->state = ST_SUB_WAIT;
        st_sub_remove(s);
    }
    st->due_last = NULL;
    st->closing = true;
    mr_ring_clear(&st->ring);
    while (st->n_early)
        mr_run_batch_unref(st->early[--st->n_early]);
    try_leave(st);
}

void mr_stream_stats(struct mr_stream *st, struct mr_stream_stats *out)
{
    *out = st->stats;
    out->delivered_seq = st->delivered;
    out->behind = 0;
    for (size_t b = 0; b < ST_BUCKETS; b++)
        for (const struct st_sub *s = st->sockets[b]; s; s = s->next_s)
            out->behind += s->state != ST_SUB_LIVE;
}
