/* feeds.h - figures for plain WebSockets: /ws/stats (the flat object, every 500 ms or as
 * ?interval_ms= says) and /api/v1/ws/dashboard ({type, data, timestamp}: connection_ack, then
 * stats_update every 5 s).
 *
 * One sample serves all: it is written once a turn and sent as one frame. A socket that can't keep
 * up misses samples and gets the newest when it has caught up. Everything is [thread: loop]. */
#ifndef FEEDS_FEEDS_H
#define FEEDS_FEEDS_H

#include "base/config.h"
#include "millrace/millrace.h"
#include "proto/buf.h"
#include <uv.h>

struct mr_feeds;

struct mr_feeds_options {
    struct mr_server *server;
    uv_loop_t *loop;
    const struct mr_config *cfg;
    /* May whoever asks have it? MR_OK; MR_E_AUTH, MR_E_FORBIDDEN. interval_ms: what the query asks
     * for, else left as it is; MR_E_INVAL: that is no interval. */
    int (*allow)(void *ctx, struct mr_http_req *req, int64_t *interval_ms);
    /* Append the present figures, a JSON object. */
    void (*stats)(void *ctx, struct mr_buf *out);
    void *ctx;
};

/* Borrows what opt names. MR_OK; MR_E_NOMEM. */
MR_MUSTCHECK int mr_feeds_new(struct mr_feeds **out, const struct mr_feeds_options *opt);
/* Say good-bye to all (1001) and take no more. */
void mr_feeds_stop(struct mr_feeds *f);
/* After the server has closed, before the loop does: closes the timer; freed in the loop's next
 * turn. */
void mr_feeds_free(struct mr_feeds *f);

#endif
