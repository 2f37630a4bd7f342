/* kafka_admin.c - topics and groups of Kafka, by librdkafka's admin calls. */
#include "pipelines/kafka_admin.h"
#include "store/kafka_settings.h"
#include <stdio.h>
#include <string.h>

#define KAFKA_MS 8000

static void quiet(const rd_kafka_t *rk, int level, const char *fac, const char *buf)
{
    (void)rk;
    (void)level;
    (void)fac;
    (void)buf;
}

rd_kafka_t *mr_kafka_client(const struct mr_config *cfg)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[MR_KAFKA_WHY];
    rd_kafka_t *rk;

    rd_kafka_conf_set_log_cb(conf, quiet);
    if (rd_kafka_conf_set(conf, "bootstrap.servers", cfg->kafka_brokers, why, sizeof(why)) !=
            RD_KAFKA_CONF_OK ||
        /* Never joined. Without one librdkafka crashes when a broker that comes up says that it is
         * not the coordinator of the group that it is asked about (librdkafka 5040). */
        rd_kafka_conf_set(conf, "group.id", "millrace-monitor", why, sizeof(why)) !=
            RD_KAFKA_CONF_OK ||
        rd_kafka_conf_set(conf, "allow.auto.create.topics", "false", why, sizeof(why)) !=
            RD_KAFKA_CONF_OK ||
        mr_kafka_settings(conf, why) != MR_OK) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (!rk)
        rd_kafka_conf_destroy(conf);
    return rk;
}

static int said(rd_kafka_resp_err_t err, char *why, size_t size)
{
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return MR_OK;
    (void)snprintf(why, size, "Kafka: %s", rd_kafka_err2str(err));
    return err == RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP ? MR_E_AGAIN : MR_E_UNAVAIL;
}

int mr_kafka_topics(rd_kafka_t *k, const char *start, int (*found)(void *ctx, const char *name),
                    void *ctx, char *why, size_t size)
{
    const struct rd_kafka_metadata *all = NULL;
    int rc = said(rd_kafka_metadata(k, 1, NULL, &all, KAFKA_MS), why, size);

    for (int i = 0; rc == MR_OK && i < all->topic_cnt; i++)
        if (strncmp(all->topics[i].topic, start, strlen(start)) == 0)
            rc = found(ctx, all->topics[i].topic);
    if (all)
        rd_kafka_metadata_destroy(all);
    return rc;
}

int mr_kafka_groups(rd_kafka_t *k, const char *start, int (*found)(void *ctx, const char *name),
                    void *ctx, char *why, size_t size)
{
    const struct rd_kafka_group_list *all = NULL;
    int rc = said(rd_kafka_list_groups(k, NULL, &all, KAFKA_MS), why, size);

    for (int i = 0; rc == MR_OK && i < all->group_cnt; i++)
        if (strncmp(all->groups[i].group, start, strlen(start)) == 0)
            rc = found(ctx, all->groups[i].group);
    if (all)
        rd_kafka_group_list_destroy(all);
    return rc;
}

/* The one answer of an admin call with one element. */
static int outcome(rd_kafka_event_t *e, rd_kafka_resp_err_t gone, char *why, size_t size)
{
    rd_kafka_resp_err_t err = e ? rd_kafka_event_error(e) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    const rd_kafka_topic_result_t **topics = NULL;
    const rd_kafka_group_result_t **groups = NULL;
    size_t n = 0;

    if (e && err == RD_KAFKA_RESP_ERR_NO_ERROR &&
        rd_kafka_event_type(e) == RD_KAFKA_EVENT_DELETETOPICS_RESULT) {
        topics = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(e), &n);
        err = n == 1 ? rd_kafka_topic_result_error(topics[0]) : RD_KAFKA_RESP_ERR_UNKNOWN;
    } else if (e && err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        groups = rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(e), &n);
        err = n == 1 ? rd_kafka_error_code(rd_kafka_group_result_error(groups[0]))
                     : RD_KAFKA_RESP_ERR_UNKNOWN;
    }
    return err == gone ? MR_OK : said(err, why, size);
}

/* Send the call, which copies what it is given. */
static void send_drop(rd_kafka_t *k, rd_kafka_admin_op_t op, const char *name,
                      rd_kafka_AdminOptions_t *o, rd_kafka_queue_t *queue)
{
    if (op == RD_KAFKA_ADMIN_OP_DELETEGROUPS) {
        rd_kafka_DeleteGroup_t *group = rd_kafka_DeleteGroup_new(name);

        rd_kafka_DeleteGroups(k, &group, 1, o, queue);
        rd_kafka_DeleteGroup_destroy(group);
    } else {
        rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(name);

        rd_kafka_DeleteTopics(k, &topic, 1, o, queue);
        rd_kafka_DeleteTopic_destroy(topic);
    }
}

/* gone: the error that says that there is none. */
static int drop(rd_kafka_t *k, rd_kafka_admin_op_t op, rd_kafka_resp_err_t gone, const char *name,
                char *why, size_t size)
{
    rd_kafka_AdminOptions_t *o = rd_kafka_AdminOptions_new(k, op);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(k);
    rd_kafka_event_t *e;
    int rc;

    if (o)
        (void)rd_kafka_AdminOptions_set_request_timeout(o, KAFKA_MS, why, size);
    send_drop(k, op, name, o, queue);
    e = rd_kafka_queue_poll(queue, KAFKA_MS + 1000);
    rc = outcome(e, gone, why, size);
    rd_kafka_event_destroy(e);
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(o);
    return rc;
}

int mr_kafka_drop_group(rd_kafka_t *k, const char *name, char *why, size_t size)
{
    return drop(k, RD_KAFKA_ADMIN_OP_DELETEGROUPS, RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND, name, why,
                size);
}

int mr_kafka_drop_topic(rd_kafka_t *k, const char *name, char *why, size_t size)
{
    return drop(k, RD_KAFKA_ADMIN_OP_DELETETOPICS, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, name,
                why, size);
}
