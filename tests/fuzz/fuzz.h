/* fuzz.h - what the fuzz targets share: an assertion that no build switches off, and spans.
 *
 * The seeds in corpus/<target>/ are the inputs of the unit tests' rows and some captured events.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "proto/span.h"

#include <stdio.h>
#include <stdlib.h>

#define FUZZ_ASSERT(condition)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline bool fuzz_inside(struct mr_span s, struct mr_span text)
{
    return s.len == 0 ||
           (s.len <= text.len && s.ptr >= text.ptr && s.ptr + s.len <= text.ptr + text.len);
}

#endif
