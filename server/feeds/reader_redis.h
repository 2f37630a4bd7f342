/* reader_redis.h - what the reader of the bus asks Redis, and what it answers, taken apart. For
 * reader.c alone. A call that does not return MR_OK, MR_E_NOTFOUND or MR_E_CONFLICT leaves a
 * connection that has to be closed; why says what happened. */
#ifndef FEEDS_READER_REDIS_H
#define FEEDS_READER_REDIS_H

#include "feeds/reader.h"
#include "store/redis.h"

#define BUS_PAGE       100       /* entries */
#define BUS_PAGE_BYTES (1 << 18) /* a page ends at the entry that reaches it */
#define BUS_FIELDS     64        /* of an entry; what is beyond is left out */

struct bus_redis {
    const struct mr_config *cfg;
    struct mr_redis *r; /* NULL: not connected */
    char why[300];
    char cursor[32];
};

struct bus_entry { /* borrows the reply */
    struct mr_bus_id id;
    struct mr_span id_text;
    size_t n;
    struct mr_span fields[2 * BUS_FIELDS];
};

struct bus_info { /* of a stream; XINFO STREAM */
    struct mr_bus_id first, last;
    int64_t length, added; /* entries there are, and were ever */
};

typedef int (*bus_name_fn)(void *ctx, const char *name);
typedef int (*bus_entry_fn)(void *ctx, size_t stream, const struct bus_entry *entry);

MR_MUSTCHECK int bus_redis_open(struct bus_redis *b, int64_t timeout_ms);
void bus_redis_close(struct bus_redis *b);
/* The last position before the present time of Redis. */
MR_MUSTCHECK int bus_redis_now(struct bus_redis *b, struct mr_bus_id *out);
/* Names of streams under the prefix: of all keys, or of the next few, round and round. */
MR_MUSTCHECK int bus_redis_scan(struct bus_redis *b, bool all, bus_name_fn fn, void *ctx);
/* MR_E_NOTFOUND: no such key; MR_E_CONFLICT: it is no stream. */
MR_MUSTCHECK int bus_redis_info(struct bus_redis *b, const char *name, struct bus_info *out);
MR_MUSTCHECK int bus_redis_trim(struct bus_redis *b, const char *name, int64_t max);
MR_MUSTCHECK int bus_redis_has(struct bus_redis *b, const char *name, struct mr_bus_id id,
                               bool *out);
/* What is new after each position; waits a moment for it. which: the number that fn gets for each.
 * MR_E_CONFLICT: one of them is no stream. */
MR_MUSTCHECK int bus_redis_read(struct bus_redis *b, size_t n, const char *const *names,
                                const struct mr_bus_id *after, const size_t *which, bus_entry_fn fn,
                                void *ctx);
/* A page of one stream, after one position up to another. n: BUS_PAGE when there may be more. */
MR_MUSTCHECK int bus_redis_range(struct bus_redis *b, const char *name, size_t stream,
                                 struct mr_bus_id after, struct mr_bus_id to, bus_entry_fn fn,
                                 void *ctx, size_t *n);

#endif
