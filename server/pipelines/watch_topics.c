/* watch_topics.c - how far Kafka's topics reach, and how far the logger and the sink are in them.
 */
#include "base/clock.h"
#include "base/log.h"
#include "pipelines/kafka_admin.h"
#include "pipelines/watch.h"
#include "proto/alloc.h"
#include <stdio.h>
#include <stdlib.h>

#define KAFKA_MS 4000

void watch_topics_begin(struct watch *w)
{
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__TRANSPORT;

    if (w->topics)
        rd_kafka_metadata_destroy(w->topics);
    w->topics = NULL;
    if (!w->kafka && w->m->env.cfg->kafka_brokers[0])
        w->kafka = mr_kafka_client(w->m->env.cfg);
    if (w->kafka)
        err = rd_kafka_metadata(w->kafka, 1, NULL, &w->topics, KAFKA_MS);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        w->topics = NULL;
}

void watch_topics_end(struct watch *w)
{
    if (w->topics)
        rd_kafka_metadata_destroy(w->topics);
    if (w->kafka)
        rd_kafka_destroy(w->kafka);
}

/* Where each partition of the pipeline's topics stands. */
struct place {
    const char *topic; /* of the metadata */
    int partition;
    int64_t low, high, logged, applied; /* the last two: the next one to do; -1: none done */
    bool data;                          /* the sink reads it, too */
};

static int places(const struct watch *w, const struct mr_plan *p, struct place **out)
{
    char start[sizeof(p->prefix) + 2];
    int n = 0, cap = 0;

    (void)snprintf(start, sizeof(start), "%s.", p->prefix);
    for (int i = 0; i < w->topics->topic_cnt; i++)
        if (strncmp(w->topics->topics[i].topic, start, strlen(start)) == 0)
            cap += w->topics->topics[i].partition_cnt;
    *out = mr_zalloc((size_t)cap + 1, sizeof(**out));
    for (int i = 0; *out && i < w->topics->topic_cnt; i++) {
        const rd_kafka_metadata_topic_t *t = &w->topics->topics[i];

        if (strncmp(t->topic, start, strlen(start)) != 0)
            continue;
        for (int k = 0; k < t->partition_cnt; k++)
            (*out)[n++] = (struct place){.topic = t->topic,
                                         .partition = t->partitions[k].id,
                                         .logged = -1,
                                         .applied = -1,
                                         .data = strchr(t->topic + strlen(start), '.') != NULL};
    }
    return n;
}

static struct place *find(struct place *all, int n, struct mr_span topic, int64_t partition)
{
    for (int i = 0; i < n; i++)
        if (all[i].partition == partition && mr_span_is(topic, all[i].topic))
            return &all[i];
    return NULL;
}

static int logged(const struct watch *w, const struct mr_plan *p, struct place *all, int n)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(w->db,
                        "SELECT topic, partition, next_offset FROM consumer_offsets "
                        "WHERE starts_with(topic, $1 || '.')",
                        1, (const char *[]){p->prefix}, &res);

    for (int i = 0; rc == MR_OK && i < PQntuples(res); i++) {
        struct place *at = find(all, n, mr_pg_span(res, i, 0), mr_pg_i64(res, i, 1));

        if (at)
            at->logged = mr_pg_i64(res, i, 2);
    }
    PQclear(res);
    return rc;
}

/* What the group of the sink has committed. (Connect's own /offsets makes a connector for each
 * question, and logs its configuration.) */
static void take_applied(rd_kafka_event_t *answer, struct place *all, int n)
{
    const rd_kafka_ListConsumerGroupOffsets_result_t *result =
        rd_kafka_event_ListConsumerGroupOffsets_result(answer);
    const rd_kafka_topic_partition_list_t *list;
    const rd_kafka_group_result_t **groups;
    size_t n_groups = 0;

    if (!result)
        return;
    groups = rd_kafka_ListConsumerGroupOffsets_result_groups(result, &n_groups);
    list = n_groups == 1 ? rd_kafka_group_result_partitions(groups[0]) : NULL;
    for (int i = 0; list && i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *one = &list->elems[i];
        struct place *at = find(all, n, mr_span_str(one->topic), one->partition);

        if (at && one->offset >= 0)
            at->applied = one->offset;
    }
}

static void applied(struct watch *w, const struct mr_plan *p, struct place *all, int n)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(w->kafka);
    rd_kafka_ListConsumerGroupOffsets_t *ask;
    rd_kafka_event_t *answer;
    char group[160];

    (void)snprintf(group, sizeof(group), "connect-%s", p->sink_connector);
    ask = rd_kafka_ListConsumerGroupOffsets_new(group, NULL);
    rd_kafka_ListConsumerGroupOffsets(w->kafka, &ask, 1, NULL, queue);
    answer = rd_kafka_queue_poll(queue, KAFKA_MS);
    if (answer && rd_kafka_event_error(answer) == RD_KAFKA_RESP_ERR_NO_ERROR)
        take_applied(answer, all, n);
    if (answer)
        rd_kafka_event_destroy(answer);
    rd_kafka_ListConsumerGroupOffsets_destroy(ask);
    rd_kafka_queue_destroy(queue);
}

static bool watermarks(struct watch *w, struct place *all, int n, struct seen *s)
{
    for (int i = 0; i < n; i++) {
        rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(
            w->kafka, all[i].topic, all[i].partition, &all[i].low, &all[i].high, KAFKA_MS);

        if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            (void)snprintf(s->kafka_why, sizeof(s->kafka_why), "%s", rd_kafka_err2str(err));
            return false;
        }
    }
    return true;
}

static int64_t behind(int64_t next, const struct place *at)
{
    int64_t from = next < at->low ? at->low : next;

    return at->high > from ? at->high - from : 0;
}

static void sum_up(struct watched *p, const struct place *all, int n, struct seen *s)
{
    int64_t logger = 0, sink = 0;

    s->high = s->logger_lag = s->sink_lag = 0;
    for (int i = 0; i < n; i++) {
        s->high += all[i].high;
        s->logger_lag += behind(all[i].logged, &all[i]);
        logger += all[i].logged > 0 ? all[i].logged : 0;
        if (all[i].data) {
            s->sink_lag += behind(all[i].applied, &all[i]);
            sink += all[i].applied > 0 ? all[i].applied : 0;
        }
        if (i == 0 || strcmp(all[i].topic, all[i - 1].topic) != 0) {
            mr_buf_add_str(&s->topics, s->topics.len > 0 ? "," : "");
            mr_json_add_string(&s->topics, mr_span_str(all[i].topic));
        }
    }
    watch_moved(&p->kafka, s->high);
    watch_moved(&p->logger, logger);
    watch_moved(&p->sink, sink);
    watch_ring_add(&p->high, s->high);
    s->logger_lag_ms =
        s->logger_lag == 0 ? 0 : watch_ring_age_ms(&p->high, s->high - s->logger_lag);
    s->sink_lag_ms = s->sink_lag == 0 ? 0 : watch_ring_age_ms(&p->high, s->high - s->sink_lag);
}

void watch_topics(struct watch *w, struct watched *p, const struct mr_plan *plan, struct seen *s)
{
    struct place *all = NULL;
    int n;

    mr_buf_init(&s->topics, 1u << 20);
    s->high = s->logger_lag = s->sink_lag = s->logger_lag_ms = s->sink_lag_ms = -1;
    if (!w->topics) {
        (void)snprintf(s->kafka_why, sizeof(s->kafka_why), "no broker answers");
        return;
    }
    n = places(w, plan, &all);
    s->kafka_answers = all && watermarks(w, all, n, s);
    if (s->kafka_answers && logged(w, plan, all, n) == MR_OK) {
        applied(w, plan, all, n);
        sum_up(p, all, n, s);
    }
    mr_free(all);
}
