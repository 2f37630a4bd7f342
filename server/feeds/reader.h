/* reader.h - the thread that reads the message bus: the Redis streams whose keys begin with
 * MILLRACE_BUS_PREFIX.
 *
 *   streams made by anyone --XREAD from the position it has--> entries, ready to send --> the loop
 *
 * A position outlives Redis: what was added while it was away, or while we were, is read when both
 * are back. A stream that was trimmed beyond the position is a gap, and said so. Streams are found
 * by SCAN, and at once when somebody names one. A stream is trimmed to MILLRACE_BUS_MAXLEN. */
#ifndef FEEDS_READER_H
#define FEEDS_READER_H

#include "base/config.h"
#include "proto/buf.h"

#define MR_BUS_STREAMS_MAX 256
#define MR_BUS_NAME        129     /* of a stream, with its NUL */
#define MR_BUS_ENTRY_MAX   1048576 /* bytes; of a larger one only its size is sent */
#define MR_BUS_ID_TEXT     42      /* of an id, with its NUL */

struct mr_bus_reader;

struct mr_bus_id { /* <ms>-<seq> */
    uint64_t ms, seq;
};

enum mr_bus_what {
    MR_BUS_LIVE,
    MR_BUS_REPLAYED,    /* to one socket */
    MR_BUS_REPLAY_MORE, /* to one socket: that was a page; ask for the next */
    MR_BUS_REPLAY_END,  /* to one socket: it has all there is; what comes next is live */
    MR_BUS_GAP,         /* entries are gone that were never read; to one socket, or to all */
    MR_BUS_FOUND,       /* a stream; its number is the next one */
};

struct mr_bus_entry {
    struct mr_bus_entry *next;
    enum mr_bus_what what;
    uint16_t stream; /* its number */
    uint64_t to;     /* as mr_bus_reader_replay was given; 0: all */
    struct mr_bus_id id;
    size_t len;
    char json[]; /* the envelope, or what is wrong */
};

/* ready(ctx): there is something to take. [thread: reader] MR_OK; MR_E_NOMEM; MR_E_IO. */
MR_MUSTCHECK int mr_bus_reader_new(struct mr_bus_reader **out, const struct mr_config *cfg,
                                   void (*ready)(void *ctx), void *ctx);
void mr_bus_reader_free(struct mr_bus_reader *r); /* blocks; not on the loop */

/* All that waits, oldest first; the caller frees each. [thread: loop] */
struct mr_bus_entry *mr_bus_reader_take(struct mr_bus_reader *r);
/* The name of a stream that was found. [thread: any] */
const char *mr_bus_reader_name(const struct mr_bus_reader *r, size_t stream);
/* The number of a stream that was found; -1: it was not. [thread: any] */
int mr_bus_reader_find(const struct mr_bus_reader *r, const char *name);
/* Somebody speaks of this one: look whether it is there. [thread: any] */
void mr_bus_reader_look(struct mr_bus_reader *r, const char *name);
/* A page of a stream after a position, for one socket: to, not 0, comes back with each entry.
 * first: it is not a next page, so a gap is looked for. MR_OK; MR_E_AGAIN: too many are asked for.
 * [thread: any] */
MR_MUSTCHECK int mr_bus_reader_replay(struct mr_bus_reader *r, uint64_t to, size_t stream,
                                      struct mr_bus_id after, bool first);
/* Append "connected":..,"streams":[{name, key, last_id, messages}]. [thread: any] */
void mr_bus_reader_json(struct mr_bus_reader *r, struct mr_buf *out);

/* message.c; pure. Names of streams: 1 to 128 of A-Z a-z 0-9 . _ : - */
bool mr_bus_name_ok(struct mr_span name);
MR_MUSTCHECK int mr_bus_id_parse(struct mr_span text, struct mr_bus_id *out);
void mr_bus_id_format(struct mr_bus_id id, char out[MR_BUS_ID_TEXT]);
int mr_bus_id_cmp(struct mr_bus_id a, struct mr_bus_id b);
/* May a message call itself so? The types of the server's own are not for it. */
bool mr_bus_type_ok(struct mr_span type);
/* The envelope of an entry: {type, stream, channel, id, data, timestamp}. fields: names and values
 * in turn, n of both. `data` alone (and `type`) is what REST publishes: its value is the data, as
 * JSON if it is JSON; anything else is an object of strings. */
void mr_bus_encode(struct mr_buf *out, const char *stream, struct mr_span id, size_t n,
                   const struct mr_span *fields, int64_t now_us);

#endif
