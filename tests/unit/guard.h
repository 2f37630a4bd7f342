/* guard.h - input that ends flush against an unmapped page, so that a reader which takes one byte
 * too many crashes in the test instead of reading on unseen. For decoders of every kind.
 */
#ifndef TESTS_UNIT_GUARD_H
#define TESTS_UNIT_GUARD_H

#include "proto/span.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct guard {
    char *base;  /* mapped memory, its last page without any right */
    size_t room; /* bytes before that page */
};

static inline void guard_free(struct guard *g)
{
    if (g->base != NULL)
        (void)munmap(g->base, g->room + (size_t)sysconf(_SC_PAGESIZE));
    *g = (struct guard){NULL, 0};
}

/* Copy text into the guard, which grows as needed. Valid until the next copy into it. A span
 * without a pointer stays one: to some readers it says something else than an empty one. */
static inline struct mr_span guard_copy(struct guard *g, struct mr_span text)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (text.ptr == NULL)
        return text;
    if (g->base == NULL || g->room < text.len) {
        guard_free(g);
        g->room = (text.len / page + 1) * page;
        g->base =
            mmap(NULL, g->room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (g->base == MAP_FAILED || mprotect(g->base + g->room, page, PROT_NONE) != 0) {
            perror("guard");
            abort();
        }
    }
    if (text.len > 0)
        memcpy(g->base + g->room - text.len, text.ptr, text.len);
    return mr_span_of(g->base + g->room - text.len, text.len);
}

/* Does a span lie within the text that it was read from? Empty ones do. */
static inline bool span_inside(struct mr_span s, struct mr_span text)
{
    return s.len == 0 ||
           (s.len <= text.len && s.ptr >= text.ptr && s.ptr + s.len <= text.ptr + text.len);
}

#endif
