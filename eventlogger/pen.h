/* pen.h - a pen writes where room has been made already: the bound of an event is computed once,
 * then its dozens of small pieces are plain copies without a check each. [thread: any] */
#ifndef EVENTLOGGER_PEN_H
#define EVENTLOGGER_PEN_H

#include "proto/span.h"

struct el_pen {
    char *at;
};

#define EL_PEN_LIT(pen, literal) el_pen_bytes((pen), (literal), sizeof(literal) - 1)

static inline void el_pen_bytes(struct el_pen *p, const void *bytes, size_t n)
{
    if (n > 0)
        memcpy(p->at, bytes, n);
    p->at += n;
}

static inline void el_pen_span(struct el_pen *p, struct mr_span s)
{
    el_pen_bytes(p, s.ptr, s.len);
}

#define EL_PEN_I64_MAX 20 /* sign and 19 digits */

static inline void el_pen_i64(struct el_pen *p, int64_t v)
{
    char digits[EL_PEN_I64_MAX];
    size_t at = sizeof(digits);
    uint64_t u = v < 0 ? UINT64_C(0) - (uint64_t)v : (uint64_t)v;

    do {
        digits[--at] = (char)('0' + u % 10);
        u /= 10;
    } while (u > 0);
    if (v < 0)
        digits[--at] = '-';
    el_pen_bytes(p, digits + at, sizeof(digits) - at);
}

#endif
