/* seat.c - partitions, from the group's word that they are ours to the first record taken.
 *
 *   assigned -> ask the persister for the offset -> give it to librdkafka -> verify -> records
 *
 * Asking goes through the queue of batches, so an answer is later than everything that was handed
 * over before. While PostgreSQL is away the answer just does not come: the consumer goes on
 * polling, stays in the group, and keeps its partitions. librdkafka waits for the assign call
 * meanwhile.
 *
 * Each partition's messages go to the inbox, apart from the group's events, so that rebalances are
 * served while no records are taken. */
#include "consumer.h"

#include "base/clock.h"
#include "base/log.h"
#include "proto/alloc.h"

#include <stdlib.h>

#define WATERMARK_MS     1000
#define WATERMARKS_MAX   64 /* asked for in one go: each may block */
#define ASK_AGAIN_MS     200
#define SEEK_MS          5000
#define PLACES_CAP_MIN   16
#define SUSPECT_AGAIN_MS 60000 /* after a look: its times may just be out of order */
#define REJOIN_MS        1000  /* how long a partition that was put in again is led to the inbox */
#define GROUP_WAIT_MS    3000  /* for what is in hand to be stored before a partition is given up */

struct el_place *el_seat_of(struct el_consumer *c, const char *topic, int32_t partition)
{
    struct el_place key = {.partition = partition};
    size_t len = strlen(topic);

    if (c->places_n == 0 || len >= sizeof(key.topic))
        return NULL;
    memcpy(key.topic, topic, len + 1);
    return bsearch(&key, c->places, c->places_n, sizeof(key), el_place_cmp);
}

void el_seat_lost(struct el_place *p, enum el_need need)
{
    if (p->state == EL_PLACE_READY)
        p->state = EL_PLACE_WAITING;
    p->need = need;
    p->asked = false;
}

static void claim(const struct el_consumer *c, struct el_place *p)
{
    bool was = p->claimed;

    p->claimed = c->view != NULL && el_map_owner(c->view->map, mr_span_str(p->topic), &p->owner);
    /* What comes while nobody claims the topic is not taken, so the place must begin again. */
    if (was && !p->claimed)
        el_seat_lost(p, EL_NEED_STAND);
}

void el_seats_claim(struct el_consumer *c)
{
    for (size_t i = 0; i < c->places_n; i++)
        claim(c, &c->places[i]);
}

void el_seats_void(struct el_consumer *c)
{
    for (size_t i = 0; i < c->places_n; i++)
        el_seat_lost(&c->places[i], EL_NEED_STAND);
}

/* ---- the group's word --------------------------------------------------------------------- */

static int make_room(struct el_consumer *c, size_t more)
{
    size_t cap = c->places_cap ? c->places_cap : PLACES_CAP_MIN;
    struct el_place *places;

    while (cap < c->places_n + more)
        cap *= 2;
    if (cap == c->places_cap)
        return MR_OK;
    places = mr_realloc(c->places, cap * sizeof(*places));
    if (places == NULL)
        return MR_E_NOMEM;
    memset(places + c->places_n, 0, (cap - c->places_n) * sizeof(*places));
    c->places = places;
    c->places_cap = cap;
    return MR_OK;
}

static void forget_last(struct el_consumer *c)
{
    c->last = NULL;
    c->last_topic = NULL;
}

/* Behind the others, which are sorted. */
static void add_place(struct el_consumer *c, const rd_kafka_topic_partition_t *tp, size_t *added)
{
    struct el_place *p = el_seat_of(c, tp->topic, tp->partition);

    if (strlen(tp->topic) >= EL_TOPIC_MAX)
        return; /* Kafka has no such names */
    if (p == NULL)
        p = &c->places[c->places_n + (*added)++];
    mr_free(p->trail);
    *p = (struct el_place){.partition = tp->partition, .next = -1, .need = EL_NEED_STAND};
    memcpy(p->topic, tp->topic, strlen(tp->topic) + 1);
    claim(c, p);
}

void el_seats_assigned(struct el_consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    size_t added = 0;
    LOG_INFO("partitions_assigned", F_INT("partitions", list->cnt));
    forget_last(c);
    c->joined = true;
    if (make_room(c, (size_t)list->cnt) != MR_OK)
        LOG_ERROR("partitions_dropped", F_STR("why", "out of memory")); /* begun, never taken */
    else
        for (int i = 0; i < list->cnt; i++)
            add_place(c, &list->elems[i], &added);
    c->places_n += added;
    if (added > 0)
        qsort(c->places, c->places_n, sizeof(*c->places), el_place_cmp);
    if (c->pending == NULL)
        c->pending = rd_kafka_topic_partition_list_copy(list);
    else
        for (int i = 0; i < list->cnt; i++)
            (void)rd_kafka_topic_partition_list_add(c->pending, list->elems[i].topic,
                                                    list->elems[i].partition);
}

/* What was taken is stored before the question is answered, or a reset would void it. */
static bool hand_over(struct el_consumer *c)
{
    if (c->batch == NULL || c->batch->n == 0)
        return true;
    if (!el_queue_put(&c->l->queue, (struct el_item){.batch = c->batch}))
        return false;
    c->batch = NULL;
    return true;
}

/* Give what is in hand to the persister, and it the time to store it: whoever gets the partitions
 * next then begins behind it. Should it take longer, the compare-and-set keeps the two apart. */
static void settle(struct el_consumer *c)
{
    struct el_queue *q = &c->l->queue;

    if (!el_board_well(&c->l->board, EL_SIDE_POSTGRES))
        return;
    el_queue_wait_room(q, GROUP_WAIT_MS);
    (void)hand_over(c);
    (void)el_queue_wait_idle(q, GROUP_WAIT_MS);
}

void el_seats_revoked(struct el_consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    LOG_INFO("partitions_revoked", F_INT("partitions", list->cnt));
    if (!rd_kafka_assignment_lost(c->l->rk))
        settle(c);
    forget_last(c);
    for (int i = 0; i < list->cnt; i++) {
        struct el_place *p = el_seat_of(c, list->elems[i].topic, list->elems[i].partition);
        size_t at;

        if (c->pending != NULL)
            (void)rd_kafka_topic_partition_list_del(c->pending, list->elems[i].topic,
                                                    list->elems[i].partition);
        if (p == NULL)
            continue;
        mr_free(p->trail);
        at = (size_t)(p - c->places);
        memmove(p, p + 1, (c->places_n - at - 1) * sizeof(*p));
        c->places[--c->places_n] = (struct el_place){0};
    }
}

/* ---- asking ------------------------------------------------------------------------------- */

static bool wants_answer(const struct el_place *p)
{
    return p->claimed && !p->asked && p->need >= EL_NEED_STAND && p->need <= EL_NEED_RESET;
}

/* Look at the broker where the question needs it. False: it did not answer, or nothing need be
 * asked any more. */
static bool prepare(struct el_consumer *c, struct el_place *p, struct el_ask_item *item)
{
    int64_t low = 0, high = 0;

    item->what = EL_ASK_READ;
    if (p->need == EL_NEED_STAND)
        return true;
    if (rd_kafka_query_watermark_offsets(c->l->rk, p->topic, p->partition, &low, &high,
                                         WATERMARK_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    if (p->need == EL_NEED_RANGE && el_place_in_range(p, low, high)) {
        p->verify = false; /* only a record before it is gone */
        p->start = p->next;
        p->need = EL_NEED_START;
        return false;
    }
    item->what = p->need == EL_NEED_ROW ? EL_ASK_CREATE : EL_ASK_RESET;
    item->from = low;
    item->expected = p->next;
    return true;
}

static void ask_free(struct el_ask *ask)
{
    if (ask != NULL)
        mr_free(ask->items);
    mr_free(ask);
}

static void ask(struct el_consumer *c)
{
    struct el_ask *ask;
    size_t n = 0, blocking = 0;

    for (size_t i = 0; i < c->places_n; i++)
        n += wants_answer(&c->places[i]);
    if (n == 0 || mr_mono_ms() < c->ask_after_ms || !hand_over(c))
        return;
    c->ask_after_ms = mr_mono_ms() + ASK_AGAIN_MS; /* should any of this not work */
    ask = mr_zalloc(1, sizeof(*ask));
    if (ask == NULL)
        return;
    ask->items = mr_zalloc(n, sizeof(*ask->items));
    for (size_t i = 0; ask->items != NULL && i < c->places_n && ask->n < n; i++) {
        struct el_place *p = &c->places[i];
        struct el_ask_item *item = &ask->items[ask->n];

        if (!wants_answer(p) || (p->need != EL_NEED_STAND && blocking++ >= WATERMARKS_MAX) ||
            !prepare(c, p, item))
            continue;
        memcpy(item->topic, p->topic, sizeof(item->topic));
        item->partition = p->partition;
        p->asked = true;
        ask->n++;
    }
    if (ask->n > 0 && el_queue_put(&c->l->queue, (struct el_item){.ask = ask})) {
        c->ask = ask;
        c->ask_after_ms = 0;
        return;
    }
    for (size_t i = 0; i < c->places_n; i++)
        c->places[i].asked = false;
    ask_free(ask);
}

static void take_answer(struct el_consumer *c)
{
    for (size_t i = 0; i < c->ask->n; i++) {
        const struct el_ask_item *item = &c->ask->items[i];
        struct el_place *p = el_seat_of(c, item->topic, item->partition);

        if (p == NULL || !p->asked)
            continue; /* given up, or in need of another answer, since it was asked */
        p->asked = false;
        if (item->failed)
            continue;
        if (!item->stand.known) {
            p->need = EL_NEED_ROW;
            continue;
        }
        p->start = el_place_begin(p, &item->stand);
        p->need = EL_NEED_START;
    }
    ask_free(c->ask);
    c->ask = NULL;
}

/* ---- beginning ---------------------------------------------------------------------------- */

static void to_inbox(struct el_consumer *c, const char *topic, int32_t partition)
{
    rd_kafka_queue_t *q = rd_kafka_queue_get_partition(c->l->rk, topic, partition);

    if (q == NULL)
        return;
    rd_kafka_queue_forward(q, c->l->inbox);
    rd_kafka_queue_destroy(q);
}

static bool failed(rd_kafka_error_t *error, const char *what)
{
    if (error == NULL)
        return false;
    LOG_WARN("assignment_failed", F_STR("call", what), F_STR("why", rd_kafka_error_string(error)));
    rd_kafka_error_destroy(error);
    return true;
}

static bool all_known(const struct el_consumer *c)
{
    for (int i = 0; i < c->pending->cnt; i++) {
        const rd_kafka_topic_partition_t *tp = &c->pending->elems[i];
        const struct el_place *p = el_seat_of((struct el_consumer *)c, tp->topic, tp->partition);

        if (p != NULL && p->claimed && p->need != EL_NEED_START)
            return false;
    }
    return true;
}

/* A partition that nobody claims (any more) begins at its end, where nothing comes, until the group
 * takes it back. */
static void begin_pending(struct el_consumer *c)
{
    rd_kafka_topic_partition_list_t *list = c->pending;

    for (int i = 0; i < list->cnt; i++) {
        struct el_place *p = el_seat_of(c, list->elems[i].topic, list->elems[i].partition);

        list->elems[i].offset = RD_KAFKA_OFFSET_END;
        to_inbox(c, list->elems[i].topic, list->elems[i].partition);
        if (p == NULL)
            continue;
        p->state = EL_PLACE_WAITING;
        if (p->claimed && p->need == EL_NEED_START) {
            list->elems[i].offset = p->start;
            p->state = EL_PLACE_READY;
            p->need = EL_NEED_NOTHING;
        }
    }
    c->pending = NULL;
    if (failed(rd_kafka_incremental_assign(c->l->rk, list), "assign"))
        for (int i = 0; i < list->cnt; i++) {
            struct el_place *p = el_seat_of(c, list->elems[i].topic, list->elems[i].partition);

            if (p != NULL)
                el_seat_lost(p, EL_NEED_STAND);
        }
    rd_kafka_topic_partition_list_destroy(list);
}

/* A partition that has failed cannot be sought: it is taken out and put in again. Taking it out
 * undoes, some time later, its way to the inbox, which is therefore laid again for a while. */
static bool put_in_again(struct el_consumer *c, struct el_place *p)
{
    rd_kafka_topic_partition_list_t *one = rd_kafka_topic_partition_list_new(1);
    bool ok;

    rd_kafka_topic_partition_list_add(one, p->topic, p->partition)->offset = p->start;
    ok = !failed(rd_kafka_incremental_unassign(c->l->rk, one), "unassign");
    if (ok)
        ok = !failed(rd_kafka_incremental_assign(c->l->rk, one), "assign");
    p->rejoined_ms = mr_mono_ms();
    rd_kafka_topic_partition_list_destroy(one);
    return ok;
}

static void begin_again(struct el_consumer *c)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(4);

    for (size_t i = 0; i < c->places_n; i++) {
        struct el_place *p = &c->places[i];

        if (p->state == EL_PLACE_WAITING && p->claimed && p->need == EL_NEED_START)
            rd_kafka_topic_partition_list_add(list, p->topic, p->partition)->offset = p->start;
    }
    if (list->cnt > 0 && !failed(rd_kafka_seek_partitions(c->l->rk, list, SEEK_MS), "seek"))
        for (int i = 0; i < list->cnt; i++) {
            const rd_kafka_topic_partition_t *tp = &list->elems[i];
            struct el_place *p = el_seat_of(c, tp->topic, tp->partition);

            if (p == NULL || (tp->err && !put_in_again(c, p)))
                continue; /* the next turn tries again */
            p->state = EL_PLACE_READY;
            p->need = EL_NEED_NOTHING;
        }
    rd_kafka_topic_partition_list_destroy(list);
}

/* Asked for the queue of a partition that is gone, librdkafka makes one that it never ends (2.0).
 */
static bool is_there(const struct el_consumer *c, const char *topic)
{
    return c->view != NULL && c->view->topics != NULL &&
           rd_kafka_topic_partition_list_find(c->view->topics, topic, RD_KAFKA_PARTITION_UA) !=
               NULL;
}

static void lead_rejoined(struct el_consumer *c)
{
    uint64_t now = mr_mono_ms();

    for (size_t i = 0; i < c->places_n; i++) {
        struct el_place *p = &c->places[i];

        if (p->rejoined_ms == 0)
            continue;
        if (is_there(c, p->topic))
            to_inbox(c, p->topic, p->partition);
        if (now - p->rejoined_ms > REJOIN_MS)
            p->rejoined_ms = 0;
    }
}

void el_seats_suspect(struct el_consumer *c, const struct el_suspects *s)
{
    uint64_t now = mr_mono_ms();

    for (size_t i = 0; i < s->n; i++) {
        const struct el_board_place *was = &s->items[i];
        struct el_place *p = el_seat_of(c, was->topic, was->partition);

        if (p == NULL || p->state != EL_PLACE_READY || p->verify ||
            !el_trail_has(p->trail, &was->mark) || now < p->suspect_after_ms)
            continue;
        p->suspect_after_ms = now + SUSPECT_AGAIN_MS;
        p->start = el_place_audit(p, was->mark.offset, was->mark.fingerprint);
        el_seat_lost(p, EL_NEED_START);
    }
}

void el_seats_serve(struct el_consumer *c)
{
    if (c->ask != NULL && atomic_load(&c->ask->answered))
        take_answer(c);
    if (c->ask == NULL)
        ask(c);
    if (c->pending != NULL && all_known(c))
        begin_pending(c);
    begin_again(c);
}

/* ---- now and then ------------------------------------------------------------------------- */

void el_seats_publish(struct el_consumer *c)
{
    struct el_board_place *told = mr_zalloc(c->places_n ? c->places_n : 1, sizeof(*told));

    if (told == NULL)
        return;
    for (size_t i = 0; i < c->places_n; i++) {
        const struct el_place *p = &c->places[i];
        int64_t low, high;

        memcpy(told[i].topic, p->topic, sizeof(told[i].topic));
        told[i].partition = p->partition;
        told[i].next = p->need == EL_NEED_NOTHING ? p->next : -1;
        told[i].high = -1;
        if (p->state == EL_PLACE_READY && el_trail_oldest(p->trail) != NULL)
            told[i].mark = *el_trail_oldest(p->trail);

        if (rd_kafka_get_watermark_offsets(c->l->rk, p->topic, p->partition, &low, &high) ==
                RD_KAFKA_RESP_ERR_NO_ERROR &&
            high >= 0)
            told[i].high = high;
    }
    el_board_places(&c->l->board, told, c->places_n, c->joined);
    lead_rejoined(c);
}

void el_seats_deinit(struct el_consumer *c)
{
    if (c->pending != NULL)
        rd_kafka_topic_partition_list_destroy(c->pending);
    for (size_t i = 0; i < c->places_n; i++)
        mr_free(c->places[i].trail);
    mr_free(c->places);
}
