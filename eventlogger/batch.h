/* batch.h - records on their way from Kafka to one transaction, read but not copied: each keeps its
 * message alive, and its change is views into it.
 *
 * A batch knows for each of its partitions where the log must stand before it (expected) and where
 * it stands after any number of its records, so that a batch can also be stored in pieces. A batch
 * belongs to one thread at a time. */
#ifndef EVENTLOGGER_BATCH_H
#define EVENTLOGGER_BATCH_H

#include "place.h"
#include "proto/cdc.h"

#include <librdkafka/rdkafka.h>

#define EL_BATCH_BYTES 3145728 /* keys and values at which a batch is full */

struct el_record {
    rd_kafka_message_t *msg; /* owned */
    struct mr_change change; /* borrows from msg; not set when dead */
    uint32_t part;           /* index into the batch's parts */
    int64_t gap;             /* offsets before it that hold no record (compacted, aborted, ..) */
    bool known;              /* in the log already: only the offset moves; change is not set */
    bool dead;               /* a dead letter; what is wrong is in reason */
    char *reason;            /* owned; NULL when it could not even be kept */
};

/* One partition's share. */
struct el_part {
    char topic[EL_TOPIC_MAX];
    int32_t partition;
    struct mr_uuid owner;
    int64_t expected; /* consumer_offsets before what is left of the batch */
    /* Set by el_batch_span, for the records that it was asked about: */
    int64_t next; /* offset after the last of them; -1: none of them is of this partition */
    size_t last;  /* index of the last of them */
};

struct el_batch {
    uint64_t serial; /* which batch this is, for el_place.part_serial */
    uint64_t epoch;  /* el_logger.epoch when it was begun */
    struct el_record *records;
    size_t n, cap;
    struct el_part *parts;
    size_t parts_n, parts_cap;
    size_t bytes;          /* of keys and values */
    uint64_t since_ms;     /* when the first record came, monotonic */
    struct el_batch *next; /* free list */
};

/* Room for cap records. NULL when out of memory. */
struct el_batch *el_batch_new(size_t cap);
void el_batch_free(struct el_batch *b); /* NULL is allowed */
/* Let every message go and begin anew. */
void el_batch_reset(struct el_batch *b, uint64_t serial, uint64_t epoch);
bool el_batch_full(const struct el_batch *b);

/* Read a record that is next at its place and add it. Takes msg on MR_OK. Before the record the
 * place stood at expected, which may be below its offset. known: the log has it already. MR_OK,
 * also when it cannot be read (then it is a dead letter); MR_E_NOMEM. */
MR_MUSTCHECK int el_batch_add(struct el_batch *b, rd_kafka_message_t *msg, struct el_place *place,
                              int64_t expected, bool known);

/* Set next and last of each part for the records [from, to). Returns how many parts have any. */
size_t el_batch_span(struct el_batch *b, size_t from, size_t to);
/* The records up to `to` are stored: what is left expects the log to stand behind them. */
void el_batch_stored(struct el_batch *b);

struct mr_span el_message_key(const rd_kafka_message_t *m);
struct mr_span el_message_value(const rd_kafka_message_t *m);
/* Kafka's timestamp in Unix milliseconds, -1 when it has none. */
int64_t el_message_ms(const rd_kafka_message_t *m);
uint64_t el_message_fingerprint(const rd_kafka_message_t *m);

/* Take records [from, to) to pieces until each one that cannot be stored stands alone.
 *
 * store(ctx, from, to) stores them all or none: MR_OK, MR_E_DATA when a value is refused, or
 * another error, which ends the whole. refuse(ctx, i) is told of a single record that is refused;
 * it is then stored once more, in the form that refuse has given it. Order is kept; for k bad ones
 * among n at most k * (log2(n) + 2) + 1 calls are made. MR_OK or the first other error; MR_E_DATA
 * when a record is refused even after refuse. */
struct el_halving {
    int (*store)(void *ctx, size_t from, size_t to);
    void (*refuse)(void *ctx, size_t i);
    void *ctx;
};
MR_MUSTCHECK int el_batch_halve(const struct el_halving *h, size_t from, size_t to);

#endif
