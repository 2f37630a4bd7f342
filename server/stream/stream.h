/* stream.h - rooms that are the log: live events, replay, catch-up, pipeline_stats.
 *
 *   logger (in process) --mr_stream_post_batch--+
 *                                               +--> loop: in seq order, one frame an event, to the
 *   LISTEN millrace_log --> read the log -------+         subscribers that stand right before it
 *
 * A subscriber is a position in the log. As long as it stands at the delivered head it is live;
 * when it asks for the past, or its socket was congested, it is fed pages of the log by a worker
 * until it stands there again. So a slow client costs a position, not a queue, and misses nothing.
 * How positions move is in position.h, pure and tested alone; this file is the wiring.
 */
#ifndef STREAM_STREAM_H
#define STREAM_STREAM_H

#include "base/pool.h"
#include "millrace/millrace.h"
#include "store/runs.h"

struct mr_stream;

struct mr_stream_options {
    struct mr_server *server; /* borrowed until mr_stream_free */
    uv_loop_t *loop;          /* borrowed: the loop that the server runs on */
    struct mr_pool *pool;     /* borrowed: replay pages are read on it */
    struct mr_pg_pool *pg;    /* borrowed */
    const char *database_url; /* copied: the LISTEN connection is its own */
    int64_t connect_timeout_ms;
    bool logger_in_process; /* batches come by mr_stream_post_batch first, notices second */
    /* A pipeline's row changed, in this process or another; NULL: nobody asks. [thread: loop] */
    void (*on_pipelines)(void *ctx);
    void *ctx;
};

/* Make it and start its listener thread; PostgreSQL may be away (it keeps trying; until the head is
 * known once, subscriptions wait). MR_OK; MR_E_NOMEM; MR_E_IO. [thread: loop] */
MR_MUSTCHECK int mr_stream_new(struct mr_stream **out, const struct mr_stream_options *opt);
/* Stop the listener and drop every subscriber. Then free the pool (which finishes the pages being
 * read) and close the server, in this order: the stream's memory goes when its timer is closed and
 * the last page has come back to the loop, so the loop must run on until then. [thread: loop] */
void mr_stream_free(struct mr_stream *st);

/* A batch was committed. Takes a reference when it keeps it. Never blocks. [thread: any] */
void mr_stream_post_batch(struct mr_stream *st, struct mr_run_batch *batch);

/* What a client asks for. Everything is borrowed for the call. */
struct mr_stream_want {
    struct mr_uuid pipeline;
    /* Where it begins; at most one of them. None: with what comes next. */
    bool has_after, has_since;
    int64_t after;         /* seq: everything above it is replayed */
    int64_t since_us;      /* Unix time: everything logged from then on */
    int64_t last;          /* the newest so many of what it wants; 0: not asked for */
    unsigned kinds;        /* bit 1 << enum mr_change_kind; 0: all */
    struct mr_span tables; /* raw JSON array of "table" or "schema.table", or empty: all */
    uint32_t batch_ms;     /* 0: one replication_event an event; else replication_events arrays */
};
/* Read {pipeline_id, after? | since? | last?, event_types?, tables?, batch_ms?} or a bare id.
 * reason: what is wrong. MR_OK; MR_E_INVAL. out borrows args. [thread: any] */
MR_MUSTCHECK int mr_stream_parse(struct mr_span args, struct mr_stream_want *out,
                                 const char **reason);

/* Subscribe a socket that may read the pipeline (the caller has checked), join its room, replay,
 * and acknowledge with {ok, pipeline_id, room, last_seq, replayed, live}. A second subscription of
 * the same socket and pipeline replaces the first. [thread: loop] */
void mr_stream_subscribe(struct mr_stream *st, struct mr_socket *s,
                         const struct mr_stream_want *want, int64_t ack_id);
/* Leave; true when it was subscribed. [thread: loop] */
bool mr_stream_unsubscribe(struct mr_stream *st, struct mr_socket *s, struct mr_uuid pipeline);
/* The socket is gone / has drained. [thread: loop] */
void mr_stream_forget(struct mr_stream *st, struct mr_socket *s);
void mr_stream_drained(struct mr_stream *st, struct mr_socket *s);

/* "pipeline_{id}": the one place where the room's name is made. */
#define MR_ROOM_TEXT (9 + MR_UUID_TEXT)
void mr_stream_room(struct mr_uuid pipeline, char out[MR_ROOM_TEXT]);

struct mr_stream_stats {
    int64_t delivered_seq; /* the head as the rooms know it; -1 until it is known */
    uint64_t events, frames_sent, replayed, pages, gaps_read, replay_gaps, subscribers, behind;
};
void mr_stream_stats(struct mr_stream *st, struct mr_stream_stats *out); /* [thread: loop] */

#endif
