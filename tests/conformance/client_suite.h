/* client_suite.h - the servers that the official JavaScript clients' own tests talk to. */
#ifndef CONFORMANCE_CLIENT_SUITE_H
#define CONFORMANCE_CLIENT_SUITE_H

#include <millrace/millrace.h>

/* Every namespace, middleware and event of socket.io-client's test server, recovery included. */
int client_suite_socketio(struct mr_server *srv);
/* engine.io-client's, on a path of its own: says "hi", echoes, sets cookies, denies "?deny". */
int client_suite_engine(struct mr_server *srv, const struct mr_engine_options *opt);

#endif
