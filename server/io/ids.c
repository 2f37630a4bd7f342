/* ids.c - linear probing; a gap that a removal leaves is closed at once. */
#include "io/ids.h"

#include "io/namespace.h"
#include "proto/alloc.h"

#define CAP_MIN 16

static size_t home(const struct mr_ids *ids, const char *id)
{
    uint64_t v;

    memcpy(&v, id, sizeof(v));
    return (size_t)(v * 0x9e3779b97f4a7c15u >> 32) & (ids->cap - 1);
}

bool mr__ids_shape(const char *name)
{
    return strlen(name) == MR_SID_LEN;
}

static size_t place_of(const struct mr_ids *ids, const char *id)
{
    size_t i = home(ids, id);

    while (ids->slots[i] != NULL && strcmp(ids->slots[i]->id, id) != 0)
        i = (i + 1) & (ids->cap - 1);
    return i;
}

static void put(struct mr_ids *ids, struct mr_socket *s)
{
    size_t i = place_of(ids, s->id);

    ids->n += ids->slots[i] == NULL;
    ids->slots[i] = s;
}

int mr__ids_build(struct mr_ids *ids, struct mr_socket *const *list, size_t n)
{
    size_t cap = CAP_MIN;

    while (cap < n * 2)
        cap *= 2;
    mr__ids_deinit(ids);
    ids->slots = mr_zalloc(cap, sizeof(struct mr_socket *));
    if (ids->slots == NULL)
        return MR_E_NOMEM;
    ids->cap = cap;
    for (size_t i = 0; i < n; i++)
        put(ids, list[i]);
    return MR_OK;
}

static int grow(struct mr_ids *ids)
{
    struct mr_ids wide = {.cap = ids->cap * 2};

    wide.slots = mr_zalloc(wide.cap, sizeof(struct mr_socket *));
    if (wide.slots == NULL)
        return MR_E_NOMEM;
    for (size_t i = 0; i < ids->cap; i++) {
        if (ids->slots[i] != NULL)
            put(&wide, ids->slots[i]);
    }
    mr_free(ids->slots);
    *ids = wide;
    return MR_OK;
}

void mr__ids_add(struct mr_ids *ids, struct mr_socket *s)
{
    if (ids->slots == NULL)
        return;
    if (ids->n * 4 >= ids->cap * 3 && grow(ids) != MR_OK) {
        mr__ids_deinit(ids);
        return;
    }
    put(ids, s);
}

void mr__ids_del(struct mr_ids *ids, struct mr_socket *s)
{
    size_t hole, i;

    if (ids->slots == NULL)
        return;
    hole = place_of(ids, s->id);
    if (ids->slots[hole] != s)
        return;
    if (--ids->n == 0) {
        mr__ids_deinit(ids); /* to be made again when it is next asked */
        return;
    }
    /* Whoever was pushed past the hole moves back. */
    for (i = (hole + 1) & (ids->cap - 1); ids->slots[i] != NULL; i = (i + 1) & (ids->cap - 1)) {
        size_t want = home(ids, ids->slots[i]->id);

        if (((i - want) & (ids->cap - 1)) >= ((i - hole) & (ids->cap - 1))) {
            ids->slots[hole] = ids->slots[i];
            hole = i;
        }
    }
    ids->slots[hole] = NULL;
}

struct mr_socket *mr__ids_find(const struct mr_ids *ids, const char *id)
{
    return ids->slots != NULL && mr__ids_shape(id) ? ids->slots[place_of(ids, id)] : NULL;
}

void mr__ids_deinit(struct mr_ids *ids)
{
    mr_free(ids->slots);
    *ids = (struct mr_ids){0};
}
