/* http_coding.h - content codings: which one a client wants, and gzip and deflate of whole bodies.
 *
 * One compressor serves the whole server: it is made when it is first needed, works through a body
 * at once and remembers the last one, which in a broadcast to pollers is the next one too. What
 * would take longer than a turn of the loop should, one body or all of a turn together
 * (MR_DEFLATE_BYTES_MAX, MR_DEFLATE_TURN_BYTES_MAX), is sent as it is. [thread: loop]
 */
#ifndef IO_HTTP_CODING_H
#define IO_HTTP_CODING_H

#include "io/core.h"
#include "proto/buf.h"

enum mr_coding { MR_CODING_NONE, MR_CODING_DEFLATE, MR_CODING_GZIP, MR_CODING_BR };

#define MR_CODING_BIT(c) (1u << (c))
#define MR_CODINGS_OURS  (MR_CODING_BIT(MR_CODING_GZIP) | MR_CODING_BIT(MR_CODING_DEFLATE))

/* The coding that an Accept-Encoding value likes best among the bits of `have`; between equals br,
 * then gzip. NONE when it likes the plain body better, or says nothing. [thread: any] */
enum mr_coding mr__coding_choose(struct mr_span accept, unsigned have);
/* "gzip"; NULL for NONE. [thread: any] */
const char *mr__coding_name(enum mr_coding coding);
/* Is it worth trying? Text of all sorts; not what is compressed already. [thread: any] */
bool mr__coding_helps(struct mr_span content_type);

/* Append body, coded, to out (whose ceiling must leave body.len bytes). False: it would not get
 * smaller, is too large to do at once, or memory is short; out is as it was. */
bool mr__coding_apply(struct mr_server *srv, enum mr_coding coding, struct mr_span body,
                      struct mr_buf *out);
/* Undo gzip: packed must give exactly len bytes. [thread: any] */
bool mr__coding_unpack(struct mr_span packed, char *out, size_t len);
void mr__coding_fini(struct mr_server *srv);

#endif
