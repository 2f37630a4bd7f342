/* websocket.h - plain WebSockets on the port of the Socket.IO server, for peers that speak
 * something else. Part of millrace.h, whose words it uses: include that. Every call is [thread:
 * loop].
 */
#ifndef MILLRACE_WEBSOCKET_H
#define MILLRACE_WEBSOCKET_H

#include "millrace/millrace.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mr_ws; /* opaque; one WebSocket. See mr_ws_ref for its lifetime */

/* A client asks for a WebSocket at this path. Read the request with mr_http_path, _query, _header,
 * _param and _addr; its Origin is not looked at (but by websocket_same_origin, before). Answer with
 * mr_ws_accept, or refuse with mr_http_reply: now or later, exactly one of them, exactly once. */
typedef void (*mr_ws_request_fn)(struct mr_http_req *req, void *ctx);
/* The WebSocket is open; mr_ws_data is what mr_ws_accept was given. */
typedef void (*mr_ws_open_fn)(struct mr_ws *ws, void *ctx);
/* A whole message; data is borrowed. Text is valid UTF-8. */
typedef void (*mr_ws_message_fn)(struct mr_ws *ws, struct mr_span data, bool binary, void *ctx);
/* It was congested and has drained under the low-water mark. */
typedef void (*mr_ws_drain_fn)(struct mr_ws *ws, void *ctx);
/* It is over: the last callback for ws, and the only one after mr_ws_close. code and reason are the
 * peer's (1005: it gave none), or what it was told when it broke the rules (1002, 1007, 1009);
 * 1006: the connection was lost, and reason may say why ("ping timeout", "idle timeout", "slow
 * consumer"). reason is borrowed. */
typedef void (*mr_ws_close_fn)(struct mr_ws *ws, int code, struct mr_span reason, void *ctx);

struct mr_ws_handlers {       /* what is zero or NULL is the default named here */
    mr_ws_request_fn request; /* everyone is accepted, without a subprotocol */
    mr_ws_open_fn open;
    mr_ws_message_fn message;
    mr_ws_drain_fn drain;
    mr_ws_close_fn close;
    uint32_t message_bytes_max; /* body_bytes_max of mr_options; over it: closed with 1009 */
    uint32_t queue_bytes_max;   /* these three as in mr_options, for one WebSocket */
    uint32_t high_water_bytes;
    uint32_t low_water_bytes;
    uint32_t
        ping_interval_ms; /* that of mr_options: a ping after so much silence. UINT32_MAX: none */
    uint32_t ping_timeout_ms; /* that of mr_options: then it is lost, if nothing comes */
    uint32_t idle_timeout_ms; /* never: closed after so long without a message either way */
};

/* WebSockets at paths that fit a pattern, as in mr_http_route. Not below the Socket.IO path. The
 * same pattern again replaces the handlers for new ones. Copies. MR_OK; MR_E_INVAL; MR_E_NOMEM. */
MR_EXPORT MR_MUSTCHECK int mr_on_websocket(struct mr_server *srv, const char *pattern,
                                           const struct mr_ws_handlers *handlers, void *ctx);

/* In a request: is this subprotocol among those that the client offers? */
MR_EXPORT bool mr_ws_offers(const struct mr_http_req *req, const char *protocol);
/* Open it. protocol: the subprotocol chosen (one of those offered), or NULL. The open callback, and
 * those for what the client has sent already, may run before it returns. Takes req, whatever it
 * returns. MR_OK; MR_E_CLOSED: the client has gone, or the server is closing; MR_E_INVAL: not
 * offered (the client gets 500); MR_E_NOMEM. Without MR_OK no callback comes. */
MR_EXPORT int mr_ws_accept(struct mr_http_req *req, const char *protocol, void *data);

/* A WebSocket is valid inside callbacks. To keep it longer take a ref: the memory then stays, but
 * after the close callback calls do nothing (sends return MR_E_CLOSED). */
MR_EXPORT struct mr_ws *mr_ws_ref(struct mr_ws *ws);
MR_EXPORT void mr_ws_unref(struct mr_ws *ws);
/* May messages be sent? Not after mr_ws_close. */
MR_EXPORT bool mr_ws_is_open(const struct mr_ws *ws);
MR_EXPORT const char *mr_ws_addr(const struct mr_ws *ws); /* peer address; borrows ws */
MR_EXPORT void *mr_ws_data(const struct mr_ws *ws);
MR_EXPORT void mr_ws_set_data(struct mr_ws *ws, void *data);
MR_EXPORT struct mr_server *mr_ws_server(const struct mr_ws *ws);

/* Send a message. Copies; it leaves at the end of the loop's turn, with all that is queued then.
 * Text must be UTF-8: MR_E_INVAL. MR_OK; MR_E_CLOSED (also: over queue_bytes_max, the connection is
 * then cut off); MR_E_NOMEM. */
MR_EXPORT int mr_ws_send_text(struct mr_ws *ws, struct mr_span text);
MR_EXPORT int mr_ws_send_binary(struct mr_ws *ws, struct mr_span bytes);
/* A message made once, to be sent to many: mr_frame_ref and mr_frame_unref are its owner's. NULL:
 * out of memory, or text that is not UTF-8. */
MR_EXPORT struct mr_frame *mr_ws_frame_new(bool binary, struct mr_span data);
MR_EXPORT int mr_ws_send_frame(struct mr_ws *ws, struct mr_frame *f);
/* Send what is queued, then say good-bye. code: 1000 to 1003, 1007 to 1014, or 3000 to 4999;
 * reason: at most 123 bytes of UTF-8. Messages that still come are dropped; the close callback
 * follows when the peer has answered, or 2 seconds later. MR_OK, also when it is closing already;
 * MR_E_INVAL. */
MR_EXPORT int mr_ws_close(struct mr_ws *ws, int code, struct mr_span reason);
/* Bytes queued that the kernel has not taken yet. */
MR_EXPORT size_t mr_ws_buffered(const struct mr_ws *ws);
/* True from the high-water mark until the drain callback. */
MR_EXPORT bool mr_ws_congested(const struct mr_ws *ws);

#ifdef __cplusplus
}
#endif

#endif
