/* sio.h - Socket.IO v5 packets: what rides in an Engine.IO message. No I/O, no clock.
 *
 *   <type digit>[<attachments>-][<namespace>,][<ack id>][JSON]
 *
 * for example 2["hello",1], which a WebSocket frame carries as 42["hello",1].
 *
 * Source: Socket.IO protocol, revision 5. The decoder allocates nothing and hands out views.
 * [thread: any]
 */
#ifndef PROTO_SIO_H
#define PROTO_SIO_H

#include "proto/buf.h"

#define MR_SIO_VERSION           5
#define MR_SIO_ATTACHMENTS_MAX   10
#define MR_SIO_NAMESPACE_LEN_MAX 255

/* clang-format off */
enum mr_sio_type { /* the value is the wire digit */
    MR_SIO_CONNECT, MR_SIO_DISCONNECT, MR_SIO_EVENT, MR_SIO_ACK,
    MR_SIO_CONNECT_ERROR, MR_SIO_BINARY_EVENT, MR_SIO_BINARY_ACK,
}; /* clang-format on */

struct mr_sio_packet {
    enum mr_sio_type type;
    unsigned attachments; /* announced binary attachments; 0 unless a BINARY_ type */
    struct mr_span nsp;   /* borrowed; "/" when the packet names none */
    int64_t ack_id;       /* -1: none asked */
    struct mr_span data;  /* borrowed raw JSON (CONNECT: object; EVENT and ACK: array), or empty */
    struct mr_span event; /* EVENT types: raw first element (string with its quotes, or number) */
    struct mr_span args;  /* EVENT types: raw text between the name and "]": "" or "1,{..}" */
};

/* Decode one packet and check its shape: type, array or object where one is due, event name a
 * string or number and not reserved, ack id an integer, placeholders within the attachments, depth.
 *
 * out  written only on MR_OK; borrows from text.
 * Returns MR_OK; MR_E_PROTO; MR_E_TOOBIG (attachments, depth or namespace over the limit).
 */
MR_MUSTCHECK int mr_sio_decode(struct mr_span text, struct mr_sio_packet *out);

/* Append "<type>[n-][nsp,][id]": the head of a packet, up to the JSON. nsp "/" or empty is
 * left out. */
void mr_sio_add_head(struct mr_buf *b, enum mr_sio_type type, unsigned attachments,
                     struct mr_span nsp, int64_t ack_id);
/* True for the names that an application may not use (connect, disconnect, ...). event: the raw
 * content of the name, without quotes. */
bool mr_sio_reserved(struct mr_span event);

#endif
