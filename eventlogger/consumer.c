/* consumer.c - the consumer thread: polls, reads, and fills batches.
 *
 * A batch goes to the persister when it is full, when its time is up, or as soon as the persister
 * has nothing to do: so a quiet stream is not made to wait, and a busy one makes large
 * transactions. While the persister is behind, nothing is taken out of librdkafka, whose own queue
 * then fills up to its limit and stops fetching; the group is served all the time. */
#include "consumer.h"

#include "base/clock.h"
#include "base/log.h"
#include "proto/alloc.h"

#include <unistd.h>

#define CHUNK_MAX       512 /* messages taken at a time */
#define IDLE_MS         20  /* longest wait for a message: then the group has its turn */
#define FILL_MS         2   /* and for more of them, while the persister is busy */
#define LINGER_MS       5   /* under load, even when it is not: fewer, larger transactions */
#define BUSY_MS         50  /* load: the batch before went out less than this ago */
#define EVENTS_A_TURN   16  /* group events */
#define PUBLISH_MS      200
#define FEED_EVERY_MS   20
#define INBOX_LOW_BYTES (4u << 20)
#define STOP_MS         10000

/* ---- messages ----------------------------------------------------------------------------- */

static struct el_place *place_of(struct el_consumer *c, const rd_kafka_message_t *m)
{
    if (c->last == NULL || c->last_topic != m->rkt || c->last->partition != m->partition) {
        c->last_topic = m->rkt;
        c->last = m->rkt ? el_seat_of(c, rd_kafka_topic_name(m->rkt), m->partition) : NULL;
    }
    return c->last;
}

static void take_error(struct el_consumer *c, const rd_kafka_message_t *m)
{
    struct el_place *p = place_of(c, m);

    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return;
    LOG_WARN("kafka_message_error", F_STR("why", rd_kafka_err2str(m->err)),
             F_STR("topic", m->rkt ? rd_kafka_topic_name(m->rkt) : ""),
             F_INT("partition", m->partition));
    if (p != NULL && p->state == EL_PLACE_READY &&
        (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
         m->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE))
        el_seat_lost(p, EL_NEED_RANGE);
}

static void drop(rd_kafka_message_t *m)
{
    rd_kafka_message_destroy(m);
}

/* A point of the place's trail. */
static void note(struct el_place *p, const rd_kafka_message_t *m)
{
    int64_t ms = el_message_ms(m);

    if (p->trail == NULL)
        p->trail = mr_zalloc(1, sizeof(*p->trail));
    if (p->trail == NULL || ms < 0)
        return;
    if (el_trail_begins(p->trail, ms))
        el_trail_begin(p->trail, m->offset, ms, el_message_fingerprint(m));
    else
        el_trail_extend(p->trail, m->offset);
}

static void take(struct el_consumer *c, struct el_place *p, rd_kafka_message_t *m, int64_t expected,
                 bool known)
{
    /* Room was seen to before anything was polled; a message that came with the group's events may
     * find none, and then its partition begins again from what is stored. */
    if (c->batch != NULL && c->batch->n < c->batch->cap &&
        el_batch_add(c->batch, m, p, expected, known) == MR_OK)
        return;
    drop(m);
    el_seat_lost(p, EL_NEED_STAND);
}

/* takes m */
static void take_message(struct el_consumer *c, rd_kafka_message_t *m)
{
    struct el_place *p;
    int64_t expected;
    uint64_t fingerprint = 0;
    enum el_verdict verdict;

    if (m->err) {
        take_error(c, m);
        drop(m);
        return;
    }
    p = place_of(c, m);
    if (p == NULL) {
        drop(m);
        return;
    }
    if (el_place_verifies(p, m->offset))
        fingerprint = el_message_fingerprint(m);
    if (p->refill)
        el_place_refill(p, m->offset, el_message_ms(m));
    expected = p->next;
    verdict = el_place_see(p, m->offset, fingerprint);
    switch (verdict) {
    case EL_TAKE:
    case EL_PASS:
        take(c, p, m, expected, verdict == EL_PASS);
        return;
    case EL_AGAIN:
        el_seat_lost(p, EL_NEED_START); /* from p->start, once more */
        break;
    case EL_REMADE:
        LOG_WARN("topic_made_anew", F_STR("topic", p->topic), F_INT("partition", p->partition),
                 F_INT("offset", m->offset));
        el_place_remade(p);
        el_seat_lost(p, EL_NEED_RESET);
        break;
    case EL_DROP:
        if (fingerprint != 0 && m->offset == p->next - 1)
            note(p, m);
        break;
    }
    drop(m);
}

/* ---- taking ------------------------------------------------------------------------------- */

static size_t chunk(const struct el_consumer *c)
{
    size_t room = c->batch->cap - c->batch->n;
    size_t bytes = c->batch->bytes < EL_BATCH_BYTES ? EL_BATCH_BYTES - c->batch->bytes : 0;
    size_t n = bytes / (c->record_bytes + 1) + 1;

    n = n < room ? n : room;
    return n < CHUNK_MAX ? n : CHUNK_MAX;
}

/* librdkafka 2.0 looks only once a second whether its queue has room again, unless its thread is
 * woken by a request; so when a backlog has emptied it, the watcher makes one. */
static void feed(struct el_consumer *c)
{
    uint64_t now = mr_mono_ms();

    if (now - c->fed_ms < FEED_EVERY_MS ||
        rd_kafka_queue_length(c->l->inbox) * (c->record_bytes + 1) > INBOX_LOW_BYTES)
        return;
    c->fed_ms = now;
    if (!atomic_exchange(&c->l->hungry, true))
        (void)!write(c->l->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
}

/* Remember how far each place has come, by the batch's records from the from-th on. */
static void note_progress(struct el_consumer *c, size_t from)
{
    for (size_t i = from; i < c->batch->n; i++) {
        const rd_kafka_message_t *m = c->batch->records[i].msg;
        struct el_place *p = place_of(c, m);

        if (p != NULL && m->offset < p->next)
            note(p, m);
    }
}

static void take_chunk(struct el_consumer *c, int wait_ms)
{
    rd_kafka_message_t *messages[CHUNK_MAX];
    size_t want = chunk(c), before = c->batch->bytes, records = c->batch->n;
    ssize_t n = 0;

    /* The batch call waits for all that it may take; a first message must not wait for others. */
    if (c->batch->n == 0) {
        messages[0] = rd_kafka_consume_queue(c->l->inbox, wait_ms);
        n = messages[0] != NULL;
        wait_ms = 0;
    }
    if (c->batch->n > 0 || n > 0) {
        ssize_t more =
            want > (size_t)n
                ? rd_kafka_consume_batch_queue(c->l->inbox, wait_ms, messages + n, want - (size_t)n)
                : 0;

        n += more > 0 ? more : 0;
    }
    for (ssize_t i = 0; i < n; i++)
        take_message(c, messages[i]);
    note_progress(c, records);
    c->last = NULL; /* its topic handle lives only as long as some message */
    if (c->batch->bytes > before && n > 0)
        c->record_bytes = (3 * c->record_bytes + (c->batch->bytes - before) / (size_t)n) / 4;
    if ((size_t)n == want)
        feed(c);
}

static bool due(const struct el_consumer *c, uint64_t now)
{
    const struct el_batch *b = c->batch;
    uint64_t age;

    if (b->n == 0)
        return false;
    age = now - b->since_ms;
    if (el_batch_full(b) || age >= (uint64_t)c->l->cfg->batch_ms)
        return true;
    return el_queue_idle(&c->l->queue) && (age >= LINGER_MS || now - c->pushed_ms >= BUSY_MS);
}

static bool push(struct el_consumer *c, uint64_t now)
{
    if (!el_queue_put(&c->l->queue, (struct el_item){.batch = c->batch}))
        return false;
    c->batch = NULL;
    c->pushed_ms = now;
    return true;
}

static bool have_batch(struct el_consumer *c)
{
    if (c->batch == NULL) {
        c->batch = el_queue_spare(&c->l->queue, (size_t)c->l->cfg->batch_records);
        if (c->batch != NULL)
            el_batch_reset(c->batch, ++c->serial, c->epoch);
    }
    return c->batch != NULL;
}

static void turn(struct el_consumer *c)
{
    bool idle;

    if (!have_batch(c)) {
        el_queue_wait_room(&c->l->queue, IDLE_MS);
        (void)el_queue_wait_idle(&c->l->queue, 1);
        return;
    }
    if (el_batch_full(c->batch)) {
        if (!push(c, mr_mono_ms()))
            el_queue_wait_room(&c->l->queue, IDLE_MS);
        return;
    }
    idle = c->batch->n == 0;
    take_chunk(c, idle ? IDLE_MS : FILL_MS);
    if (c->batch->n > 0 && due(c, mr_mono_ms()))
        (void)push(c, mr_mono_ms());
}

/* ---- the group ---------------------------------------------------------------------------- */

static void serve_group(struct el_consumer *c)
{
    rd_kafka_message_t *m;

    for (int i = 0; i < EVENTS_A_TURN && (m = rd_kafka_consumer_poll(c->l->rk, 0)) != NULL; i++)
        take_message(c, m);
    c->last = NULL;
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct el_consumer *c = ((struct el_logger *)opaque)->group;
    rd_kafka_error_t *error = NULL;

    c->l->assigned = true;
    if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        el_seats_assigned(c, list); /* begun when their offsets are known */
        return;
    }
    if (err != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS)
        LOG_WARN("rebalance_failed", F_STR("why", rd_kafka_err2str(err)));
    el_seats_revoked(c, list);
    error = rd_kafka_incremental_unassign(rk, list);
    if (error != NULL) {
        LOG_WARN("assignment_failed", F_STR("call", "unassign"),
                 F_STR("why", rd_kafka_error_string(error)));
        rd_kafka_error_destroy(error);
    }
}

static bool same_topics(const rd_kafka_topic_partition_list_t *a,
                        const rd_kafka_topic_partition_list_t *b)
{
    if (a == NULL || a->cnt != b->cnt)
        return false;
    for (int i = 0; i < a->cnt; i++)
        if (strcmp(a->elems[i].topic, b->elems[i].topic) != 0)
            return false;
    return true;
}

static void subscribe(struct el_consumer *c, const rd_kafka_topic_partition_list_t *topics)
{
    rd_kafka_resp_err_t err =
        topics->cnt > 0 ? rd_kafka_subscribe(c->l->rk, topics) : rd_kafka_unsubscribe(c->l->rk);

    LOG_INFO("topics_subscribed", F_INT("topics", topics->cnt));
    if (err)
        LOG_ERROR("subscribe_failed", F_STR("why", rd_kafka_err2str(err)));
    c->joined = topics->cnt == 0;
    c->l->subscribed = true;
}

static void take_view(struct el_consumer *c)
{
    struct el_suspects *suspects;
    struct el_view *v;
    bool same;

    pthread_mutex_lock(&c->l->view_lock);
    v = c->l->view;
    c->l->view = NULL;
    suspects = c->l->suspects;
    c->l->suspects = NULL;
    pthread_mutex_unlock(&c->l->view_lock);
    if (suspects != NULL)
        el_seats_suspect(c, suspects);
    mr_free(suspects);
    if (v == NULL)
        return;
    same = same_topics(c->view ? c->view->topics : NULL, v->topics);
    el_view_free(c->view);
    c->view = v;
    el_seats_claim(c);
    if (!same)
        subscribe(c, v->topics);
}

static void see_epoch(struct el_consumer *c)
{
    uint64_t epoch = atomic_load(&c->l->epoch);

    if (epoch == c->epoch)
        return;
    c->epoch = epoch;
    if (c->batch != NULL)
        el_batch_reset(c->batch, ++c->serial, epoch);
    el_seats_void(c);
}

/* ---- the end ------------------------------------------------------------------------------ */

/* Leave the group, so that others need not wait for the session to end. librdkafka would wait for a
 * broker that is away: then its session ends by itself. */
static void leave(struct el_consumer *c)
{
    rd_kafka_message_t *m;

    if (c->pending != NULL) { /* it waits for this call and would not close without it */
        rd_kafka_error_t *error;

        for (int i = 0; i < c->pending->cnt; i++)
            c->pending->elems[i].offset = RD_KAFKA_OFFSET_END;
        error = rd_kafka_incremental_assign(c->l->rk, c->pending);
        rd_kafka_error_destroy(error);
        rd_kafka_topic_partition_list_destroy(c->pending);
        c->pending = NULL;
    }
    if (el_board_well(&c->l->board, EL_SIDE_KAFKA))
        (void)rd_kafka_consumer_close(c->l->rk);
    while ((m = rd_kafka_consume_queue(c->l->inbox, 0)) != NULL)
        rd_kafka_message_destroy(m);
}

static void finish(struct el_consumer *c)
{
    struct el_queue *q = &c->l->queue;

    if (c->batch != NULL && c->batch->n > 0) {
        el_queue_wait_room(q, STOP_MS);
        if (el_queue_put(q, (struct el_item){.batch = c->batch}))
            c->batch = NULL;
    }
    (void)el_queue_wait_idle(q, STOP_MS);
    leave(c);
    el_queue_end(q);
    el_batch_free(c->batch);
    c->batch = NULL;
}

void *el_consumer_run(void *logger)
{
    struct el_logger *l = logger;
    struct el_consumer *c = l->group;

    mr_log_thread("consumer");
    while (!atomic_load(&l->stopping)) {
        uint64_t now = mr_mono_ms();

        serve_group(c);
        take_view(c);
        see_epoch(c);
        el_seats_serve(c);
        if (now - c->published_ms >= PUBLISH_MS) {
            c->published_ms = now;
            el_seats_publish(c);
        }
        turn(c);
    }
    finish(c);
    return NULL;
}

int el_consumer_new(struct el_logger *l, rd_kafka_conf_t *conf)
{
    l->group = mr_zalloc(1, sizeof(*l->group));
    if (l->group == NULL)
        return MR_E_NOMEM;
    l->group->l = l;
    l->group->record_bytes = 1024;
    rd_kafka_conf_set_opaque(conf, l);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    return MR_OK;
}

void el_consumer_free(struct el_consumer *c)
{
    if (c == NULL)
        return;
    if (c->ask != NULL)
        mr_free(c->ask->items);
    mr_free(c->ask);
    el_view_free(c->view);
    el_seats_deinit(c);
    mr_free(c);
}
