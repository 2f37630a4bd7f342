/* dispatch.h - from a request to its route's handler and back. */
#ifndef API_DISPATCH_H
#define API_DISPATCH_H

#include "api/api.h"
#include "api/call.h"

extern const struct mr_route mr_routes[];
extern const size_t mr_routes_n;

/* The server's HTTP handler; ctx is the struct mr_api. [thread: loop] */
void mr_dispatch(struct mr_http_req *req, void *ctx);
/* The server's own errors (oversized, malformed), as problem documents. */
void mr_dispatch_error(int status, const char *detail, struct mr_span path,
                       struct mr_http_response *res, void *ctx);
/* The token of the Authorization header (RFC 6750: the scheme is case-insensitive), or empty. */
struct mr_span mr_bearer(const struct mr_http_req *req);
/* X-Request-Id of the client when it is harmless (1-64 of A-Za-z0-9._-), else a new one. */
void mr_request_id(struct mr_span sent, char out[65]);
/* True when origin is in a comma-separated list. */
bool mr_cors_allowed(const char *list, struct mr_span origin);

#endif
