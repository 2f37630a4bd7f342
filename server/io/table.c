/* table.c - chained hash table under SipHash-1-3. */
#include "io/table.h"

#include "io/sid.h"
#include "proto/alloc.h"

#define CAP_MIN    8

#define ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = ROTL(v[1], 13) ^ v[0];
    v[0] = ROTL(v[0], 32);
    v[2] += v[3];
    v[3] = ROTL(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = ROTL(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = ROTL(v[1], 17) ^ v[2];
    v[2] = ROTL(v[2], 32);
}

static uint64_t hash_name(const uint64_t key[2], struct mr_span name)
{
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
                     key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u};
    uint64_t last = (uint64_t)name.len << 56;
    size_t at = 0;

    for (; name.len - at >= 8; at += 8) {
        uint64_t m;

        memcpy(&m, name.ptr + at, 8);
        v[3] ^= m;
        sip_round(v);
        v[0] ^= m;
    }
    for (size_t i = 0; at + i < name.len; i++)
        last |= (uint64_t)(unsigned char)name.ptr[at + i] << (8 * i);
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void mr__table_init(struct mr_table *t)
{
    *t = (struct mr_table){0};
    mr__random(t->key, sizeof(t->key));
}

void mr__table_deinit(struct mr_table *t)
{
    mr_free(t->slots);
    t->slots = NULL;
    t->n = t->cap = 0;
}

struct mr_node *mr__table_find(const struct mr_table *t, struct mr_span name)
{
    uint64_t hash;

    if (t->n == 0)
        return NULL;
    hash = hash_name(t->key, name);
    for (struct mr_node *node = t->slots[hash & (t->cap - 1)]; node; node = node->next) {
        if (node->hash == hash && mr_span_eq(node->name, name))
            return node;
    }
    return NULL;
}

static int grow(struct mr_table *t)
{
    size_t cap = t->cap ? t->cap * 2 : CAP_MIN;
    struct mr_node **slots = mr_zalloc(cap, sizeof(struct mr_node *));

    if (slots == NULL)
        return MR_E_NOMEM;
    for (size_t i = 0; i < t->cap; i++) {
        for (struct mr_node *node = t->slots[i], *next; node; node = next) {
            next = node->next;
            node->next = slots[node->hash & (cap - 1)];
            slots[node->hash & (cap - 1)] = node;
        }
    }
    mr_free(t->slots);
    t->slots = slots;
    t->cap = cap;
    return MR_OK;
}

int mr__table_put(struct mr_table *t, struct mr_node *node)
{
    struct mr_node **slot;

    /* A table that is full but exists may stay as it is: chains get longer, nothing breaks. */
    if (t->n >= t->cap && grow(t) != MR_OK && t->cap == 0)
        return MR_E_NOMEM;
    node->hash = hash_name(t->key, node->name);
    slot = &t->slots[node->hash & (t->cap - 1)];
    node->next = *slot;
    *slot = node;
    t->n++;
    return MR_OK;
}

void mr__table_del(struct mr_table *t, struct mr_node *node)
{
    struct mr_node **at = &t->slots[node->hash & (t->cap - 1)];

    while (*at != node)
        at = &(*at)->next;
    *at = node->next;
    node->next = NULL;
    if (--t->n == 0)
        mr__table_deinit(t);
}

struct mr_node *mr__table_next(const struct mr_table *t, const struct mr_node *node)
{
    size_t i = 0;

    if (node != NULL) {
        if (node->next != NULL)
            return node->next;
        i = (node->hash & (t->cap - 1)) + 1;
    }
    for (; i < t->cap; i++) {
        if (t->slots[i] != NULL)
            return t->slots[i];
    }
    return NULL;
}
