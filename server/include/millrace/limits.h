/* limits.h - what happens when a client asks for more than it may have.
 *
 * Every limit is an option of mr_options, is on unless that says otherwise, and when it bites is
 * counted (mr_stats.limit_hits), told to the application, and to the client as far as its protocol
 * has words for it. [thread: loop]
 */
#ifndef MILLRACE_LIMITS_H
#define MILLRACE_LIMITS_H

#include "proto/err.h"
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mr_server;

enum mr_limit {
    MR_LIMIT_SESSIONS,             /* sessions_max: a handshake got 503 */
    MR_LIMIT_SESSIONS_PER_ADDR,    /* sessions_per_addr_max: so did this one */
    MR_LIMIT_QUEUE,                /* queue_bytes_max: closed as "slow consumer" */
    MR_LIMIT_QUEUE_TOTAL,          /* queue_total_bytes_max: the same */
    MR_LIMIT_NAMESPACES,           /* family_namespaces_max: "Invalid namespace" */
    MR_LIMIT_HANDSHAKES,           /* handshakes_per_s: 429 */
    MR_LIMIT_CONNECTIONS,          /* connections_max: the backlog waits */
    MR_LIMIT_CONNECTIONS_PER_ADDR, /* connections_per_addr_max: 503, and closed */
    MR_LIMIT_CONNECT_TIMEOUT,      /* connect_timeout_ms: nobody connected to a namespace; closed */
    MR_LIMIT_PACKETS,              /* packets_in_per_s: closed as "rate limit" */
    MR_LIMIT_BYTES,                /* bytes_in_per_s: the same */
    MR_LIMIT_MESSAGE,              /* body_bytes_max: 413 over polling, 1009 over WebSocket */
    MR_LIMIT_ATTACHMENTS,          /* attachments_max: closed as "forced close" */
    MR_LIMIT_NAMESPACES_PER_SESSION, /* namespaces_per_session_max: "forced server close" */
    MR_LIMIT_ROOMS,                  /* rooms_per_socket_max: mr_join is MR_E_AGAIN */
    MR_LIMIT_ACKS_ASKED,             /* acks_asked_max: closed as "transport error" */
    MR_LIMIT_ACKS_PENDING,           /* acks_pending_max: the emit is MR_E_AGAIN */
    MR_LIMIT_HELD,                   /* too many events behind one that waits: "rate limit" */
    MR_LIMITS                        /* how many there are */
};
#define MR_LIMITS_ROOM 32 /* of them in mr_stats */

/* "sessions_per_addr": the limit's name, as in a label of a metric. Static. [thread: any] */
MR_EXPORT const char *mr_limit_name(enum mr_limit limit);

/* A limit has bitten: which, whom, and what it is. addr ("" where nobody is to blame) borrows until
 * the return. Must not close anything. */
typedef void (*mr_limit_fn)(enum mr_limit limit, const char *addr, uint64_t max, void *ctx);
MR_EXPORT void mr_on_limit(struct mr_server *srv, mr_limit_fn fn, void *ctx);

#ifdef __cplusplus
}
#endif

#endif
