/* el.h - what the files of the event logger share.
 *
 *   watch.c     [watcher]    pipelines and topics -> which topics are whose     --view--> consumer
 *   consumer.c  [consumer]   librdkafka: messages, rebalances -> batches
 *   seat.c      [consumer]   partitions: their offsets asked for, begun, begun again
 *   persist.c   [persister]  a batch, a transaction; retries, fences
 *   store.c     [persister]  the statements of the transaction, COPY
 *   offsets.c   [persister]  consumer_offsets: read, made, reset
 *   forward.c   [persister]  the events' texts and ids, as rows and for the rooms
 *   ledger.c    [persister]  what became of each offset
 *   minutes.c   [persister]  what each minute adds up to
 *   letters.c   [worker]     a dead letter read again
 *   retention.c              partitions of the log: made by the persister, dropped by the watcher
 *   board.c     [any]        status and metrics
 *   logger.c                 start and stop
 */
#ifndef EVENTLOGGER_EL_H
#define EVENTLOGGER_EL_H

#include "base/metrics.h"
#include "eventlogger/eventlogger.h"
#include "queue.h"

#define EL_STATEMENT_MS                                                                            \
    60000 /* nothing of ours takes as long; a lock that is never freed would                       \
           */

/* ---- board.c: what is told to the outside ------------------------------------------------- */

enum el_side { EL_SIDE_KAFKA, EL_SIDE_POSTGRES, EL_SIDE_STORE, EL_SIDES };

#define EL_RATE_SECONDS 10
#define EL_BOARD_LISTED 64

struct el_board_place {
    char topic[EL_TOPIC_MAX];
    int32_t partition;
    int64_t next;               /* stored */
    int64_t high;               /* high watermark; -1 unknown */
    struct el_trail_point mark; /* the oldest of its trail; fingerprint 0: none */
};

struct el_board {
    pthread_mutex_t lock;
    struct el_status status; /* {lock} assigned, lag and rate are filled in when it is asked for */
    bool well[EL_SIDES];     /* {lock} */
    bool known[EL_SIDES];    /* {lock} it has been well or ill at least once */
    bool joined;             /* {lock} the group has assigned something, or there is nothing to */
    struct el_board_place *places; /* {lock} sorted by topic and partition; owned */
    size_t places_n;
    uint64_t rate[EL_RATE_SECONDS + 1]; /* {lock} events by second */
    uint64_t rate_second;
    struct mr_metric *events, *skipped, *dead, *batches, *resets, *fenced, *retries, *commit;
};

struct el_counts { /* of one transaction */
    uint64_t events, skipped, dead;
};

void el_board_init(struct el_board *b, const char *group);
void el_board_deinit(struct el_board *b);
/* A side is well (why NULL) or not. The log is told of changes. */
void el_board_side(struct el_board *b, enum el_side side, const char *why);
bool el_board_well(struct el_board *b, enum el_side side);
void el_board_committed(struct el_board *b, const struct el_counts *n, uint64_t took_us);
void el_board_stored(struct el_board *b, const struct el_part *parts, size_t n);
/* takes places (from mr_alloc). joined: there is nothing to wait for. */
void el_board_places(struct el_board *b, struct el_board_place *places, size_t n, bool joined);
/* Copy up to max places, from the first-th on; how many. */
size_t el_board_copy(struct el_board *b, size_t first, struct el_board_place *out, size_t max);
void el_board_reset(struct el_board *b);
void el_board_fenced(struct el_board *b);
void el_board_retried(struct el_board *b);
void el_board_stopped(struct el_board *b);
void el_board_read(struct el_board *b, struct el_status *out);

/* ---- the view: made by the watcher, taken by the consumer --------------------------------- */

struct el_view {
    struct el_map *map;                      /* owned reference */
    rd_kafka_topic_partition_list_t *topics; /* owned; those that exist and are claimed, sorted */
};
void el_view_free(struct el_view *v);

/* Places whose topic may have been made anew since their mark. */
struct el_suspects {
    size_t n;
    struct el_board_place items[];
};

struct el_consumer;

/* ---- the logger --------------------------------------------------------------------------- */

struct el_logger {
    const struct mr_config *cfg; /* borrowed */
    el_forward_fn forward;
    void *forward_ctx;
    rd_kafka_t *rk; /* owned; NULL without brokers */
    /* The consumer's, read when it has ended: topics were subscribed to; the group has answered. */
    bool subscribed, assigned;
    struct el_consumer *group; /* owned; the consumer thread's, while it runs */
    rd_kafka_queue_t *inbox; /* owned; every partition's messages, apart from the group's events */
    struct el_queue queue;
    struct el_board board;
    atomic_bool stopping;
    /* Raised by the persister when the stored offsets were not what it expected: whatever was
     * consumed before is void, and the consumer goes back to the stored offsets. */
    atomic_uint_fast64_t epoch;

    atomic_bool hungry; /* the inbox runs low: the watcher wakes librdkafka's fetchers */
    pthread_mutex_t view_lock;
    struct el_view *view;         /* {view_lock} the newest that the consumer has not taken yet */
    struct el_suspects *suspects; /* {view_lock} likewise; owned */

    int stop_fd; /* eventfd, readable from the stop on: ends every sleep */
    int wake_fd; /* eventfd: wakes the watcher */
    pthread_t consumer, persister, watcher;
    unsigned threads; /* how many of the three run */
};

/* Make the consumer's state and set its callbacks. MR_OK; MR_E_NOMEM. */
MR_MUSTCHECK int el_consumer_new(struct el_logger *l, rd_kafka_conf_t *conf);
void el_consumer_free(struct el_consumer *c);
void *el_consumer_run(void *logger);
void *el_persister_run(void *logger);
void *el_watcher_run(void *logger);

/* A connection for a thread of the logger; the board is told how it went. */
MR_MUSTCHECK int el_connect(struct el_logger *l, const char *application, struct mr_pg **out);
/* Between attempts: base, doubled with each attempt up to 2 s, half of it by chance. */
#define EL_BACKOFF_MIN_MS 50
#define EL_BACKOFF_MAX_MS 2000
int el_backoff_ms(unsigned attempt);
/* Sleep, but wake up for a stop. */
void el_sleep(struct el_logger *l, int ms);

/* ---- persister ---------------------------------------------------------------------------- */

/* Answer what the consumer asks; every item gets an answer, or is marked failed. MR_OK or a mapped
 * error (then ask again). */
MR_MUSTCHECK int el_offsets_answer(struct el_logger *l, struct mr_pg *c, struct el_ask *ask);
/* Make the partitions of today and the next days. MR_OK or a mapped error. */
MR_MUSTCHECK int el_retention_make(struct mr_pg *c);
/* Drop the oldest partition if it is past retention (*more: there may be another). [thread:
 * watcher] */
MR_MUSTCHECK int el_retention_drop(struct mr_pg *c, int64_t retention_days, bool *more);

#endif
