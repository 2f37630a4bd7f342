/* board.c - what the logger tells of itself: one lock, copied out whole. */
#include "base/clock.h"
#include "base/log.h"
#include "el.h"
#include "proto/alloc.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const side_names[] = {"kafka", "postgres", "transaction"};

void el_board_init(struct el_board *b, const char *group)
{
    memset(b, 0, sizeof(*b));
    pthread_mutex_init(&b->lock, NULL);
    b->status.state = EL_STARTING;
    b->known[EL_SIDE_STORE] = b->well[EL_SIDE_STORE] = true; /* until one fails */
    b->status.started_at_us = mr_wall_us();
    (void)snprintf(b->status.group_id, sizeof(b->status.group_id), "%s", group);
    b->events = mr_metric_counter("millrace_logger_events_total",
                                  "Events committed to the log by this process", NULL);
    b->skipped = mr_metric_counter("millrace_logger_skipped_total",
                                   "Records that are no events: tombstones, heartbeats, ..", NULL);
    b->dead = mr_metric_counter("millrace_logger_dead_letters_total",
                                "Records that could not be read or stored", NULL);
    b->batches = mr_metric_counter("millrace_logger_batches_total", "Transactions committed", NULL);
    b->resets = mr_metric_counter("millrace_logger_offset_resets_total",
                                  "Partitions begun anew because the broker lost the offset", NULL);
    b->fenced = mr_metric_counter("millrace_logger_fenced_total",
                                  "Batches dropped because another logger had stored them", NULL);
    b->retries = mr_metric_counter("millrace_logger_retries_total",
                                   "Transactions that failed and were tried again", NULL);
    b->commit = mr_metric_histogram("millrace_logger_transaction_seconds",
                                    "Time of a committed transaction, BEGIN to COMMIT", NULL);
}

void el_board_deinit(struct el_board *b)
{
    mr_free(b->places);
    pthread_mutex_destroy(&b->lock);
}

void el_board_side(struct el_board *b, enum el_side side, const char *why)
{
    bool changed;

    pthread_mutex_lock(&b->lock);
    changed = !b->known[side] || b->well[side] != (why == NULL);
    b->known[side] = true;
    b->well[side] = why == NULL;
    if (why != NULL) {
        (void)snprintf(b->status.last_error, sizeof(b->status.last_error), "%s: %s",
                       side_names[side], why);
        b->status.last_error_at_us = mr_wall_us();
    }
    pthread_mutex_unlock(&b->lock);
    if (changed && why != NULL)
        LOG_WARN("logger_degraded", F_STR("side", side_names[side]), F_STR("why", why));
    else if (changed)
        LOG_INFO("logger_side_well", F_STR("side", side_names[side]));
}

bool el_board_well(struct el_board *b, enum el_side side)
{
    bool well;

    pthread_mutex_lock(&b->lock);
    well = b->well[side];
    pthread_mutex_unlock(&b->lock);
    return well;
}

/* Forget the seconds that have passed since the last event. {lock} */
static uint64_t roll(struct el_board *b)
{
    uint64_t now = mr_mono_ms() / 1000;

    if (now - b->rate_second > EL_RATE_SECONDS)
        memset(b->rate, 0, sizeof(b->rate));
    else
        for (uint64_t s = b->rate_second + 1; s <= now; s++)
            b->rate[s % (EL_RATE_SECONDS + 1)] = 0;
    b->rate_second = now;
    return now;
}

void el_board_committed(struct el_board *b, const struct el_counts *n, uint64_t took_us)
{
    pthread_mutex_lock(&b->lock);
    b->status.batches++;
    b->status.events += n->events;
    b->status.skipped += n->skipped;
    b->status.dead_letters += n->dead;
    b->status.last_commit_at_us = mr_wall_us();
    b->rate[roll(b) % (EL_RATE_SECONDS + 1)] += n->events;
    pthread_mutex_unlock(&b->lock);
    mr_metric_add(b->batches, 1);
    mr_metric_add(b->events, n->events);
    mr_metric_add(b->skipped, n->skipped);
    mr_metric_add(b->dead, n->dead);
    mr_metric_observe_us(b->commit, took_us);
}

static int place_cmp(const void *va, const void *vb)
{
    const struct el_board_place *a = va, *b = vb;
    int order = strcmp(a->topic, b->topic);

    return order ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

void el_board_stored(struct el_board *b, const struct el_part *parts, size_t n)
{
    struct el_board_place key;

    pthread_mutex_lock(&b->lock);
    for (size_t i = 0; i < n && b->places_n > 0; i++) {
        struct el_board_place *at;

        if (parts[i].next < 0)
            continue;
        memcpy(key.topic, parts[i].topic, sizeof(key.topic));
        key.partition = parts[i].partition;
        at = bsearch(&key, b->places, b->places_n, sizeof(key), place_cmp);
        if (at != NULL)
            at->next = parts[i].next;
    }
    pthread_mutex_unlock(&b->lock);
}

void el_board_places(struct el_board *b, struct el_board_place *places, size_t n, bool joined)
{
    if (n > 1)
        qsort(places, n, sizeof(*places), place_cmp);
    pthread_mutex_lock(&b->lock);
    for (size_t i = 0; i < n && b->places_n > 0; i++) {
        /* What the consumer has taken is not stored yet, so the persister's word is kept; only a
         * topic that was made anew goes back. */
        struct el_board_place *old =
            bsearch(&places[i], b->places, b->places_n, sizeof(*places), place_cmp);

        if (old != NULL && old->next >= 0 && old->next < places[i].next)
            places[i].next = old->next;
    }
    mr_free(b->places);
    b->places = places;
    b->places_n = n;
    b->joined = joined;
    pthread_mutex_unlock(&b->lock);
}

size_t el_board_copy(struct el_board *b, size_t first, struct el_board_place *out, size_t max)
{
    size_t n = 0;

    pthread_mutex_lock(&b->lock);
    if (first < b->places_n)
        n = b->places_n - first < max ? b->places_n - first : max;
    if (n > 0)
        memcpy(out, b->places + first, n * sizeof(*out));
    pthread_mutex_unlock(&b->lock);
    return n;
}

void el_board_reset(struct el_board *b)
{
    pthread_mutex_lock(&b->lock);
    b->status.offset_resets++;
    pthread_mutex_unlock(&b->lock);
    mr_metric_add(b->resets, 1);
}

void el_board_fenced(struct el_board *b)
{
    pthread_mutex_lock(&b->lock);
    b->status.fenced++;
    pthread_mutex_unlock(&b->lock);
    mr_metric_add(b->fenced, 1);
}

void el_board_retried(struct el_board *b)
{
    mr_metric_add(b->retries, 1);
}

void el_board_stopped(struct el_board *b)
{
    pthread_mutex_lock(&b->lock);
    b->status.state = EL_STOPPED;
    pthread_mutex_unlock(&b->lock);
}

/* {lock} */
static void read_places(const struct el_board *b, struct el_status *out)
{
    out->n_assigned_all = b->places_n;
    out->n_assigned = b->places_n < EL_BOARD_LISTED ? b->places_n : EL_BOARD_LISTED;
    out->lag_records = b->joined || b->places_n > 0 ? 0 : -1;
    for (size_t i = 0; i < b->places_n; i++) {
        const struct el_board_place *p = &b->places[i];
        int64_t lag = p->next < 0 || p->high < 0 ? -1 : p->high > p->next ? p->high - p->next : 0;

        if (lag < 0 || out->lag_records < 0)
            out->lag_records = -1;
        else
            out->lag_records += lag;
        if (i >= out->n_assigned)
            continue;
        memcpy(out->assigned[i].topic, p->topic, sizeof(p->topic));
        out->assigned[i].partition = p->partition;
        out->assigned[i].next_offset = p->next;
        out->assigned[i].lag = lag;
    }
}

void el_board_read(struct el_board *b, struct el_status *out)
{
    uint64_t now, sum = 0;

    pthread_mutex_lock(&b->lock);
    *out = b->status;
    now = roll(b);
    for (uint64_t s = 1; s <= EL_RATE_SECONDS; s++) /* whole seconds: the present one is not over */
        sum += b->rate[(now - s) % (EL_RATE_SECONDS + 1)];
    out->events_per_second = (double)sum / EL_RATE_SECONDS;
    read_places(b, out);
    if (out->state != EL_STOPPED) {
        bool ill = false, unknown = false;

        for (int i = 0; i < EL_SIDES; i++) {
            ill = ill || (b->known[i] && !b->well[i]);
            unknown = unknown || !b->known[i];
        }
        out->state = ill ? EL_DEGRADED : unknown ? EL_STARTING : EL_RUNNING;
    }
    pthread_mutex_unlock(&b->lock);
}
