/* bus_wants.h - which streams a socket of the bus wants, and how far it is in each.
 *
 *   all, but for those it has left   until it subscribes to some
 *   those it has subscribed to       from then on
 *   any of them with a position      first what came after it
 *
 * A stream wanted with a position is behind until the reader has sent all there is; meanwhile its
 * live messages are not for this socket, since the pages will have them. [thread: loop] */
#ifndef FEEDS_BUS_WANTS_H
#define FEEDS_BUS_WANTS_H

#include "feeds/feed.h"

#define BUS_WANTS_MAX 64

struct bus_want {
    char name[MR_BUS_NAME];
    int stream;              /* its number; -1: not found yet */
    bool out;                /* it is left; where all are wanted */
    bool behind, due, first; /* due: a page is to be asked for; first: none was yet */
    struct mr_bus_id floor;  /* it has everything up to here */
    uint16_t turn;           /* of replays of this socket: pages of an older one are not for it */
};

struct bus_wants {
    bool all; /* but for those of `of` that are out; else those alone */
    struct bus_want *of;
    size_t n;
    uint16_t turns;
    uint8_t how[MR_BUS_STREAMS_MAX]; /* enum in bus_wants.c, by stream */
};

void bus_wants_init(struct bus_wants *w);
void bus_wants_free(struct bus_wants *w);
/* Is this live message for it? */
bool bus_wants_live(const struct bus_wants *w, size_t stream, struct mr_bus_id id);
bool bus_wants_due(const struct bus_wants *w);
/* Who waits for pages of this stream, in this turn; NULL: nobody. */
struct bus_want *bus_wants_behind(struct bus_wants *w, size_t stream, uint16_t turn);
/* Its want has changed. */
void bus_wants_settle(struct bus_wants *w, size_t stream);
/* A stream has come to be. */
void bus_wants_found(struct bus_wants *w, const char *name, size_t stream);
/* What the address asks for: streams is "a,b", or empty for all; after is "a:<id>,b:<id>". Before
 * anything is sent, so that nothing of those streams comes before its place. MR_OK; MR_E_INVAL;
 * MR_E_NOMEM. */
MR_MUSTCHECK int bus_wants_start(struct bus_wants *w, struct mr_bus_reader *r, const char *streams,
                                 const char *after);
/* {stream | channel: name, or streams: [names], after?: id, or {name: id}}: subscribe, or leave.
 * Not MR_OK: nothing has changed, and the client was told why. */
MR_MUSTCHECK int bus_wants_ask(struct bus_wants *w, struct feed *s, struct mr_bus_reader *r,
                               struct mr_span message, bool leave);
/* {streams: "*" | [names], but?: [names]}. */
void bus_say_wants(struct feed *s, const struct bus_wants *w, const char *type);
/* replayed: {stream, last_id}: what comes next is live. */
void bus_say_replayed(struct feed *s, const struct bus_want *w);

#endif
