/* limits.h - every ceiling of the library that is not an option of mr_options, with its reason.
 *
 * What bites is counted in mr_stats: "refused", "slow_consumers", "parse_errors", "mailbox_full",
 * "http_bad_requests".
 */
#ifndef IO_LIMITS_H
#define IO_LIMITS_H

#include "millrace/millrace.h"

#define MR_CLOSE_WAIT_MS        30000 /* a closed polling session waits so long for its last GET */
#define MR_NSPS_PER_SESSION_MAX 1024  /* what namespaces_per_session_max may be */
#define MR_NSP_REQUESTS_MAX     4096  /* CONNECTs that wait for a family's answer */
#define MR_HELD_PACKETS_MAX     1024  /* events behind one that a middleware has put off */
#define MR_USES_MAX             64    /* mr_use's functions of one namespace */
#define MR_AUTH_BYTES_MAX       65536 /* auth of a CONNECT, which is kept; then it is refused */
#define MR_ANSWERS_BYTES_MAX    67108864 /* acks to one broadcast, all together */
#define MR_NAME_LEN_MAX         1024     /* bytes of a room's or event's name */
#define MR_MAILBOX_MAX          65536    /* messages posted to the loop and not run yet */
#define MR_HEAD_BYTES_MAX       16384    /* request line and headers, then 431 */
#define MR_TARGET_BYTES_MAX     8192     /* request target, then 414 */
#define MR_HEADERS_MAX          100      /* header lines, then 431 */
#define MR_KEPT_HEADERS_MAX     32       /* names in handshake_headers */
#define MR_ADDED_LINES_MAX      8192     /* bytes of mr_request_add_header's for one reply */
#define MR_TRAILER_BYTES_MAX    4096     /* what follows the last chunk of a body */
#define MR_CHUNK_LINE_MAX       256      /* a chunk's size line with its extensions */
#define MR_ORIGIN_LEN_MAX       512      /* an Origin header that is compared with cors_origins */
#define MR_ORIGINS_BYTES_MAX    65536    /* cors_origins itself */
#define MR_DEFLATE_BYTES_MAX    131072   /* a body that is compressed at once, on the loop */
#define MR_ROUTE_DEPTH_MAX      32       /* segments of a route's pattern */
#define MR_BODY_TOTAL_MS        120000   /* a body that is kept must be whole within this time */
#define MR_WRITE_STALL_MS       60000    /* a reader that takes nothing for so long is cut off */
#define MR_WRITE_BYTES_PER_S    16384    /* and who takes less than this of a large reply, too */
#define MR_LINGER_MS            2000     /* after our last byte: silence from the peer, */
#define MR_LINGER_TOTAL_MS      30000    /* and all in all, before we close first */
#define MR_LINGER_BYTES_MAX     67108864 /* what it may still send, unread: a body we refused */
#define MR_DRAIN_FETCH_MS       2000  /* drained polling clients: to fetch what is left for them */
#define MR_SHUTDOWN_MS          4000  /* mr_server_close: then connections are cut off */
#define MR_DESCRIPTORS_KEPT     256   /* for files, databases and the like; not for connections */
#define MR_ACCEPT_BATCH         256   /* connections taken in one turn of the loop */
#define MR_ACCEPT_PAUSE_MS      100   /* wait after running out of descriptors */
#define MR_PEERS_IDLE_MAX       65536 /* addresses remembered though nothing is open from there */
#define MR_PEER_IDLE_MS         60000 /* for so long */
#define MR_TRIM_CONNS           256   /* fewer than there were: memory is given back, */
#define MR_TRIM_AFTER_MS        500   /* once nobody has left for so long */
#define MR_TRIM_LATE_MS         5000  /* or at the latest so long after that */
#define MR_SHED_PAUSE_MS        100   /* between looks at all queues together */
#define MR_FLUSH_FIRST          32    /* sessions with something new: flushed before a crowd's */
#define MR_FLUSH_SESSIONS       256   /* sessions flushed before the loop goes round */
#define MR_FLUSH_BYTES_MAX      1048576 /* written to one socket before others get their turn */
#define MR_KERNEL_UNSENT_BYTES                                                                     \
    131072                  /* of one connection: what a reader leaves lying beyond it             \
                               stays with us, where it is counted and may make way */
#define MR_READ_BYTES 65536 /* one read; the buffer is shared by all connections */

/* HTTP for the application */
#define MR_CHUNK_EXTRAS_MAX       8192   /* all chunk extensions of a body */
#define MR_DEFLATE_TURN_BYTES_MAX 524288 /* compressed in one turn of the loop */
#define MR_FILE_SLICE_BYTES       131072 /* read of a file at once, off the loop */
#define MR_STREAM_HIGH_BYTES                                                                       \
    262144                        /* queued of a reply in pieces: wait for the drain callback,     \
                                   */
#define MR_STREAM_LOW_BYTES 65536 /* which comes below this */
#define MR_BODY_BYTES_PER_S 1024  /* a body must come faster, after some grace */

/* Fill in the defaults of every option that is zero. */
void mr__options_fill(struct mr_options *opt);
void mr__engine_options_fill(struct mr_engine_options *opt);

#endif
