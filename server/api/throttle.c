/* throttle.c - a set-associative table: a pair's hash names a set of eight entries, and it lives in
 * one of them. So nothing grows, and no flood of made-up names can evict more than its own set. */
#include "api/throttle.h"
#include "proto/alloc.h"
#include <pthread.h>
#include <strings.h>

#define WAYS 8

struct entry {
    uint64_t key; /* 0: free */
    uint64_t last_ms, until_ms;
    unsigned failures;
};

struct mr_throttle {
    pthread_mutex_t lock;
    struct entry entries[MR_THROTTLE_ENTRIES];
};

int mr_throttle_new(struct mr_throttle **out)
{
    struct mr_throttle *t = mr_zalloc(1, sizeof(*t));

    if (!t)
        return MR_E_NOMEM;
    pthread_mutex_init(&t->lock, NULL);
    *out = t;
    return MR_OK;
}

void mr_throttle_free(struct mr_throttle *t)
{
    if (t)
        pthread_mutex_destroy(&t->lock);
    mr_free(t);
}

/* FNV-1a over "user\0addr", names without regard to case. */
static uint64_t key_of(struct mr_span user, struct mr_span addr)
{
    uint64_t h = 14695981039346656037u;

    for (size_t i = 0; i < user.len; i++) {
        unsigned char c = (unsigned char)user.ptr[i];

        h = (h ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * 1099511628211u;
    }
    h *= 1099511628211u;
    for (size_t i = 0; i < addr.len; i++)
        h = (h ^ (unsigned char)addr.ptr[i]) * 1099511628211u;
    return h ? h : 1;
}

static struct entry *find(struct mr_throttle *t, uint64_t key, bool make)
{
    struct entry *set = &t->entries[key % (MR_THROTTLE_ENTRIES / WAYS) * WAYS], *oldest = set;

    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].key == key)
            return &set[i];
        if (set[i].last_ms < oldest->last_ms)
            oldest = &set[i];
    }
    if (!make)
        return NULL;
    *oldest = (struct entry){.key = key};
    return oldest;
}

uint64_t mr_throttle_wait(struct mr_throttle *t, struct mr_span user, struct mr_span addr,
                          uint64_t now_ms)
{
    uint64_t wait = 0;
    struct entry *e;

    pthread_mutex_lock(&t->lock);
    e = find(t, key_of(user, addr), false);
    if (e && e->until_ms > now_ms)
        wait = e->until_ms - now_ms;
    pthread_mutex_unlock(&t->lock);
    return wait;
}

void mr_throttle_failed(struct mr_throttle *t, struct mr_span user, struct mr_span addr,
                        uint64_t now_ms)
{
    struct entry *e;

    pthread_mutex_lock(&t->lock);
    e = find(t, key_of(user, addr), true);
    if (e->failures > 0 && now_ms - e->last_ms > MR_THROTTLE_FORGET_MS)
        e->failures = 0;
    e->failures++;
    e->last_ms = now_ms;
    if (e->failures >= MR_THROTTLE_FREE) {
        unsigned doublings = e->failures - MR_THROTTLE_FREE;
        uint64_t wait = doublings < 16 ? 1000u << doublings : MR_THROTTLE_MAX_MS;

        e->until_ms = now_ms + (wait < MR_THROTTLE_MAX_MS ? wait : MR_THROTTLE_MAX_MS);
    }
    pthread_mutex_unlock(&t->lock);
}

void mr_throttle_succeeded(struct mr_throttle *t, struct mr_span user, struct mr_span addr)
{
    struct entry *e;

    pthread_mutex_lock(&t->lock);
    e = find(t, key_of(user, addr), false);
    if (e)
        *e = (struct entry){0};
    pthread_mutex_unlock(&t->lock);
}
