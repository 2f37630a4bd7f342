/* feed.h - what the WebSockets of all feeds have in common: who may open one, how many may, what is
 * answered to every client, and the way from type to sender. For feeds.c and the kinds alone.
 * [thread: loop] */
#ifndef FEEDS_FEED_H
#define FEEDS_FEED_H

#include "feeds/feeds.h"

#define FEED_MESSAGE_MAX 65536 /* bytes of a client's message */

struct feed;

struct feed_kind {
    const char *name;    /* in the list of connections */
    size_t size;         /* of what begins with a struct feed */
    int64_t interval_ms; /* unless the query says otherwise */
    const char *takes;   /* what a client may send, for the error reply */
    bool envelope;       /* {type, data, timestamp}, from connection_ack on */
    /* Not MR_OK: there is no memory for it, and it is closed. */
    int (*opened)(struct feed *s);
    /* A message with a type, other than ping. False: this feed knows no such type. */
    bool (*asked)(struct feed *s, struct mr_span type, struct mr_span message);
    void (*drained)(struct feed *s);
    void (*closed)(struct feed *s);
};

struct feed {
    struct mr_feeds *f;
    const struct feed_kind *kind;
    struct mr_http_req *req; /* while it waits to be let in */
    struct mr_ws *ws;
    uint64_t id; /* never used again */
    int64_t since_us;
    struct mr_feed_query query;
    struct feed *next, **at;
};

struct figures;
struct bus;

struct mr_feeds {
    struct mr_feeds_options opt;
    struct feed *first;
    size_t n;
    uv_timer_t expiry;
    uint64_t last_id;
    bool stopped;
    struct figures *figures;
    struct bus *bus;
    struct mr_metric *open, *refused, *invalid;
};

/* {type, data, timestamp}: data is JSON. */
void feed_envelope(struct mr_buf *b, const char *type, struct mr_span data);
void feed_say(struct feed *s, const char *type, struct mr_span data);
/* error, with a sentence. */
void feed_complain(struct feed *s, const char *sentence);

/* figures.c: /ws/stats and /api/v1/ws/dashboard. */
extern const struct feed_kind mr_feed_stats_kind, mr_feed_dashboard_kind;
MR_MUSTCHECK int figures_new(struct mr_feeds *f);
void figures_stop(struct mr_feeds *f);
/* Closes its handles; freed in the loop's next turn. */
void figures_free(struct mr_feeds *f);

/* bus.c: /ws. */
extern const struct feed_kind mr_feed_bus_kind;
MR_MUSTCHECK int bus_new(struct mr_feeds *f);
void bus_stop(struct mr_feeds *f);
void bus_free(struct mr_feeds *f);

#endif
