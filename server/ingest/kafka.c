/* kafka.c - poll, store, commit. */
#include "ingest/kafka.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/uuid.h"
#include "ingest/store.h"
#include "proto/alloc.h"
#include "store/kafka_settings.h"
#include <librdkafka/rdkafka.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define POLL_MS 200
#define AWAY_MS 500

struct mr_kafka_ingest {
    const struct mr_config *cfg;
    pthread_t thread;
    atomic_bool stopping;
    rd_kafka_t *rk;
    struct mr_ingest_store store;
    rd_kafka_message_t **messages; /* the batch; cfg->ingest_batch of them */
    size_t n;
    struct mr_metric *stored, *buried, *batches;
};

void mr_kafka_ingest_id(const char *topic, int partition, int64_t offset, int64_t timestamp_ms,
                        char out[37])
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    struct mr_uuid id;
    char text[400];
    int n = snprintf(text, sizeof(text), "%d/%lld/%lld/%s", partition, (long long)offset,
                     (long long)timestamp_ms, topic);

    (void)SHA256((const unsigned char *)text, (size_t)(n < 400 ? n : 399), hash);
    memcpy(id.b, hash, sizeof(id.b));
    id.b[6] = (unsigned char)((id.b[6] & 0x0f) | 0x80);
    id.b[8] = (unsigned char)((id.b[8] & 0x3f) | 0x80);
    mr_uuid_format(id, out);
}

/* ---- a batch ------------------------------------------------------------------------------ */

static void drop(struct mr_kafka_ingest *k)
{
    for (size_t i = 0; i < k->n; i++)
        rd_kafka_message_destroy(k->messages[i]);
    k->n = 0;
}

/* What came within the time, at most as many as a batch has. */
static void gather(struct mr_kafka_ingest *k)
{
    uint64_t until = 0;

    while (!atomic_load(&k->stopping) && k->n < (size_t)k->cfg->ingest_batch) {
        uint64_t now = mr_mono_ms();
        int ms = POLL_MS;
        rd_kafka_message_t *m;

        if (until != 0 && now >= until)
            return;
        if (until != 0 && (int64_t)(until - now) < ms)
            ms = (int)(until - now);
        m = rd_kafka_consumer_poll(k->rk, ms);
        if (!m) {
            if (until == 0)
                return;
            continue;
        }
        if (m->err) {
            if (m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
                LOG_WARN("ingest_kafka", F_STR("why", rd_kafka_message_errstr(m)));
            rd_kafka_message_destroy(m);
            continue;
        }
        k->messages[k->n++] = m;
        if (until == 0)
            until = now + (uint64_t)k->cfg->ingest_flush_ms;
    }
}

static int nothing_to_tell(void *ctx)
{
    (void)ctx;
    return MR_OK;
}

static int store(struct mr_kafka_ingest *k)
{
    struct mr_span *texts = mr_zalloc(k->n, sizeof(*texts));
    char(*ids)[MR_INGEST_ID] = mr_zalloc(k->n, sizeof(*ids));
    const struct mr_ingest_batch b = {k->n, texts, (const char(*)[MR_INGEST_ID])ids};
    struct mr_message_counters counters;
    size_t buried = 0;
    int rc = texts && ids ? MR_OK : MR_E_NOMEM;

    for (size_t i = 0; i < k->n && rc == MR_OK; i++) {
        const rd_kafka_message_t *m = k->messages[i];

        texts[i] = mr_span_of(m->payload ? m->payload : "", m->len);
        mr_kafka_ingest_id(rd_kafka_topic_name(m->rkt), m->partition, m->offset,
                           rd_kafka_message_timestamp(m, NULL), ids[i]);
    }
    if (rc == MR_OK)
        rc = mr_ingest_store(&k->store, &b, &counters, &buried);
    if (rc == MR_OK) {
        mr_metric_add(k->batches, 1);
        mr_metric_add(k->buried, buried);
        mr_metric_add(k->stored, k->n - buried);
    }
    mr_free(texts);
    mr_free(ids);
    return rc;
}

/* Of what is stored. A failure is no loss: it is read again, and known. */
static void commit(struct mr_kafka_ingest *k)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    rd_kafka_resp_err_t err;

    for (size_t i = 0; i < k->n; i++) {
        const rd_kafka_message_t *m = k->messages[i];
        const char *topic = rd_kafka_topic_name(m->rkt);
        rd_kafka_topic_partition_t *p =
            rd_kafka_topic_partition_list_find(list, topic, m->partition);

        if (!p)
            p = rd_kafka_topic_partition_list_add(list, topic, m->partition);
        p->offset = m->offset + 1;
    }
    err = rd_kafka_commit(k->rk, list, 0);
    if (err)
        LOG_WARN("ingest_commit_failed", F_STR("why", rd_kafka_err2str(err)));
    rd_kafka_topic_partition_list_destroy(list);
}

static void *kafka_thread(void *arg)
{
    struct mr_kafka_ingest *k = arg;

    mr_log_thread("ingest-kafka");
    while (!atomic_load(&k->stopping)) {
        int rc = MR_OK;

        gather(k);
        while (k->n > 0 && (rc = store(k)) != MR_OK && !atomic_load(&k->stopping))
            mr_ingest_rest(&k->stopping, AWAY_MS);
        if (k->n > 0 && rc == MR_OK)
            commit(k); /* else it is read again by the next one */
        drop(k);
    }
    (void)rd_kafka_consumer_close(k->rk);
    mr_ingest_close(&k->store);
    return NULL;
}

/* ---- up and down -------------------------------------------------------------------------- */

static int configure(rd_kafka_conf_t *conf, const struct mr_config *cfg)
{
    char session[24], heartbeat[24];
    const struct {
        const char *name, *value;
    } all[] = {
        {"bootstrap.servers", cfg->kafka_brokers},
        {"group.id", cfg->ingest_group},
        {"client.id", "millrace-ingest"},
        {"session.timeout.ms", session},
        {"heartbeat.interval.ms", heartbeat},
        {"enable.auto.commit", "false"},
        {"auto.offset.reset", "earliest"},
        {"allow.auto.create.topics", "true"},
        {"topic.metadata.refresh.interval.ms", "5000"},
    };
    char why[MR_KAFKA_WHY];

    (void)snprintf(session, sizeof(session), "%lld", (long long)cfg->kafka_session_ms);
    (void)snprintf(heartbeat, sizeof(heartbeat), "%lld", (long long)cfg->kafka_session_ms / 3);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (rd_kafka_conf_set(conf, all[i].name, all[i].value, why, sizeof(why)) !=
            RD_KAFKA_CONF_OK) {
            LOG_ERROR("ingest_kafka", F_STR("why", why));
            return MR_E_CONFIG;
        }
    return mr_kafka_settings(conf, why);
}

static int subscribe(struct mr_kafka_ingest *k)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t err;

    (void)rd_kafka_poll_set_consumer(k->rk);
    rd_kafka_topic_partition_list_add(list, k->cfg->ingest_topic, RD_KAFKA_PARTITION_UA);
    err = rd_kafka_subscribe(k->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return err ? MR_E_CONFIG : MR_OK;
}

static int open_client(struct mr_kafka_ingest *k)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];
    int rc = configure(conf, k->cfg);

    if (rc == MR_OK)
        k->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (!k->rk) {
        rd_kafka_conf_destroy(conf);
        return MR_E_CONFIG;
    }
    return subscribe(k);
}

int mr_kafka_ingest_new(struct mr_kafka_ingest **out, const struct mr_config *cfg)
{
    struct mr_kafka_ingest *k;
    int rc;

    *out = NULL;
    if (cfg->ingest_topic[0] == '\0' || cfg->kafka_brokers[0] == '\0')
        return MR_OK;
    k = mr_zalloc(1, sizeof(*k));
    if (!k)
        return MR_E_NOMEM;
    k->cfg = cfg;
    k->messages = mr_zalloc((size_t)cfg->ingest_batch, sizeof(rd_kafka_message_t *));
    k->store = (struct mr_ingest_store){.cfg = cfg,
                                        .application = "millrace-ingest-kafka",
                                        .stopping = &k->stopping,
                                        .tick = nothing_to_tell};
    k->stored = mr_metric_counter("millrace_ingest_messages_total", "messages stored", NULL);
    k->buried = mr_metric_counter("millrace_ingest_dead_letters_total",
                                  "messages that no table takes", NULL);
    k->batches = mr_metric_counter("millrace_ingest_batches_total", "batches stored", NULL);
    rc = k->messages ? open_client(k) : MR_E_NOMEM;
    if (rc == MR_OK && pthread_create(&k->thread, NULL, kafka_thread, k) != 0)
        rc = MR_E_IO;
    if (rc != MR_OK) {
        if (k->rk)
            rd_kafka_destroy(k->rk);
        mr_free(k->messages);
        mr_free(k);
        return rc;
    }
    *out = k;
    return MR_OK;
}

void mr_kafka_ingest_free(struct mr_kafka_ingest *k)
{
    if (!k)
        return;
    atomic_store(&k->stopping, true);
    pthread_join(k->thread, NULL);
    rd_kafka_destroy(k->rk);
    mr_free(k->messages);
    mr_free(k);
}
