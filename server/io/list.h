/* list.h - an intrusive doubly linked list: being on a list is a state, and leaving it is O(1).
 * A zeroed link is on no list. [thread: loop] */
#ifndef IO_LIST_H
#define IO_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct mr_link {
    struct mr_link *prev, *next;
};

#define MR_CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* A list is a link that points to itself. */
static inline void mr__list_init(struct mr_link *list)
{
    list->prev = list->next = list;
}

static inline bool mr__list_empty(const struct mr_link *list)
{
    return list->next == list;
}

static inline bool mr__link_on(const struct mr_link *l)
{
    return l->next != NULL;
}

static inline void mr__list_add(struct mr_link *list, struct mr_link *l)
{
    l->prev = list->prev;
    l->next = list;
    list->prev->next = l;
    list->prev = l;
}

static inline void mr__link_off(struct mr_link *l)
{
    if (!mr__link_on(l))
        return;
    l->prev->next = l->next;
    l->next->prev = l->prev;
    l->prev = l->next = NULL;
}

/* Put everything of src at the end of dst. */
static inline void mr__list_move(struct mr_link *dst, struct mr_link *src)
{
    if (mr__list_empty(src))
        return;
    dst->prev->next = src->next;
    src->next->prev = dst->prev;
    src->prev->next = dst;
    dst->prev = src->prev;
    mr__list_init(src);
}

/* Take the first link off; NULL when the list is empty. */
static inline struct mr_link *mr__list_pop(struct mr_link *list)
{
    struct mr_link *l = list->next;

    if (l == list)
        return NULL;
    mr__link_off(l);
    return l;
}

#endif
