/* consumer.h - what the consumer thread holds; shared by its two files. [thread: consumer] */
#ifndef EVENTLOGGER_CONSUMER_H
#define EVENTLOGGER_CONSUMER_H

#include "el.h"

struct el_consumer {
    struct el_logger *l;
    struct el_view *view;   /* owned; NULL until the watcher has made one */
    struct el_batch *batch; /* owned; being filled; NULL when none is spare */
    uint64_t serial;        /* of the newest batch */
    uint64_t epoch;
    /* seat.c */
    struct el_place *places; /* owned; sorted by topic and partition */
    size_t places_n, places_cap;
    struct el_ask *ask; /* owned while answered, else the persister's; NULL: nothing asked */
    rd_kafka_topic_partition_list_t *pending; /* owned; assigned by the group, not begun */
    uint64_t ask_after_ms;                    /* after a failure */
    bool joined; /* the group has answered once, or there is nothing to subscribe to */
    /* The place of the message before: records come in runs of one partition. */
    struct el_place *last;
    const rd_kafka_topic_t *last_topic;
    /* pace */
    uint64_t pushed_ms, published_ms, fed_ms;
    size_t record_bytes; /* a running mean */
};

/* ---- seat.c: partitions, from their assignment to their first record ---- */
/* The group assigns or takes partitions. */
void el_seats_assigned(struct el_consumer *c, const rd_kafka_topic_partition_list_t *list);
void el_seats_revoked(struct el_consumer *c, const rd_kafka_topic_partition_list_t *list);
/* Whose is each topic now? */
void el_seats_claim(struct el_consumer *c);
/* All must begin again where PostgreSQL says. */
void el_seats_void(struct el_consumer *c);
/* Ask, take answers, begin. Blocks for Kafka's watermarks only where a partition is new or lost. */
void el_seats_serve(struct el_consumer *c);
struct el_place *el_seat_of(struct el_consumer *c, const char *topic, int32_t partition);
/* This one must begin again. */
void el_seat_lost(struct el_place *p, enum el_need need);
/* Some topics may be others than they were: look at a record that was taken a while ago. */
void el_seats_suspect(struct el_consumer *c, const struct el_suspects *s);
/* Tell the board, and lead the partitions that were put in again to the inbox. Now and then. */
void el_seats_publish(struct el_consumer *c);
void el_seats_deinit(struct el_consumer *c);

#endif
