/* ws_handshake.h - the HTTP side of opening a WebSocket, RFC 6455 section 4. [thread: loop] */
#ifndef IO_WS_HANDSHAKE_H
#define IO_WS_HANDSHAKE_H

#include "io/http_conn.h"

/* Is it an opening handshake? 0; 400; 426: of another version. */
int mr__ws_handshake_check(const struct mr_http_head *head);
/* Refuse with 426, and say which version is spoken here. */
void mr__ws_handshake_version(struct mr_http_conn *h);
/* Append the whole 101. protocol: the subprotocol chosen, or empty. deflates: the server whose
 * permessage-deflate was agreed on, or NULL. lines: more header lines, each with its CRLF. */
void mr__ws_handshake_add(struct mr_buf *b, struct mr_span key, struct mr_span protocol,
                          const struct mr_server *deflates, struct mr_span lines);

#endif
