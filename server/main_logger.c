/* main_logger.c - the event logger: its status as JSON; and the process that is nothing but it, or
 * the ingest worker. */
#include "base/clock.h"
#include "base/log.h"
#include "ingest/kafka.h"
#include "ingest/worker.h"
#include "main.h"
#include "proto/alloc.h"
#include "proto/json.h"
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
#include <uv.h>

static const char *const state_names[] = {"starting", "running", "degraded", "stopped"};

static void add_time(struct mr_buf *b, const char *name, int64_t us)
{
    char time[MR_TIME_TEXT];

    mr_buf_addf(b, ",\"%s\":", name);
    if (us > 0) {
        mr_time_format(us, time);
        mr_buf_addf(b, "\"%s\"", time);
    } else {
        mr_buf_add_str(b, "null");
    }
}

static void add_lag(struct mr_buf *b, const char *name, int64_t lag)
{
    mr_buf_addf(b, ",\"%s\":", name);
    if (lag >= 0)
        mr_buf_add_i64(b, lag);
    else
        mr_buf_add_str(b, "null");
}

/* ---- one that can be made anew ------------------------------------------------------------ */

struct mr_main_logger {
    const struct mr_config *cfg; /* borrowed */
    el_forward_fn forward;
    void *ctx;
    pthread_mutex_t changing; /* held for as long as it is made anew */
    pthread_mutex_t lock;
    struct el_logger *logger; /* {lock} NULL while it is made anew, or when that has failed */
    uint64_t made;            /* {lock} how many times */
    bool ended;               /* {changing} */
};

int mr_main_logger_start(struct mr_main_logger **out, const struct mr_config *cfg,
                         el_forward_fn forward, void *ctx)
{
    struct mr_main_logger *m = mr_zalloc(1, sizeof(*m));
    int rc = MR_E_NOMEM;

    if (m) {
        m->cfg = cfg;
        m->forward = forward;
        m->ctx = ctx;
        pthread_mutex_init(&m->changing, NULL);
        pthread_mutex_init(&m->lock, NULL);
        rc = el_logger_start(&m->logger, cfg, forward, ctx);
        if (rc != MR_OK)
            mr_main_logger_free(m);
    }
    *out = rc == MR_OK ? m : NULL;
    return rc;
}

static struct el_logger *exchange(struct mr_main_logger *m, struct el_logger *with)
{
    struct el_logger *was;

    pthread_mutex_lock(&m->lock);
    was = m->logger;
    m->logger = with;
    m->made += with != NULL;
    pthread_mutex_unlock(&m->lock);
    return was;
}

void mr_main_logger_stop(struct mr_main_logger *m)
{
    if (!m)
        return;
    pthread_mutex_lock(&m->changing);
    m->ended = true;
    el_logger_stop(exchange(m, NULL));
    pthread_mutex_unlock(&m->changing);
}

void mr_main_logger_free(struct mr_main_logger *m)
{
    if (!m)
        return;
    mr_main_logger_stop(m);
    pthread_mutex_destroy(&m->changing);
    pthread_mutex_destroy(&m->lock);
    mr_free(m);
}

static uint64_t times_made(struct mr_main_logger *m)
{
    uint64_t n;

    pthread_mutex_lock(&m->lock);
    n = m->made;
    pthread_mutex_unlock(&m->lock);
    return n;
}

int mr_main_logger_restart(void *ctx)
{
    struct mr_main_logger *m = ctx;
    struct el_logger *fresh = NULL;
    uint64_t before = times_made(m);
    int rc = MR_OK;

    pthread_mutex_lock(&m->changing);
    if (m->ended) {
        rc = MR_E_CLOSED;
    } else if (times_made(m) == before) {
        el_logger_stop(exchange(m, NULL));
        rc = el_logger_start(&fresh, m->cfg, m->forward, m->ctx);
        (void)exchange(m, fresh);
        LOG_INFO("logger_restarted", F_STR("outcome", mr_err_text(rc)));
    }
    pthread_mutex_unlock(&m->changing);
    return rc;
}

void mr_main_logger_status(struct mr_main_logger *m, struct el_status *out)
{
    pthread_mutex_lock(&m->lock);
    if (m->logger) {
        el_logger_status(m->logger, out);
    } else {
        *out = (struct el_status){.state = EL_STARTING, .lag_records = -1};
        (void)snprintf(out->group_id, sizeof(out->group_id), "%s", m->cfg->kafka_group);
    }
    pthread_mutex_unlock(&m->lock);
}

void mr_main_logger_json(struct mr_buf *b, void *ctx)
{
    struct el_status s;

    mr_main_logger_status(ctx, &s);
    mr_buf_addf(b, "{\"status\":\"%s\",\"running\":%s,\"group_id\":", state_names[s.state],
                s.state == EL_STOPPED ? "false" : "true");
    mr_json_add_string(b, mr_span_str(s.group_id));
    mr_buf_add_str(b, ",\"assigned\":[");
    for (size_t i = 0; i < s.n_assigned; i++) {
        mr_buf_add_str(b, i > 0 ? ",{\"topic\":" : "{\"topic\":");
        mr_json_add_string(b, mr_span_str(s.assigned[i].topic));
        mr_buf_addf(b, ",\"partition\":%d,\"next_offset\":%lld", s.assigned[i].partition,
                    (long long)s.assigned[i].next_offset);
        add_lag(b, "end_offset",
                s.assigned[i].lag < 0 ? -1 : s.assigned[i].next_offset + s.assigned[i].lag);
        add_lag(b, "lag_records", s.assigned[i].lag);
        mr_buf_add_char(b, '}');
    }
    mr_buf_addf(b, "],\"assigned_count\":%zu", s.n_assigned_all);
    add_lag(b, "lag_records", s.lag_records);
    mr_buf_addf(b, ",\"events_per_second\":%.3f,\"last_error\":", s.events_per_second);
    mr_json_add_string_or_null(b, s.last_error[0] ? mr_span_str(s.last_error) : MR_SPAN_NONE);
    add_time(b, "last_error_at", s.last_error_at_us);
    add_time(b, "last_commit_at", s.last_commit_at_us);
    mr_buf_addf(b,
                ",\"batches\":%llu,\"events\":%llu,\"skipped\":%llu,\"dead_letters\":%llu,"
                "\"offset_resets\":%llu,\"fenced\":%llu",
                (unsigned long long)s.batches, (unsigned long long)s.events,
                (unsigned long long)s.skipped, (unsigned long long)s.dead_letters,
                (unsigned long long)s.offset_resets, (unsigned long long)s.fenced);
    mr_buf_addf(b, ",\"uptime_seconds\":%.3f}",
                s.started_at_us > 0 ? (double)(mr_wall_us() - s.started_at_us) / 1e6 : 0.0);
}

/* ---- millrace logger, ingest -------------------------------------------------------------- */

struct process {
    struct mr_config *cfg;
    int argc;
    char **argv;
    int stop_signals;
    struct el_logger *logger;
    struct mr_worker *worker;
    struct mr_kafka_ingest *kafka_ingest;
};

static void on_signal(uv_signal_t *sig, int signum)
{
    struct process *p = sig->data;

    if (signum == SIGHUP) {
        mr_main_reload(p->cfg, p->argc, p->argv);
        return;
    }
    if (++p->stop_signals > 1)
        _exit(128 + signum);
    LOG_INFO("stopping", F_INT("signal", signum));
    uv_stop(sig->loop);
}

/* The threads do the work; this one waits for a signal, and again while they finish. */
static void on_stopped(uv_work_t *w, int status)
{
    (void)status;
    uv_stop(w->loop);
}

static void stop_work(uv_work_t *w)
{
    struct process *p = w->data;

    if (p->logger)
        el_logger_stop(p->logger);
    mr_worker_free(p->worker);
    mr_kafka_ingest_free(p->kafka_ingest);
}

static void close_handle(uv_handle_t *h, void *arg)
{
    (void)arg;
    if (!uv_is_closing(h))
        uv_close(h, NULL);
}

static int start(struct process *p, bool logger, bool ingest)
{
    int rc = logger ? el_logger_start(&p->logger, p->cfg, NULL, NULL) : MR_OK;

    if (rc != MR_OK) {
        (void)fprintf(stderr, "millrace: the event logger cannot start: %s\n", mr_err_text(rc));
        return rc;
    }
    rc = ingest ? mr_worker_new(&p->worker, p->cfg) : MR_OK;
    if (rc == MR_OK && ingest)
        rc = mr_kafka_ingest_new(&p->kafka_ingest, p->cfg);
    if (rc != MR_OK)
        (void)fprintf(stderr, "millrace: the ingest worker cannot start: %s\n", mr_err_text(rc));
    return rc;
}

int mr_main_workers(struct mr_config *cfg, bool logger, bool ingest, int argc, char **argv)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    struct process process = {.cfg = cfg, .argc = argc, .argv = argv};
    uv_signal_t handles[3];
    uv_work_t stopping = {.data = &process};
    uv_loop_t loop;

    if (start(&process, logger, ingest) != MR_OK)
        return 1;
    uv_loop_init(&loop);
    for (size_t i = 0; i < 3; i++) {
        uv_signal_init(&loop, &handles[i]);
        handles[i].data = &process;
        uv_signal_start(&handles[i], on_signal, signals[i]);
    }
    mr_log_thread("main");
    puts(logger ? "logger started" : "ingest started");
    (void)fflush(stdout);
    uv_run(&loop, UV_RUN_DEFAULT);
    if (uv_queue_work(&loop, &stopping, stop_work, on_stopped) == 0)
        uv_run(&loop, UV_RUN_DEFAULT);
    uv_walk(&loop, close_handle, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return 0;
}
