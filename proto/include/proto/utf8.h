/* utf8.h - is this UTF-8? (RFC 3629: no overlong forms, surrogates, or above U+10FFFF.) */
#ifndef PROTO_UTF8_H
#define PROTO_UTF8_H

#include "proto/span.h"

/* Length in bytes of the longest valid prefix; equals text.len when all of it is valid.
 * [thread: any] */
size_t mr_utf8_valid_len(struct mr_span text);
/* How many characters (code points) valid UTF-8 has. [thread: any] */
size_t mr_utf8_count(struct mr_span text);

#endif
