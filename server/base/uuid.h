/* uuid.h - UUID version 7 (RFC 9562): time-ordered, so that index pages fill in order. */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include "proto/span.h"

#define MR_UUID_TEXT 37 /* 36 characters and a NUL */

struct mr_uuid {
    unsigned char b[16]; /* network order */
};

/* A new UUIDv7; monotonic within a thread. [thread: any] */
struct mr_uuid mr_uuid7(int64_t unix_ms);
void mr_uuid_format(struct mr_uuid id, char out[MR_UUID_TEXT]); /* lower case with dashes */
/* True when text is a UUID in the 8-4-4-4-12 form, any case. [thread: any] */
bool mr_uuid_parse(struct mr_span text, struct mr_uuid *out);

#endif
