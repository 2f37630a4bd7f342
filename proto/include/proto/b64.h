/* b64.h - base64, standard alphabet with padding (RFC 4648 section 4). [thread: any] */
#ifndef PROTO_B64_H
#define PROTO_B64_H

#include "proto/buf.h"

/* True when text is valid padded base64 (empty is valid). */
bool mr_b64_valid(struct mr_span text);
/* Append the decoded bytes. MR_E_PROTO when text is not valid; buffer errors as in buf.h. */
MR_MUSTCHECK int mr_b64_decode(struct mr_span text, struct mr_buf *out);
/* The same of what other people's encoders write: broken into lines or ended by one (MIME, RFC
 * 2045), without padding, in the alphabet for URLs (RFC 4648 section 5). out NULL: only look. */
MR_MUSTCHECK int mr_b64_read(struct mr_span text, struct mr_buf *out);
void mr_b64_encode(struct mr_span bytes, struct mr_buf *out);

#endif
