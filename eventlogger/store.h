/* store.h - one transaction's work: a piece of a batch, its numbers, and its texts. [thread:
 * persister]
 *
 * Between attempts nothing is kept but the texts of an attempt whose COMMIT was not answered: if it
 * turns out to have happened, those are what goes to the rooms. */
#ifndef EVENTLOGGER_STORE_H
#define EVENTLOGGER_STORE_H

#include "base/clock.h"
#include "base/histogram.h"
#include "el.h"
#include "event.h"

#define EL_FENCED        1 /* not an error code: the stored offsets are not the expected ones */
#define EL_COPY_CHUNK    131072
#define EL_COPY_MAX      (1u << 30) /* PostgreSQL's own limit on a field */
#define EL_JSON_MAX      (16u << 20)
#define EL_REFUSAL_BYTES 160

/* One pipeline's share of the piece. */
struct el_tally {
    struct mr_uuid pipeline;
    int64_t insert, update, delete_, other, snapshot, tombstone, skipped, failed;
    int64_t events, latency_count, latency_sum_ms;
    int64_t heartbeat_ms;         /* when the newest heartbeat was sent; 0: none */
    int64_t next_pipeline_seq;    /* for the next event that is written */
    const struct mr_change *last; /* the last event's, for last_position */
    uint32_t latencies[MR_HISTOGRAM_BUCKETS];
};

/* What became of an offset: the kinds of enum mr_change_kind, and these. Each has its column in
 * consumer_offsets, in this order: "insert" is insert_count. */
enum el_fate {
    EL_FATE_DEAD = MR_CHANGE_KINDS,
    EL_FATE_GAP,   /* it holds no record */
    EL_FATE_KNOWN, /* of a topic made anew, and logged already */
    EL_FATES,
};
#define EL_FATE_COLUMNS(X)                                                                         \
    X("insert")                                                                                    \
    X("update")                                                                                    \
    X("delete")                                                                                    \
    X("truncate")                                                                                  \
    X("message")                                                                                   \
    X("other")                                                                                     \
    X("tombstone")                                                                                 \
    X("heartbeat")                                                                                 \
    X("transaction") X("schema") X("notification") X("dead_letter") X("gap") X("known")

#define EL_OTHER 3 /* in counts, after insert, update and delete: everything else */

/* One table's share of a tally. */
struct el_table {
    uint32_t tally;               /* index into the work's tallies */
    struct mr_span schema, table; /* as they stand in the source's JSON */
    int64_t counts[EL_OTHER + 1]; /* by enum mr_change_kind */
};

struct el_work {
    struct el_logger *l;
    struct mr_pg *db; /* owned; NULL while PostgreSQL is away */
    struct el_batch *b;
    size_t from, to;
    int64_t logged_us;
    char logged_text[MR_TIME_TEXT];
    struct el_tally *tallies; /* owned */
    size_t tallies_n, tallies_cap;
    uint32_t *tally_of_part;    /* owned */
    int64_t (*fates)[EL_FATES]; /* owned; of each part's offsets in the piece */
    struct el_table *tables;    /* owned */
    uint32_t tables_n;
    uint32_t *table_of_part; /* owned */
    size_t parts_cap;
    struct el_counts counts;
    int64_t last_seq;
    struct mr_run_batch *out; /* owned reference; NULL without events */
    struct mr_uuid *ids;      /* owned; of out's events */
    uint32_t *metadata;       /* owned; where each event's metadata begins in its json */
    size_t rows_cap;
    struct mr_buf copy, json, name;
    char refused[EL_REFUSAL_BYTES]; /* what PostgreSQL said of the value */
};

/* ---- forward.c ---- */
/* Count the piece by pipeline. MR_OK; MR_E_NOMEM. */
MR_MUSTCHECK int el_work_count(struct el_work *w);
/* Write every event of the piece, with ids, into a new w->out. MR_OK; MR_E_NOMEM. */
MR_MUSTCHECK int el_work_write(struct el_work *w);
/* The rooms get the texts, Kafka the offsets, the board the numbers. */
void el_work_forward(struct el_work *w, uint64_t took_us);

/* ---- ledger.c: what became of each offset ---- */
/* Count anew, the piece's records; add one part's counts as members of a JSON object. */
void el_ledger_count(struct el_work *w);
void el_ledger_json(struct mr_buf *b, const int64_t fates[EL_FATES]);

/* ---- minutes.c ---- */
/* Count anew; one event; and keep what was counted. MR_OK; MR_E_NOMEM; as el_work_store. */
MR_MUSTCHECK int el_minutes_begin(struct el_work *w);
void el_minutes_count(struct el_work *w, uint32_t part, const struct mr_change *c);
MR_MUSTCHECK int el_minutes_store(struct el_work *w);

/* ---- store.c ---- */
/* Everything between BEGIN and COMMIT. MR_OK; EL_FENCED; MR_E_DATA: a value is refused (w->refused
 * says why); other errors: try again. */
MR_MUSTCHECK int el_work_store(struct el_work *w);
/* The same without the offsets: what was counted goes to the head of the log. */
MR_MUSTCHECK int el_work_append(struct el_work *w);
/* Let go of everything but the connection. */
void el_work_free(struct el_work *w);
/* Was this piece committed, although nobody answered? MR_OK: yes; MR_E_NOTFOUND: no. */
MR_MUSTCHECK int el_work_was_stored(struct el_work *w);

/* ---- copy.c ---- */
/* COPY the rows of w->out; COPY the dead letters. MR_OK, MR_E_DATA or another error. */
MR_MUSTCHECK int el_copy_rows(struct el_work *w);
MR_MUSTCHECK int el_copy_dead(struct el_work *w);

/* ---- tuple.c: COPY's binary format ---- */
void el_tuple_begin(struct mr_buf *b); /* once, before the first tuple */
void el_tuple_end(struct mr_buf *b);   /* once, after the last */
void el_tuple_open(struct mr_buf *b, uint16_t columns);
void el_tuple_null(struct mr_buf *b);
void el_tuple_bytes(struct mr_buf *b, const void *bytes, size_t len); /* text, bytea, uuid */
/* An empty span with ptr NULL is NULL. */
void el_tuple_span(struct mr_buf *b, struct mr_span s);
void el_tuple_i32(struct mr_buf *b, int32_t v);
void el_tuple_i64(struct mr_buf *b, int64_t v);
void el_tuple_time(struct mr_buf *b, int64_t unix_us);
/* before and text together are the JSON. */
void el_tuple_jsonb(struct mr_buf *b, struct mr_span before, struct mr_span text);

#endif
