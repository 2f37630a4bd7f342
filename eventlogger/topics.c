/* topics.c - exact names in one sorted list, prefixes in another, longest first: the first prefix
 * that fits is the winner. Both sorts keep the order of equals by their age. */
#include "topics.h"

#include "proto/alloc.h"

#include <stdatomic.h>
#include <stdlib.h>

#define CLAIMS_CAP_MIN 16

struct claim {
    char *name; /* owned */
    size_t len;
    size_t age; /* 0 is the oldest */
    struct mr_uuid pipeline;
};

struct claims {
    struct claim *list; /* owned */
    size_t n, cap;
};

struct el_map {
    atomic_int refs;
    struct claims topics, prefixes;
};

struct el_map *el_map_new(void)
{
    struct el_map *m = mr_zalloc(1, sizeof(*m));

    if (m != NULL)
        atomic_init(&m->refs, 1);
    return m;
}

struct el_map *el_map_ref(struct el_map *m)
{
    atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}

static void claims_free(struct claims *c)
{
    for (size_t i = 0; i < c->n; i++)
        mr_free(c->list[i].name);
    mr_free(c->list);
}

void el_map_unref(struct el_map *m)
{
    if (m == NULL || atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) > 1)
        return;
    claims_free(&m->topics);
    claims_free(&m->prefixes);
    mr_free(m);
}

static int claim(struct claims *c, struct mr_span name, struct mr_uuid pipeline)
{
    if (c->n == c->cap) {
        size_t cap = c->cap ? 2 * c->cap : CLAIMS_CAP_MIN;
        struct claim *list = mr_realloc(c->list, cap * sizeof(*list));

        if (list == NULL)
            return MR_E_NOMEM;
        c->list = list;
        c->cap = cap;
    }
    c->list[c->n] = (struct claim){
        .name = mr_memdup0(name.ptr, name.len), .len = name.len, .age = c->n, .pipeline = pipeline};
    if (c->list[c->n].name == NULL)
        return MR_E_NOMEM;
    c->n++;
    return MR_OK;
}

int el_map_add_topic(struct el_map *m, struct mr_span name, struct mr_uuid pipeline)
{
    return claim(&m->topics, name, pipeline);
}

int el_map_add_prefix(struct el_map *m, struct mr_span prefix, struct mr_uuid pipeline)
{
    return prefix.len == 0 ? MR_OK : claim(&m->prefixes, prefix, pipeline);
}

static int by_age(const struct claim *a, const struct claim *b)
{
    return a->age < b->age ? -1 : a->age > b->age;
}

static int by_name(const void *va, const void *vb)
{
    const struct claim *a = va, *b = vb;
    int order = strcmp(a->name, b->name);

    return order ? order : by_age(a, b);
}

static int longest_first(const void *va, const void *vb)
{
    const struct claim *a = va, *b = vb;

    if (a->len != b->len)
        return a->len > b->len ? -1 : 1;
    return by_age(a, b);
}

void el_map_seal(struct el_map *m)
{
    if (m->topics.n > 1)
        qsort(m->topics.list, m->topics.n, sizeof(*m->topics.list), by_name);
    if (m->prefixes.n > 1)
        qsort(m->prefixes.list, m->prefixes.n, sizeof(*m->prefixes.list), longest_first);
}

/* The first (so the oldest) claim of exactly this name. */
static const struct claim *find_topic(const struct claims *c, struct mr_span topic)
{
    size_t lo = 0, hi = c->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const struct claim *at = &c->list[mid];
        int order = strncmp(at->name, topic.ptr, topic.len);

        if (order < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < c->n && mr_span_eq(mr_span_of(c->list[lo].name, c->list[lo].len), topic)
               ? &c->list[lo]
               : NULL;
}

static const struct claim *find_prefix(const struct claims *c, struct mr_span topic)
{
    for (size_t i = 0; i < c->n; i++)
        if (mr_span_starts(topic, mr_span_of(c->list[i].name, c->list[i].len)))
            return &c->list[i];
    return NULL;
}

bool el_map_owner(const struct el_map *m, struct mr_span topic, struct mr_uuid *owner)
{
    const struct claim *c;

    if (topic.len == 0 || mr_span_is(topic, "__consumer_offsets") ||
        mr_span_is(topic, "__transaction_state"))
        return false;
    c = find_topic(&m->topics, topic);
    if (c == NULL)
        c = find_prefix(&m->prefixes, topic);
    if (c == NULL)
        return false;
    *owner = c->pipeline;
    return true;
}
