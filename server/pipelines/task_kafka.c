/* task_kafka.c - what a pipeline leaves in Kafka when its connectors have gone. */
#include "base/clock.h"
#include "pipelines/kafka_admin.h"
#include "pipelines/task.h"
#include <stdio.h>
#include <time.h>

#define GROUP_WAIT_MS 20000

/* The members of a group that was just stopped leave it a moment later. */
static int drop_group(struct mr_task *t, rd_kafka_t *k, const char *connector)
{
    uint64_t until = mr_mono_ms() + GROUP_WAIT_MS;
    char group[160];
    int rc;

    (void)snprintf(group, sizeof(group), "connect-%s", connector);
    while ((rc = mr_kafka_drop_group(k, group, t->why, sizeof(t->why))) == MR_E_AGAIN &&
           mr_mono_ms() < until && !task_over(t))
        nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    return rc;
}

struct topics {
    struct mr_task *t;
    rd_kafka_t *k;
};

/* mr_<id>.schema.table, and those of its earlier generations: mr_<id>_2.schema.table */
static bool is_of(const struct mr_plan *p, const char *topic)
{
    size_t len = strlen(p->prefix);

    if (strncmp(topic, p->prefix, len) == 0 &&
        (topic[len] == '.' || strcmp(topic + len, MR_HISTORY_TOPIC) == 0))
        return true;
    len = strlen("mr_") + strlen(p->short_id);
    if (strncmp(topic, "mr_", 3) != 0 || strncmp(topic + 3, p->short_id, len - 3) != 0)
        return false;
    if (topic[len] == '_')
        len += 1 + strspn(topic + len + 1, "0123456789");
    return topic[len] == '.' || strcmp(topic + len, MR_HISTORY_TOPIC) == 0;
}

static int drop_topic(void *ctx, const char *name)
{
    struct topics *of = ctx;

    if (!is_of(&of->t->plan, name))
        return MR_OK;
    return mr_kafka_drop_topic(of->k, name, of->t->why, sizeof(of->t->why));
}

static int drop_topics(struct mr_task *t, rd_kafka_t *k)
{
    struct topics of = {.t = t, .k = k};
    int rc = task_step(t, "drop_topics");

    return rc == MR_OK ? mr_kafka_topics(k, "", drop_topic, &of, t->why, sizeof(t->why)) : rc;
}

int task_forget_kafka(struct mr_task *t, bool topics)
{
    rd_kafka_t *k;
    int rc = MR_OK;

    if (!t->m->env.cfg->kafka_brokers[0])
        return MR_OK;
    rc = task_step(t, "drop_group");
    if (rc != MR_OK)
        return rc;
    k = mr_kafka_client(t->m->env.cfg);
    if (!k)
        return task_say(t, MR_E_CONFIG, "KAFKA_BOOTSTRAP_SERVERS is no list of brokers.");
    rc = drop_group(t, k, t->plan.sink_connector);
    if (rc == MR_OK && topics)
        rc = drop_topics(t, k);
    rd_kafka_destroy(k);
    return rc;
}
