/* frame.h - one encoded packet, shared by all that it is sent to.
 *
 *   bytes:  [ headroom: WebSocket header, right-aligned ][ payload: an Engine.IO packet ]
 *                                                        ^ payload
 *
 * A server's WebSocket frames are not masked, so the header is the same for every receiver: it is
 * written once, before the payload, and a broadcast sends the same bytes from the same memory to
 * every socket. A polling body takes the payload alone (binary as "b" + base64). Reference counted,
 * not atomically. [thread: loop]
 */
#ifndef IO_FRAME_H
#define IO_FRAME_H

#include "io/ws_frame.h"
#include "millrace/millrace.h"

#define MR_FRAME_HEADROOM 10 /* the longest header of an unmasked frame */

struct mr_frame {
    uint32_t refs;
    struct mr_frame
        *twin;        /* ws_deflate.c: the same compressed, ours; itself: not worth it; or NULL */
    uint8_t opcode;   /* MR_WS_TEXT, MR_WS_BINARY, or a control frame of one WebSocket */
    uint8_t head_len; /* bytes of the header, at the end of the headroom */
    bool no_compress; /* who sent it says that it is not worth it */
    uint64_t latest;  /* one that is still queued with this key makes way for it; 0: none */
    size_t len;       /* bytes of the payload */
    char bytes[];     /* MR_FRAME_HEADROOM + len */
};

/* Copies the payload; one reference for the caller. NULL when out of memory. */
struct mr_frame *mr__frame_make(uint8_t opcode, struct mr_span payload);
/* Bytes that are not a WebSocket frame but precede the first one: the reply to its handshake. */
struct mr_frame *mr__frame_raw(struct mr_span bytes);
/* An Engine.IO message. */
struct mr_frame *mr__frame_message(bool binary, struct mr_span bytes);

/* The key of keep-latest within a namespace, never 0. */
uint64_t mr__frame_key(const char *nsp, const char *key);

static inline struct mr_span mr__frame_payload(const struct mr_frame *f)
{
    return mr_span_of(f->bytes + MR_FRAME_HEADROOM, f->len);
}

/* Header and payload, as they go over a WebSocket. */
static inline struct mr_span mr__frame_wire(const struct mr_frame *f)
{
    return mr_span_of(f->bytes + MR_FRAME_HEADROOM - f->head_len, f->head_len + f->len);
}

#endif
