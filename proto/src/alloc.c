/* alloc.c - the only file that calls malloc and its family.
 *
 * Every allocation first asks the fault hook. The hook is one atomic counter: 0 while off, else
 * the number of allocations until the one that fails. Switched off it costs a relaxed load.
 */
#include "proto/alloc.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static atomic_ulong allocs_to_failure;

void mr_alloc_fail_nth(unsigned long nth)
{
    atomic_store(&allocs_to_failure, nth);
}

/* True for exactly one allocation, the nth since the hook was set, whichever thread makes it. */
static bool must_fail(void)
{
    unsigned long left = atomic_load_explicit(&allocs_to_failure, memory_order_relaxed);

    while (left > 0) {
        if (atomic_compare_exchange_weak(&allocs_to_failure, &left, left - 1))
            return left == 1;
    }
    return false;
}

void *mr_alloc(size_t n)
{
    if (must_fail())
        return NULL;
    return malloc(n > 0 ? n : 1); /* malloc(0) may be NULL, which would read as out of memory */
}

void *mr_zalloc(size_t n, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(n, size, &bytes) || must_fail())
        return NULL;
    return calloc(1, bytes > 0 ? bytes : 1);
}

void *mr_realloc(void *ptr, size_t n)
{
    if (must_fail())
        return NULL;
    return realloc(ptr, n > 0 ? n : 1); /* realloc(p, 0) would free */
}

void mr_free(void *ptr)
{
    free(ptr);
}

char *mr_strdup(const char *s)
{
    return mr_memdup0(s, strlen(s));
}

char *mr_memdup0(const char *ptr, size_t len)
{
    char *copy = len < SIZE_MAX ? mr_alloc(len + 1) : NULL;

    if (copy == NULL)
        return NULL;
    if (len > 0)
        memcpy(copy, ptr, len);
    copy[len] = '\0';
    return copy;
}
