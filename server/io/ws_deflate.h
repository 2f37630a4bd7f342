/* ws_deflate.h - permessage-deflate (RFC 7692), without context takeover in either direction.
 *
 * A message that depends on none before it is compressed once, however many sockets get it: the
 * frame keeps its compressed twin. It also lets one compressor and one decompressor serve all
 * sockets: a socket with the extension costs not a byte more. One codec, made with the first such
 * socket, holds 4 << window bits + 128 KiB to compress (144 KiB at 12) and 40 KiB to decompress.
 *
 * A message is decompressed when the last of its frames is there, into a buffer whose ceiling is
 * the limit of a message. [thread: loop]
 */
#ifndef IO_WS_DEFLATE_H
#define IO_WS_DEFLATE_H

#include "io/core.h"
#include "io/http_parse.h"

struct mr_ws_codec;

/* Does one of the offers in these fields suit us? Then *codec is the server's. What is malformed,
 * unknown, twice there, or asks for a smaller window than ours, declines the offer it is in; a
 * field that cannot be read at all declines the rest of it. */
bool mr__ws_deflate_choose(struct mr_server *srv, const struct mr_http_field *fields, size_t n,
                           struct mr_ws_codec **codec);
/* Append the header line that agrees to it. */
void mr__ws_deflate_answer(const struct mr_server *srv, struct mr_buf *out);

/* What to send for f to a socket with the extension: its twin, or f itself when that is small,
 * would not get smaller, or there is no time this turn. Borrows from f. */
struct mr_frame *mr__ws_deflated(struct mr_server *srv, struct mr_frame *f);
/* Append the content of a compressed message. 0; or the status to close with: 1007 (not deflate),
 * 1009 (over out's ceiling), 1011. */
int mr__ws_inflate(struct mr_ws_codec *codec, struct mr_span in, struct mr_buf *out);
/* The server's codec, made if need be; NULL: out of memory. */
struct mr_ws_codec *mr__ws_codec(struct mr_server *srv);
void mr__ws_codec_free(struct mr_server *srv);

#endif
