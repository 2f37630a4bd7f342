/* timers.c - the heap: the parent of place i is i / 2, and is never later than its children. */
#include "io/timers.h"

#include "proto/alloc.h"

int mr__timers_reserve(struct mr_timers *ts, size_t n)
{
    size_t need = ts->reserved + n + 1; /* place 0 is not used */

    if (need > ts->cap) {
        size_t cap = ts->cap ? ts->cap * 2 : 64;
        struct mr_timer **heap;

        while (cap < need)
            cap *= 2;
        heap = mr_realloc(ts->heap, cap * sizeof(struct mr_timer *));
        if (heap == NULL)
            return MR_E_NOMEM;
        ts->heap = heap;
        ts->cap = cap;
    }
    ts->reserved += n;
    return MR_OK;
}

void mr__timers_release(struct mr_timers *ts, size_t n)
{
    struct mr_timer **heap;

    ts->reserved -= n;
    if (ts->cap <= 1024 || ts->reserved + 1 > ts->cap / 8)
        return;
    heap = mr_realloc(ts->heap, ts->cap / 4 * sizeof(struct mr_timer *));
    if (heap == NULL)
        return; /* it is only larger than it need be */
    ts->heap = heap;
    ts->cap /= 4;
}

void mr__timers_deinit(struct mr_timers *ts)
{
    mr_free(ts->heap);
    *ts = (struct mr_timers){0};
}

static void put(struct mr_timers *ts, size_t place, struct mr_timer *t)
{
    ts->heap[place] = t;
    t->place = place;
}

static void sift_up(struct mr_timers *ts, size_t place, struct mr_timer *t)
{
    while (place > 1 && ts->heap[place / 2]->at_ms > t->at_ms) {
        put(ts, place, ts->heap[place / 2]);
        place /= 2;
    }
    put(ts, place, t);
}

static void sift_down(struct mr_timers *ts, size_t place, struct mr_timer *t)
{
    for (;;) {
        size_t child = place * 2;

        if (child > ts->n)
            break;
        if (child < ts->n && ts->heap[child + 1]->at_ms < ts->heap[child]->at_ms)
            child++;
        if (ts->heap[child]->at_ms >= t->at_ms)
            break;
        put(ts, place, ts->heap[child]);
        place = child;
    }
    put(ts, place, t);
}

void mr__timer_set(struct mr_timers *ts, struct mr_timer *t, uint64_t at_ms, mr_timer_fn fn)
{
    t->fn = fn;
    t->at_ms = at_ms;
    if (t->place == 0)
        put(ts, ++ts->n, t);
    if (t->place > 1 && ts->heap[t->place / 2]->at_ms > at_ms)
        sift_up(ts, t->place, t);
    else
        sift_down(ts, t->place, t);
}

void mr__timer_stop(struct mr_timers *ts, struct mr_timer *t)
{
    size_t place = t->place;
    struct mr_timer *last;

    if (place == 0)
        return;
    t->place = 0;
    last = ts->heap[ts->n--];
    if (last == t)
        return;
    if (place > 1 && ts->heap[place / 2]->at_ms > last->at_ms)
        sift_up(ts, place, last);
    else
        sift_down(ts, place, last);
}

void mr__timers_run(struct mr_timers *ts, uint64_t now_ms)
{
    while (ts->n > 0 && ts->heap[1]->at_ms <= now_ms) {
        struct mr_timer *t = ts->heap[1];

        mr__timer_stop(ts, t);
        t->fn(t);
    }
}

uint64_t mr__timers_next(const struct mr_timers *ts)
{
    return ts->n > 0 ? ts->heap[1]->at_ms : UINT64_MAX;
}
