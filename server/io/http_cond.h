/* http_cond.h - what a client already has, and which part it wants: conditional requests and
 * ranges (RFC 9110, 13 and 14). Pure. [thread: any] */
#ifndef IO_HTTP_COND_H
#define IO_HTTP_COND_H

#include "proto/span.h"

struct mr_cond {                                           /* header values; empty when absent */
    struct mr_span if_match, if_none_match;                /* lists of tags, or "*" */
    struct mr_span if_modified_since, if_unmodified_since; /* dates */
    struct mr_span range, if_range;                        /* "bytes=...", a tag or a date */
};

struct mr_range {
    uint64_t from, len;
};

/* The status for a GET or HEAD of something with this strong etag (quoted), change time (seconds
 * since 1970) and size: 200, 206 (and *part), 304, 412 or 416. A range of several parts, of another
 * unit or malformed is as none; ranged: whether ranges are looked at (GET). */
int mr__cond_status(const struct mr_cond *cond, struct mr_span etag, int64_t changed_s,
                    uint64_t size, bool ranged, struct mr_range *part);

#endif
