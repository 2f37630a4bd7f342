/* span.h - a view of bytes that somebody else owns. No terminator, NULs allowed. */
#ifndef PROTO_SPAN_H
#define PROTO_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct mr_span {
    const char *ptr; /* may be NULL only when len is 0 */
    size_t len;      /* bytes */
};

#ifdef __cplusplus /* which has no compound literals */
#define MR_SPAN(literal) mr_span_of((literal), sizeof(literal) - 1)
#define MR_SPAN_NONE     mr_span_of(nullptr, 0)
#else
#define MR_SPAN(literal) ((struct mr_span){(literal), sizeof(literal) - 1})
#define MR_SPAN_NONE     ((struct mr_span){NULL, 0})
#endif
#define MR_SPAN_FMT       "%.*s"
#define MR_SPAN_ARG(span) (int)(span).len, (span).ptr ? (span).ptr : ""

static inline struct mr_span mr_span_of(const char *ptr, size_t len)
{
    struct mr_span span = {ptr, len};

    return span;
}

static inline struct mr_span mr_span_str(const char *s)
{
    return mr_span_of(s, s ? strlen(s) : 0);
}

static inline bool mr_span_eq(struct mr_span a, struct mr_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool mr_span_is(struct mr_span a, const char *s)
{
    return mr_span_eq(a, mr_span_str(s));
}

static inline bool mr_span_starts(struct mr_span a, struct mr_span prefix)
{
    return a.len >= prefix.len && (prefix.len == 0 || memcmp(a.ptr, prefix.ptr, prefix.len) == 0);
}

#endif
