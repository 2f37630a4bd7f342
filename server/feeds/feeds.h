/* feeds.h - plain WebSockets: /ws/stats (the flat figures, every 500 ms or as ?interval_ms= says),
 * /api/v1/ws/dashboard ({type, data, timestamp}: connection_ack, then stats_update every 5 s, and
 * what happens, when it does) and /ws (the message bus: Redis streams, each message once to every
 * socket that wants its stream).
 *
 * One sample serves all: it is written once a turn and sent as one frame. A socket that can't keep
 * up misses samples and gets the newest when it has caught up. Everything is [thread: loop] unless
 * it says otherwise. */
#ifndef FEEDS_FEEDS_H
#define FEEDS_FEEDS_H

#include "base/config.h"
#include "feeds/reader.h"
#include "millrace/millrace.h"
#include "proto/buf.h"
#include "store/users.h"
#include <uv.h>

struct mr_feeds;
struct mr_feed_ticket; /* somebody who waits to be let in */

/* What the address of a WebSocket asks for. */
struct mr_feed_query {
    int64_t interval_ms; /* 0: it does not */
    int64_t max_rate;    /* messages a second; 0: no limit */
    char streams[512];   /* "a,b"; empty: all */
    char after[2048];    /* "a:<id>,b:<id>": what came after these ids first */
    bool bus;            /* it is for /ws */
    struct mr_identity who;
};

struct mr_feeds_options {
    struct mr_server *server;
    uv_loop_t *loop;
    const struct mr_config *cfg;
    /* May whoever asks have it? MR_OK; MR_E_AUTH, MR_E_FORBIDDEN; MR_E_INVAL: why says what is
     * wrong with the query; MR_E_AGAIN: mr_feeds_decide follows, once. */
    int (*allow)(void *ctx, struct mr_http_req *req, struct mr_feed_query *out, const char **why,
                 struct mr_feed_ticket *ticket);
    /* Append the present figures, a JSON object. */
    void (*stats)(void *ctx, struct mr_buf *out);
    void *ctx;
};

/* Borrows what opt names. MR_OK; MR_E_NOMEM. */
MR_MUSTCHECK int mr_feeds_new(struct mr_feeds **out, const struct mr_feeds_options *opt);
/* The bus is read from here on. Not before: mr_feeds_ready is its ready. */
void mr_feeds_bus(struct mr_feeds *f, struct mr_bus_reader *reader);
void mr_feeds_ready(void *f); /* [thread: any] */
/* What allow could not say at once: MR_OK, who it is; or why not, as allow does, and MR_E_UNAVAIL:
 * that could not be found out. Ends the ticket. */
void mr_feeds_decide(struct mr_feed_ticket *ticket, int rc, const struct mr_identity *who);
/* Do streams and after make sense? Pure. */
bool mr_bus_start_ok(const char *streams, const char *after);
/* Say good-bye to all (1001) and take no more. */
void mr_feeds_stop(struct mr_feeds *f);
/* After the server has closed and the reader is freed, before the loop closes: closes its handles;
 * freed in the loop's next turn. */
void mr_feeds_free(struct mr_feeds *f);

/* To everyone who watches the dashboard feed and may (NULL: all may): {type, data, timestamp}.
 * data: JSON. */
void mr_feeds_tell(struct mr_feeds *f, const char *type, struct mr_span data,
                   bool (*may)(const void *ctx, const struct mr_identity *who), const void *ctx);
/* Append a JSON object for each WebSocket: {sid, transport, path, address, user, connected_at,
 * queued_bytes, rooms}, with commas between; first: there is none before. */
void mr_feeds_list(struct mr_feeds *f, struct mr_buf *out, bool first);
/* Close one (1008). MR_OK; MR_E_NOTFOUND. id: as the list has it. */
MR_MUSTCHECK int mr_feeds_close(struct mr_feeds *f, struct mr_span id);
/* Append "sockets":..,"sent":..,"waiting":..,"coalesced":.. of the bus. */
void mr_feeds_bus_json(struct mr_feeds *f, struct mr_buf *out);

#endif
