/* watch.h - one look at a pipeline, part by part, and the verdict. For monitor.c alone.
 * [thread: monitor] */
#ifndef PIPELINES_WATCH_H
#define PIPELINES_WATCH_H

#include "pipelines/connect_client.h"
#include "pipelines/manager.h"
#include "pipelines/pg_source.h"
#include "store/evidence.h"
#include <librdkafka/rdkafka.h>

#define WATCH_SAMPLES 256

/* Where something stood, and when: how old is a position? */
struct watch_ring {
    uint64_t at_ms[WATCH_SAMPLES];
    int64_t value[WATCH_SAMPLES];
    size_t n;
};

/* How far something is that has to move while it lags. */
struct watch_mover {
    int64_t value;
    uint64_t moved_ms; /* when it last did */
};

/* What is remembered of a pipeline from look to look. */
struct watched {
    char id[MR_UUID_TEXT];
    unsigned round;
    PGconn *source;
    struct watch_ring wal, retained, high;
    struct watch_mover slot, logger, sink, kafka;
    int64_t restarts;
    uint64_t restart_ms, well_since_ms;
    char *catalog; /* the source's columns, as they were last seen */
    struct watched *next;
};

/* Sums of a round, for /metrics. */
struct watch_sums {
    int watched, degraded;
    int64_t lag_bytes_max, retained_bytes_max;
};

struct watch {
    struct watch_sums sums;
    struct mr_metric *restarts;
    struct mr_manager *m;
    struct mr_pg *db;
    struct mr_connect *connect;
    rd_kafka_t *kafka;
    struct watched *first;
    unsigned round;
    struct mr_buf statuses;    /* of all connectors, this round */
    struct mr_span connectors; /* the object in it; empty: Connect does not answer */
    char connect_why[512];
    const struct rd_kafka_metadata *topics; /* this round; NULL: Kafka does not answer */
};

/* What this look saw. -1: not known. */
struct seen {
    const char *id;
    bool loading; /* Debezium's snapshot is under way: no heartbeat comes before its end */
    bool gave_up; /* a task has failed once more than it is started again */
    bool running, connect_answers, source_answers, kafka_answers;
    struct mr_connector_status source, sink;
    struct mr_pg_slot slot;
    int64_t wal_seconds_ms, lost_in_s; /* lag of the slot in time; forecast */
    int64_t high, logger_lag, sink_lag, logger_lag_ms, sink_lag_ms;
    int64_t heartbeat_age_ms;
    char source_why[400], kafka_why[200];
    char stuck[16]; /* the rung; "" none */
    char reason[600];
    struct mr_buf topics; /* JSON strings, with commas */
};

/* watch_parts.c */
void watch_begin(struct watch *w);
void watch_end(struct watch *w);
void watch_connectors(struct watch *w, const struct mr_plan *p, struct seen *s);
void watch_source(struct watch *w, struct watched *p, const struct mr_plan *plan, struct seen *s);
/* watch_topics.c */
void watch_topics(struct watch *w, struct watched *p, const struct mr_plan *plan, struct seen *s);
void watch_topics_begin(struct watch *w);
void watch_topics_end(struct watch *w);
/* watch_load.c: MR_OK, or our PostgreSQL's error. */
MR_MUSTCHECK int watch_load(struct watch *w, const struct mr_plan *plan, struct seen *s);
/* watch_schema.c: MR_OK, or our PostgreSQL's error. */
MR_MUSTCHECK int watch_schema(struct watch *w, struct watched *p, const struct mr_plan *plan,
                              const struct seen *s);
/* watch_verdict.c */
void watch_judge(struct watch *w, struct watched *p, const struct mr_plan *plan, struct seen *s);
void watch_write(struct watched *p, const struct mr_plan *plan, struct seen *s,
                 struct mr_buf *body);
void watch_ring_add(struct watch_ring *r, int64_t value);
/* How long ago was `value` reached? 0: it is where it is now; -1: before what is remembered. */
int64_t watch_ring_age_ms(const struct watch_ring *r, int64_t value);
/* It stands here now. */
void watch_moved(struct watch_mover *m, int64_t value);

#endif
