/* eio.h - Engine.IO v4 packets: framing only. No I/O, no allocation in decoders, no clock.
 *
 *   text frame     <type digit>[data]         "4hello"  "2probe"
 *   polling body   packet (0x1e packet)*      "4a\0364b"
 *   binary         "b" base64 in a polling body (always a message); raw bytes in a binary frame
 *
 * Every pointer handed out is a view into the caller's bytes and lives exactly as long as they do.
 * Source: Engine.IO protocol, revision 4. [thread: any] - there is no state.
 */
#ifndef PROTO_EIO_H
#define PROTO_EIO_H

#include "proto/buf.h"

#define MR_EIO_VERSION           4
#define MR_EIO_PAYLOAD_BYTES_MAX 1000000 /* advertised to clients as maxPayload */
#define MR_EIO_SEPARATOR         '\x1e'

/* clang-format off */
enum mr_eio_type { /* the value is the wire digit */
    MR_EIO_OPEN, MR_EIO_CLOSE, MR_EIO_PING, MR_EIO_PONG,
    MR_EIO_MESSAGE, MR_EIO_UPGRADE, MR_EIO_NOOP,
}; /* clang-format on */

struct mr_eio_packet {
    enum mr_eio_type type;
    bool binary;         /* data is base64 text still ("b..."); always a MESSAGE */
    struct mr_span data; /* borrowed; len 0 when the packet is a bare digit */
};

/* Decode one text packet: of a polling body, or a WebSocket text frame, where clients that force
 * base64 send their binary so, too.
 * MR_OK; MR_E_PROTO when it is empty, begins with anything but 0-6 and b, or is not base64. */
MR_MUSTCHECK int mr_eio_decode(struct mr_span text, struct mr_eio_packet *out);

/* Take the next packet off a polling body.
 *
 * body  in: bytes not read yet, NULs allowed, no terminator needed.
 *       out: advanced past the packet and its separator; unmoved on MR_E_PROTO.
 * out   written only on MR_OK; borrows from body.
 *
 * Returns MR_OK; MR_E_END when body is empty; MR_E_PROTO when a packet is empty or begins with
 * anything but 0-6 or 'b', a 'b' packet is not base64, or the body ends in a dangling separator.
 */
MR_MUSTCHECK int mr_eio_next(struct mr_span *body, struct mr_eio_packet *out);

/* Append the OPEN packet's text: 0{"sid":..,"upgrades":[..],"pingInterval":..,..}, exactly the
 * five keys. */
void mr_eio_add_open(struct mr_buf *b, struct mr_span sid, bool can_upgrade,
                     uint32_t ping_interval_ms, uint32_t ping_timeout_ms, size_t max_payload_bytes);

#endif
