/* upgrade.h - WebSockets join: as a new session, or as the probe that a polling session moves to.
 *
 *   client                         server
 *   WS with sid                    port attached as probe; not finished in upgrade_timeout_ms:
 * closed 2probe                         3probe on the WebSocket; the held GET is released (6) 5
 * POLLING -> WEBSOCKET; what is queued moves over, in order
 *
 * Anything else on a probe closes the probe alone: the polling session lives. [thread: loop]
 */
#ifndef IO_UPGRADE_H
#define IO_UPGRADE_H

#include "io/polling.h"
#include "io/ws_frame.h"

/* May this request become a WebSocket? *s: the session that it wants to upgrade, or NULL. */
enum mr_eio_error mr__upgrade_verify(struct mr_server *srv, struct mr_exchange *ex,
                                     const char *method, struct mr_span query,
                                     struct mr_session **s);
/* The WebSocket is open. s as mr__upgrade_verify gave it; ex: where a new session reads its
 * headers. MR_OK; MR_E_AGAIN: no more sessions; MR_E_NOMEM: close the port. */
MR_MUSTCHECK int mr__ws_opened(struct mr_server *srv, struct mr_ws_port *port,
                               const struct mr_exchange *ex, struct mr_session *s);
/* A message from a WebSocket; text is valid UTF-8. */
void mr__ws_message(struct mr_ws_port *port, enum mr_ws_opcode op, struct mr_span data);
/* Queue a frame of the WebSocket itself (a pong, a close), counted if the port carries a session.
 * MR_OK or as mr__session_send. */
MR_MUSTCHECK int mr__ws_push(struct mr_ws_port *port, struct mr_frame *f);
/* The probe has gone, or goes its own way. */
void mr__upgrade_lost(struct mr_session *s);
/* Give up the probe, if there is one. */
void mr__upgrade_abort(struct mr_session *s);

#endif
