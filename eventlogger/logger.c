/* logger.c - settings for librdkafka, and the three threads' beginning and end.
 *
 *   watcher --view--> consumer --batches--> persister --forward--> the rooms
 *
 * The end goes the same way: the consumer hands over what it has and leaves the group, the
 * persister stores it, and only then is anything taken apart. */
#include "base/clock.h"
#include "base/log.h"
#include "consumer.h"
#include "proto/alloc.h"
#include "store/kafka_settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define POLL_INTERVAL_MIN_MS 300000
#define DESTROY_S            2 /* to wait for librdkafka to take itself apart */
#define SYSLOG_WARNING       4 /* librdkafka's levels are syslog's */

static void on_kafka_log(const rd_kafka_t *rk, int level, const char *fac, const char *buf)
{
    (void)rk;
    if (level <= SYSLOG_WARNING)
        LOG_WARN("kafka_client", F_STR("facility", fac), F_STR("what", buf));
    else
        LOG_DEBUG("kafka_client", F_STR("facility", fac), F_STR("what", buf));
}

static void on_kafka_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    struct el_logger *l = opaque;

    (void)rk;
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        el_board_side(&l->board, EL_SIDE_KAFKA, "no broker can be reached");
    else
        LOG_DEBUG("kafka_error", F_STR("why", rd_kafka_err2str((rd_kafka_resp_err_t)err)),
                  F_STR("what", reason));
}

static int set_all(rd_kafka_conf_t *conf, const struct mr_config *cfg)
{
    char session[24], heartbeat[24], poll[24], why[256], theirs[MR_KAFKA_WHY];
    const int64_t session_ms = cfg->kafka_session_ms;
    const int64_t poll_ms = session_ms > POLL_INTERVAL_MIN_MS ? session_ms : POLL_INTERVAL_MIN_MS;
    /* clang-format off */
    const char *const settings[][2] = {
        {"bootstrap.servers", cfg->kafka_brokers},
        {"group.id", cfg->kafka_group},
        {"client.id", "millrace-logger"},
        {"session.timeout.ms", session},
        {"heartbeat.interval.ms", heartbeat},
        {"max.poll.interval.ms", poll},
        {"partition.assignment.strategy", "cooperative-sticky"},
        /* Where to begin is in PostgreSQL; what the broker lacks is looked into, never skipped. */
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "error"},
        {"isolation.level", "read_committed"},
        {"check.crcs", "true"},
        {"allow.auto.create.topics", "false"},
        {"topic.metadata.refresh.interval.ms", "5000"}, /* new partitions of a topic */
        /* All partitions share this much, however large the backlog. */
        {"queued.max.messages.kbytes", "8192"},
        {"queued.min.messages", "1000000"},
        {"fetch.message.max.bytes", "1048576"},
        {"fetch.max.bytes", "2097152"},
        {"fetch.wait.max.ms", "100"},
        {"fetch.error.backoff.ms", "100"},
        {"reconnect.backoff.ms", "50"},
        {"reconnect.backoff.max.ms", "1000"},
        {"socket.nagle.disable", "true"},
        {"socket.keepalive.enable", "true"},
    };
    /* clang-format on */

    (void)snprintf(session, sizeof(session), "%lld", (long long)session_ms);
    (void)snprintf(heartbeat, sizeof(heartbeat), "%lld",
                   (long long)(session_ms / 4 < 3000 ? session_ms / 4 : 3000));
    (void)snprintf(poll, sizeof(poll), "%lld", (long long)poll_ms);
    for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], why, sizeof(why)) !=
            RD_KAFKA_CONF_OK) {
            LOG_ERROR("kafka_setting_refused", F_STR("setting", settings[i][0]), F_STR("why", why));
            return MR_E_CONFIG;
        }
    }
    if (mr_kafka_settings(conf, theirs) != MR_OK) {
        LOG_ERROR("kafka_setting_refused", F_STR("why", theirs));
        return MR_E_CONFIG;
    }
    return MR_OK;
}

static int make_client(struct el_logger *l)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];
    int rc = set_all(conf, l->cfg);

    if (rc == MR_OK)
        rc = el_consumer_new(l, conf);
    if (rc != MR_OK) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    rd_kafka_conf_set_log_cb(conf, on_kafka_log);
    rd_kafka_conf_set_error_cb(conf, on_kafka_error);
    l->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (l->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        LOG_ERROR("kafka_client_failed", F_STR("why", why));
        return MR_E_CONFIG;
    }
    (void)rd_kafka_poll_set_consumer(l->rk);
    l->inbox = rd_kafka_queue_new(l->rk);
    return MR_OK;
}

static int start_threads(struct el_logger *l)
{
    void *(*const run[])(void *) = {el_persister_run, el_consumer_run, el_watcher_run};
    pthread_t *const threads[] = {&l->persister, &l->consumer, &l->watcher};

    for (; l->threads < 3; l->threads++)
        if (pthread_create(threads[l->threads], NULL, run[l->threads], l) != 0)
            return MR_E_NOMEM;
    return MR_OK;
}

int el_logger_start(struct el_logger **out, const struct mr_config *cfg, el_forward_fn forward,
                    void *ctx)
{
    struct el_logger *l = mr_zalloc(1, sizeof(*l));
    int rc = MR_OK;

    if (l == NULL)
        return MR_E_NOMEM;
    l->cfg = cfg;
    l->forward = forward;
    l->forward_ctx = ctx;
    el_queue_init(&l->queue);
    el_board_init(&l->board, cfg->kafka_group);
    pthread_mutex_init(&l->view_lock, NULL);
    l->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->stop_fd < 0 || l->wake_fd < 0)
        rc = MR_E_NOMEM;
    else if (cfg->kafka_brokers[0] == '\0')
        el_board_side(&l->board, EL_SIDE_KAFKA, "KAFKA_BOOTSTRAP_SERVERS is not set");
    else
        rc = make_client(l);
    if (rc == MR_OK && l->rk != NULL)
        rc = start_threads(l);
    if (rc != MR_OK) {
        el_logger_stop(l);
        return rc;
    }
    *out = l;
    return MR_OK;
}

static void join_threads(struct el_logger *l)
{
    if (l->threads == 1) /* there never was a consumer to say so */
        el_queue_end(&l->queue);
    if (l->threads > 1)
        pthread_join(l->consumer, NULL);
    if (l->threads > 0)
        pthread_join(l->persister, NULL);
    if (l->threads > 2)
        pthread_join(l->watcher, NULL);
}

static void *destroy_client(void *logger)
{
    struct el_logger *l = logger;
    bool closed = el_board_well(&l->board, EL_SIDE_KAFKA);

    rd_kafka_destroy_flags(l->rk, closed ? 0 : RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    return NULL;
}

/* librdkafka waits for its threads, and they for each reference that it has lost count of: so wait
 * for it, but not for ever. False: it is still at it, and what it uses must stay. */
static bool end_client(struct el_logger *l)
{
    struct timespec until;
    pthread_t thread;

    if (l->rk == NULL)
        return true;
    /* Before 2.3 librdkafka aborts the process when a client ends that is joining its first group
     * with cooperative-sticky (librdkafka 4312). It has left the group: let it be. */
    if (l->subscribed && !l->assigned && rd_kafka_version() < 0x020300ff) {
        LOG_INFO("kafka_client_left", F_STR("why", "the group never answered it"));
        return false;
    }
    if (pthread_create(&thread, NULL, destroy_client, l) != 0) {
        (void)destroy_client(l);
        return true;
    }
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += DESTROY_S;
    if (pthread_timedjoin_np(thread, NULL, &until) == 0)
        return true;
    (void)pthread_detach(thread);
    LOG_WARN("kafka_client_abandoned", F_INT("after_s", DESTROY_S));
    return false;
}

void el_logger_stop(struct el_logger *l)
{

    if (l == NULL)
        return;
    atomic_store(&l->stopping, true);
    if (l->stop_fd >= 0)
        (void)!write(l->stop_fd, &(uint64_t){1}, sizeof(uint64_t));
    join_threads(l);
    el_queue_deinit(&l->queue); /* its messages belong to the client */
    if (l->inbox != NULL)
        rd_kafka_queue_destroy(l->inbox);
    if (!end_client(l))
        return;
    el_board_stopped(&l->board);
    el_consumer_free(l->group);
    el_view_free(l->view);
    mr_free(l->suspects);
    el_board_deinit(&l->board);
    pthread_mutex_destroy(&l->view_lock);
    if (l->stop_fd >= 0)
        close(l->stop_fd);
    if (l->wake_fd >= 0)
        close(l->wake_fd);
    mr_free(l);
}

void el_logger_status(struct el_logger *l, struct el_status *out)
{
    el_board_read(&l->board, out);
}
