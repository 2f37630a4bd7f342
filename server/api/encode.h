/* encode.h - the last step of an answer: its ETag, 304 for who has it already, gzip. [thread: that
 * of the handler] */
#ifndef API_ENCODE_H
#define API_ENCODE_H

#include "api/call.h"

/* The entity tag of a resource's representation: "<version>-<hash of the body>". Its first half is
 * what If-Match is compared with, since a resource's figures change without anybody editing it; the
 * whole is what If-None-Match is compared with. */
#define MR_ETAG_MAX 48
void mr_etag_make(int64_t version, struct mr_span body, char out[MR_ETAG_MAX]);
/* Does an If-Match list name this version ("*": any)? Weak tags do not count (RFC 9110, 13.1.1). */
bool mr_etag_lists_version(struct mr_span list, int64_t version);
/* Does an If-None-Match list name this tag, encoded or not ("*": any)? */
bool mr_etag_lists(struct mr_span list, const char *etag);

/* Make the call's answer what goes over the wire. on_loop: only what is small is compressed. */
void mr_encode(struct mr_call *c, bool on_loop);

#endif
