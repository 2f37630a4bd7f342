/* eventlogger.h - Kafka records of the pipelines' topics, exactly once into PostgreSQL, then
 * onward.
 *
 *   consumer thread --(bounded queue)--> persister thread --(forward)--> whoever listens
 *   librdkafka poll + parse              one transaction a batch         after COMMIT, in seq order
 *
 * The transaction is the promise: it advances the partitions' offsets by compare-and-set, takes the
 * batch's range of seq, advances the counters and COPYs the rows, all or nothing. */
#ifndef EVENTLOGGER_EVENTLOGGER_H
#define EVENTLOGGER_EVENTLOGGER_H

#include "base/config.h"
#include "store/pg.h"
#include "store/runs.h"

struct el_logger;

/* A committed batch. Takes a reference of its own when it keeps it. Must not block for long: it
 * runs on the persister thread, between two transactions. */
typedef void (*el_forward_fn)(struct mr_run_batch *batch, void *ctx);

/* Start the threads. Borrows cfg until el_logger_stop returns. forward may be NULL (millrace
 * logger: other processes learn of the batch by NOTIFY millrace_log). Kafka and PostgreSQL may be
 * away: then the status says so and the logger keeps trying. MR_OK; MR_E_NOMEM; MR_E_CONFIG. */
MR_MUSTCHECK int el_logger_start(struct el_logger **out, const struct mr_config *cfg,
                                 el_forward_fn forward, void *ctx);
/* Finish the batch in hand, commit, leave the group, join the threads, free. */
void el_logger_stop(struct el_logger *l);

enum el_state { EL_STARTING, EL_RUNNING, EL_DEGRADED, EL_STOPPED };
struct el_status {
    enum el_state state;
    char group_id[256];
    char last_error[256];      /* empty when none */
    int64_t last_error_at_us;  /* Unix time, 0 when none */
    int64_t last_commit_at_us; /* 0 when none */
    int64_t started_at_us;
    uint64_t batches, events, skipped, dead_letters, offset_resets, fenced; /* since start */
    double events_per_second;                                               /* over the last 10 s */
    int64_t lag_records; /* high watermarks minus next offsets of what is assigned; -1 unknown */
    size_t n_assigned;   /* how many of the entries below are valid (at most 64 are listed) */
    size_t n_assigned_all;
    struct {
        char topic[250];
        int32_t partition;
        int64_t next_offset, lag;
    } assigned[64];
};
/* A consistent copy. [thread: any] */
void el_logger_status(struct el_logger *l, struct el_status *out);

#define EL_REASON_MAX 160

/* Read a dead letter's record again, as it was kept. What can be read by now becomes an event at
 * the head of the log (or is counted as skipped, if it is none), and the letter is gone: inside the
 * caller's transaction on db. cfg: record_bytes. MR_OK; MR_E_NOTFOUND; MR_E_PROTO, MR_E_DATA: it
 * can still not be read, or not be stored, and reason says why; roll back then. [thread: worker] */
MR_MUSTCHECK int el_letter_retry(struct mr_pg *db, const char *id, const struct mr_config *cfg,
                                 char reason[EL_REASON_MAX]);

#endif
