/* ws_frame.h - WebSocket framing (RFC 6455), server side: bytes in, messages out. No sockets.
 *
 *   | fin rsv opcode | mask len | extended len 0, 2 or 8 | key 4 | payload, masked |
 *
 * The receiver is fed whatever the network brings. A message that lies whole in one piece is
 * unmasked in place and handed out from there, without a copy; anything else is gathered in buffers
 * that are born with the limit and freed after use, so an idle socket holds none. [thread: loop]
 */
#ifndef IO_WS_FRAME_H
#define IO_WS_FRAME_H

#include "proto/buf.h"

enum mr_ws_opcode { /* the value on the wire */
                    MR_WS_CONTINUATION = 0x0,
                    MR_WS_TEXT = 0x1,
                    MR_WS_BINARY = 0x2,
                    MR_WS_CLOSE = 0x8,
                    MR_WS_PING = 0x9,
                    MR_WS_PONG = 0xa,
};

#define MR_WS_RSV1 0x40 /* beside the opcode of a message's first frame: it is compressed */

enum mr_ws_status { /* close codes, RFC 6455 section 7.4 */
                    MR_WS_NORMAL = 1000,
                    MR_WS_GOING_AWAY = 1001,
                    MR_WS_PROTOCOL_ERROR = 1002,
                    MR_WS_BAD_TEXT = 1007,
                    MR_WS_POLICY = 1008,
                    MR_WS_TOO_BIG = 1009,
                    MR_WS_INTERNAL = 1011,
};

struct mr_ws_codec;

struct mr_ws_rx {
    struct mr_buf message;     /* fragments of the message in progress; its ceiling is the limit */
    struct mr_buf control;     /* a control frame cut by the network */
    struct mr_ws_codec *codec; /* permessage-deflate was agreed on; else NULL */
    size_t checked;            /* bytes of the gathered text that are known to be UTF-8 */
    uint64_t left;             /* payload bytes of the present frame still to come */
    uint32_t masked;           /* payload bytes of it unmasked so far, modulo 4 */
    uint8_t head[14];
    uint8_t head_n;     /* bytes of the header seen; back to 0 when the frame is complete */
    uint8_t opcode;     /* of the present frame */
    uint8_t message_op; /* MR_WS_TEXT or _BINARY while a message is in progress, else 0 */
    bool in_payload, fin, compressed;
};

/* A whole message (text already checked to be UTF-8) or control frame; data is borrowed until the
 * return. Return false to stop: the rest of the input is then dropped. */
typedef bool (*mr_ws_fn)(void *ctx, enum mr_ws_opcode op, struct mr_span data);

void mr__ws_rx_init(struct mr_ws_rx *rx, size_t message_bytes_max);
void mr__ws_rx_deinit(struct mr_ws_rx *rx);
/* Feed n bytes, which are changed in place. Returns 0, or the status to close with: the peer broke
 * the framing (1002), sent text that is not UTF-8 or not deflate (1007) or a message over the limit
 * (1009). */
int mr__ws_rx_feed(struct mr_ws_rx *rx, unsigned char *bytes, size_t n, mr_ws_fn fn, void *ctx);

/* Write the header of an unmasked, final frame: at most 10 bytes. Returns its length. */
size_t mr__ws_head_write(unsigned char out[10], uint8_t opcode, size_t len);
/* Undo (or do) the masking; offset: how many payload bytes came before. */
void mr__ws_unmask(unsigned char *bytes, size_t n, const unsigned char key[4], size_t offset);
/* The status in a close frame's payload: 1005 when it is empty, 1002 when it is not acceptable. */
int mr__ws_close_status(struct mr_span payload);

#endif
