/* pending.h - what a socket of the bus has not been sent yet: the last 100 messages, paced by its
 * max_rate. What does not fit any more is left out, oldest first, and counted: the socket is told
 * before the next message. Pure; the messages are somebody else's. */
#ifndef FEEDS_PENDING_H
#define FEEDS_PENDING_H

#include "feeds/reader.h"

#define PENDING_MAX     100
#define PENDING_BYTES   (1u << 20)
#define PENDING_STREAMS 16 /* told one by one of what was left out */

struct pending_item {
    void *message;
    size_t bytes;
    uint16_t stream;
    struct mr_bus_id id;
};

struct pending_lost {
    uint16_t stream;
    uint64_t n;
    struct mr_bus_id from, to;
};

struct pending {
    struct pending_item items[PENDING_MAX];
    size_t head, n, bytes;
    uint64_t lost, lost_ever; /* since the socket was last told, and in all */
    struct pending_lost streams[PENDING_STREAMS];
    size_t n_streams;
    int64_t rate; /* messages a second; 0: any */
    double tokens;
    uint64_t at_ms; /* when they were counted */
};

void pending_init(struct pending *p, int64_t rate, uint64_t now_ms);
/* May a message go now? */
bool pending_may(struct pending *p, uint64_t now_ms);
/* One has gone. More than may go is a debt: the next ones wait the longer. */
void pending_went(struct pending *p);
/* The newest. True: *out had to go for it; call again until it returns false. */
bool pending_make_room(struct pending *p, size_t bytes, struct pending_item *out);
void pending_add(struct pending *p, const struct pending_item *item);
/* The oldest; false: there is none. */
bool pending_first(const struct pending *p, struct pending_item *out);
void pending_drop_first(struct pending *p);
/* {count, total, streams:[{stream, count, from, to}]} of what was left out since the last time. */
void pending_lost_json(struct pending *p, const char *(*name)(const void *ctx, size_t stream),
                       const void *ctx, struct mr_buf *out);

#endif
