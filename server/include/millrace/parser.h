/* parser.h - the seam between a packet and its bytes.
 *
 *   emit, ack, connect --struct mr_message--> encode --> Engine.IO messages, text or binary
 *   Engine.IO messages --> decode --struct mr_message--> namespaces and their handlers
 *
 * A server has one parser, and its clients must have the same (the `parser` option of
 * socket.io-client). The one of the protocol, text with JSON and attachments behind it, is always
 * there: mr_parser_json. Another one changes bytes only: on both sides of this seam arguments are
 * raw JSON, and binary stands in them as {"_placeholder":true,"num":i}, whatever the wire has.
 *
 * Everything is [thread: loop]. What is passed in is borrowed until the return.
 */
#ifndef MILLRACE_PARSER_H
#define MILLRACE_PARSER_H

#include "proto/err.h"
#include "proto/span.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mr_server;

enum mr_message_type {
    MR_MESSAGE_CONNECT,
    MR_MESSAGE_DISCONNECT,
    MR_MESSAGE_EVENT,
    MR_MESSAGE_ACK,
    MR_MESSAGE_CONNECT_ERROR,
};

/* A Socket.IO packet. Binary or not is seen by its attachments. */
struct mr_message {
    enum mr_message_type type;
    struct mr_span nsp;   /* "/" or "/name" */
    int64_t ack_id;       /* EVENT: -1 asks for none */
    struct mr_span event; /* EVENT: its name as JSON has it: a string in quotes, or a number */
    struct mr_span data;  /* raw JSON. EVENT, ACK: the arguments, without brackets (may be empty);
                             CONNECT, CONNECT_ERROR: an object, or empty */
    const struct mr_span *attachments;
    size_t n_attachments;
};

struct mr_parser_limits {
    size_t message_bytes; /* of one packet, its attachments included */
    unsigned attachments; /* of one packet */
};

/* One Engine.IO message; copies. MR_OK; MR_E_NOMEM; MR_E_TOOBIG: more than 11 of a packet. */
typedef int (*mr_parser_out_fn)(void *ctx, bool binary, struct mr_span bytes);
/* A whole packet has come. It may end the connection. */
typedef void (*mr_parser_in_fn)(void *ctx, const struct mr_message *m);

struct mr_parser_ops {
    const char *name; /* for logs */
    /* Call out for each Engine.IO message that m is made of, in order. They reach a client without
     * anything between them. MR_OK, or the error: nothing of m is sent. */
    int (*encode)(void *arg, const struct mr_message *m, mr_parser_out_fn out, void *ctx);
    /* An Engine.IO message from a client. *state is the connection's, NULL at first: what is kept
     * of a packet whose pieces are still coming. Call in for each packet that is whole, with *state
     * as it is to be for the next message. What it hands over has been checked: see
     * mr_message_check. MR_OK; MR_E_TOOBIG: over a limit; MR_E_NOMEM; anything else: not a packet.
     * After an error the connection is closed. */
    int (*decode)(void *arg, void **state, bool binary, struct mr_span bytes,
                  const struct mr_parser_limits *limits, mr_parser_in_fn in, void *ctx);
    /* The connection has ended with *state not NULL. */
    void (*end)(void *arg, void *state);
};

/* The parser of the protocol (Socket.IO protocol, revision 5). */
MR_EXPORT const struct mr_parser_ops *mr_parser_json(void);
/* Use another one. Borrows ops and arg for the server's life. MR_OK; MR_E_CONFLICT: there are
 * sessions. */
MR_EXPORT MR_MUSTCHECK int mr_use_parser(struct mr_server *srv, const struct mr_parser_ops *ops,
                                         void *arg);
/* For parsers: is this a packet that a client may have made? The namespace's name, JSON of the
 * right kind and depth, an event's name that is not reserved, an ack's id, placeholders that have
 * their attachments. MR_OK; MR_E_PROTO; MR_E_TOOBIG; MR_E_NOMEM. */
MR_EXPORT MR_MUSTCHECK int mr_message_check(const struct mr_message *m);

#ifdef __cplusplus
}
#endif

#endif
