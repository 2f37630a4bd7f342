/* stream_parts.h - what the files of stream/ share. [thread: loop] unless said otherwise
 *
 *   stream.c    the head of the log: batches in order, gaps read, the ring, the tick
 *   sub.c       subscribers: the two indexes, one subscriber's life
 *   send.c      an event to a subscriber
 *   pages.c     pages of the log, read by workers
 *   listener.c  the thread that hears NOTIFY
 *   stats.c     pipeline_stats once a second
 */
#ifndef STREAM_STREAM_PARTS_H
#define STREAM_STREAM_PARTS_H

#include "stream/ring.h"
#include "stream/stream.h"

#include <pthread.h>
#include <stdatomic.h>

#define ST_BUCKETS             4096
#define ST_PAGE_ROWS           500
#define ST_PAGE_BYTES          (256U << 10)
#define ST_GAP_ROWS            4000
#define ST_GAP_BYTES           (2U << 20)
#define ST_EARLY_MAX           64
#define ST_TICK_MS             25
#define ST_ACK_AFTER_MS        2000
#define ST_NOTICE_MS           20 /* how long a notice waits for the batch to come in memory */
#define ST_TABLES_MAX          64
#define ST_COLLECT_BYTES_MAX   (1U << 20)
#define ST_COLLECT_FLUSH       (256U << 10)
#define ST_SUBS_PER_SOCKET_MAX 256
#define ST_PAGE_READS_MAX      4 /* at once: replays must leave workers to everybody else */

struct st_pipeline;

enum st_sub_state {
    ST_SUB_NEW,  /* the log's head is not known yet */
    ST_SUB_LIVE, /* level */
    ST_SUB_WAIT, /* congested; the drain wakes it */
    ST_SUB_DUE,  /* wants a page; in the read queue */
    ST_SUB_READ, /* a worker reads for it */
};

enum st_seek { ST_SEEK_NONE, ST_SEEK_SINCE, ST_SEEK_LAST };

struct st_sub {
    struct mr_stream *st;
    struct mr_socket *socket; /* a reference */
    struct st_pipeline *pipeline;
    struct st_sub *prev, *next;     /* of the pipeline */
    struct st_sub *prev_s, *next_s; /* of the socket bucket */
    struct st_sub *next_due;        /* of the read queue */
    enum st_sub_state state;
    bool dead;            /* out of every list; freed when its page comes back */
    bool from_head;       /* nothing of the past: begins where the log stands */
    enum st_seek seek;    /* where it begins is still to be found: `at` is not set */
    int64_t seek_arg;     /* Unix time in us, or how many */
    bool broken;          /* an event could not be queued: nothing may follow it */
    bool dropped;         /* and its connection is about to be closed */
    bool checked;         /* its first page was looked at for a gap */
    int64_t at;           /* see position.h; a live one stands at max(at, delivered) */
    uint64_t retry_at_ms; /* DUE: not before */
    uint32_t retry_ms;
    unsigned kinds;
    char *tables[ST_TABLES_MAX]; /* owned, unescaped */
    size_t n_tables;
    int64_t ack_id; /* -1: nobody waits, or answered */
    uint64_t ack_by_ms;
    uint64_t replayed;
    uint32_t batch_ms;
    uint64_t flush_at_ms; /* 0: nothing collected */
    struct mr_buf collected;
};

struct st_pipeline {
    struct mr_uuid id;
    struct st_pipeline *next; /* of the bucket */
    struct st_sub *subs;
    bool changed;    /* events since the last pipeline_stats */
    uint64_t events; /* since then */
};

struct mr_stream {
    struct mr_stream_options opt; /* database_url owned */
    struct st_pipeline *pipelines[ST_BUCKETS];
    struct st_sub *sockets[ST_BUCKETS];
    struct mr_ring ring;
    int64_t delivered;   /* -1: not known yet */
    int64_t noticed;     /* the highest head anybody told */
    uint64_t noticed_ms; /* when it passed `delivered` */
    bool gap_reading;
    struct mr_run_batch *early[ST_EARLY_MAX]; /* beyond a gap, in no order */
    size_t n_early;
    struct st_sub *due_first, *due_last; /* subscribers that wait for a page */
    size_t reading;                      /* pages being read */
    size_t jobs;                         /* on workers: pages, gap, stats */
    bool closing, leaving, timer_closed;
    uv_timer_t tick;
    uint64_t stats_at_ms;
    bool stats_running;
    struct mr_stream_stats stats;
    /* listener.c */
    pthread_t listener;
    int stop_fd; /* eventfd */
    bool listening;
};

/* sub.c */
struct st_pipeline *st_pipeline_find(struct mr_stream *st, struct mr_uuid id, bool make);
void st_sub_advance(struct st_sub *s);
/* Send one event if it passes the filter (true). entry NULL: not from the ring, frame made for this
 * one.
 */
bool st_sub_event(struct st_sub *s, struct mr_ring_entry *entry, const struct mr_run_event *e,
                  size_t i);
void st_sub_ack(struct st_sub *s, bool live);
void st_sub_flush(struct st_sub *s);
void st_sub_remove(struct st_sub *s);
/* An event was lost on the way to s: close its connection, soon. */
void st_sub_give_up(struct st_sub *s);
void st_sub_tick(struct st_sub *s, uint64_t now_ms);
void st_subs_each(struct mr_stream *st, void (*fn)(struct st_sub *s, uint64_t arg), uint64_t arg);

/* pages.c */
/* Hand a job that a worker has done back to the loop. [thread: worker] */
void st_bring_back(struct mr_stream *st, void (*fn)(void *arg), void *job);
void st_due_push(struct st_sub *s, uint64_t not_before_ms);
void st_due_run(struct mr_stream *st, uint64_t now_ms);
void st_gap_read(struct mr_stream *st);

/* stream.c */
void st_batch_in(struct mr_stream *st, struct mr_run_batch *b); /* borrows */
void st_notice(struct mr_stream *st, int64_t head);
void st_maybe_free(struct mr_stream *st);
uint64_t st_now(struct mr_stream *st);

/* listener.c */
int st_listener_start(struct mr_stream *st);
void st_listener_stop(struct mr_stream *st);

/* stats.c */
void st_stats_tick(struct mr_stream *st, uint64_t now_ms);

#endif
