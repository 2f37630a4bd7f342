/* rows.h - a table whose rows are cmocka tests, each reported under its own sentence.
 *
 * A row is a struct whose first member is `const char *name`; a test function gets it as *state.
 */
#ifndef TESTS_UNIT_ROWS_H
#define TESTS_UNIT_ROWS_H

#include "proto/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT(lit)                                                                                  \
    {                                                                                              \
        (lit), sizeof(lit) - 1                                                                     \
    } /* a span in an initializer; NULs allowed */
#define ROWS_MAX 256

struct rows {
    struct CMUnitTest tests[ROWS_MAX];
    size_t n;
};

static inline void rows_add_some(struct rows *r, const void *table, size_t n, size_t size,
                                 CMUnitTestFunction fn)
{
    for (size_t i = 0; i < n; i++) {
        const void *row = (const char *)table + i * size;

        if (r->n == ROWS_MAX)
            abort();
        r->tests[r->n++] = (struct CMUnitTest){
            .name = *(const char *const *)row,
            .test_func = fn,
            .initial_state = (void *)(uintptr_t)row,
        };
    }
}

#define rows_add(r, table, fn) rows_add_some(r, table, LEN(table), sizeof((table)[0]), fn)
/* A test that has no row. */
#define rows_add_one(r, sentence, fn)                                                              \
    do {                                                                                           \
        static const struct {                                                                      \
            const char *name;                                                                      \
        } rows_one[] = {{sentence}};                                                               \
        rows_add(r, rows_one, fn);                                                                 \
    } while (0)

static inline int rows_run(const char *group, struct rows *r)
{
    return _cmocka_run_group_tests(group, r->tests, r->n, NULL, NULL);
}

/* Compare bytes, and show both when they differ. */
static inline void assert_span(struct mr_span got, struct mr_span want)
{
    if (!mr_span_eq(got, want))
        fail_msg("got  \"" MR_SPAN_FMT "\"\n   want \"" MR_SPAN_FMT "\"", MR_SPAN_ARG(got),
                 MR_SPAN_ARG(want));
}

#endif
