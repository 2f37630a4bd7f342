/* health.c - one thread a probe, one lock for the answers. An answer that is much older than it
 * should be is not passed off as news: the probe hangs, and that is said. */
#include "api/health.h"
#include "base/clock.h"
#include "base/log.h"
#include "proto/alloc.h"
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define LATE_MS      10000 /* beyond its interval: the probe itself hangs */
#define SHOWN_FOR_MS 100

enum state { UNKNOWN, UP, DOWN, OFF };
static const char *const state_names[] = {"unknown", "up", "down", "off"};

struct watch {
    struct mr_health *health;
    struct mr_probe probe;
    pthread_t thread;
    bool started;
    enum state state; /* {lock} and what follows */
    struct mr_probe_result last;
    int64_t at_us;              /* Unix time of the answer */
    char at_text[MR_TIME_TEXT]; /* the same, as it is shown */
    uint64_t at_ms;             /* monotonic */
    uint64_t took_us;
};

struct mr_health {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool closing, stopping; /* {lock} */
    unsigned version;       /* {lock} grows with each answer */
    /* {lock} What was last shown, for those who ask again within a moment. */
    struct mr_buf shown;
    uint64_t shown_ms;
    unsigned shown_version;
    struct watch watches[MR_HEALTH_PROBES_MAX];
    size_t n;
    mr_health_fn tell;
    void *ctx;
};

static void keep(struct watch *w, int rc, const struct mr_probe_result *r, uint64_t from_us)
{
    enum state state = DOWN, old;

    if (rc == MR_OK)
        state = UP;
    else if (rc == MR_E_END || rc == MR_E_AGAIN)
        state = rc == MR_E_END ? OFF : UNKNOWN;
    pthread_mutex_lock(&w->health->lock);
    old = w->state;
    w->health->version++;
    w->state = state;
    w->last = *r;
    w->at_us = mr_wall_us();
    mr_time_format(w->at_us, w->at_text);
    w->at_ms = mr_mono_ms();
    w->took_us = mr_mono_us() - from_us;
    pthread_mutex_unlock(&w->health->lock);
    if (state == DOWN && old != DOWN)
        LOG_WARN("dependency_down", F_STR("name", w->probe.name), F_STR("why", r->detail));
    if (state == UP && old == DOWN)
        LOG_INFO("dependency_up", F_STR("name", w->probe.name));
    if (w->health->tell && ((state == DOWN && old != DOWN) || (state == UP && old == DOWN)))
        w->health->tell(w->health->ctx, w->probe.name, state == UP, r->detail);
}

static void *watch_run(void *arg)
{
    struct watch *w = arg;
    struct mr_health *h = w->health;
    bool closing = false;

    mr_log_thread("health");
    while (!closing) {
        struct mr_probe_result r = {.figure = -1};
        uint64_t from = mr_mono_us(), pause;
        struct timespec until;
        int rc = w->probe.ask(w->probe.ctx, &r);

        keep(w, rc, &r, from);
        pause = rc == MR_OK || rc == MR_E_END ? w->probe.every_ms : w->probe.every_ms / 3;
        if (pause < 300)
            pause = 300;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += (time_t)(pause / 1000);
        until.tv_nsec += (long)(pause % 1000) * 1000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
        pthread_mutex_lock(&h->lock);
        while (!h->closing && pthread_cond_timedwait(&h->wake, &h->lock, &until) == 0)
            ;
        closing = h->closing;
        pthread_mutex_unlock(&h->lock);
    }
    return NULL;
}

int mr_health_new(struct mr_health **out, const struct mr_probe *probes, size_t n,
                  mr_health_fn tell, void *ctx)
{
    struct mr_health *h = mr_zalloc(1, sizeof(*h));
    pthread_condattr_t attr;

    if (!h)
        return MR_E_NOMEM;
    h->tell = tell;
    h->ctx = ctx;
    mr_buf_init(&h->shown, 65536);
    pthread_mutex_init(&h->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&h->wake, &attr);
    pthread_condattr_destroy(&attr);
    for (size_t i = 0; i < n && i < MR_HEALTH_PROBES_MAX; i++) {
        struct watch *w = &h->watches[h->n++];

        w->health = h;
        w->probe = probes[i];
        w->last.figure = -1;
        w->at_ms = mr_mono_ms();
        if (pthread_create(&w->thread, NULL, watch_run, w) != 0) {
            mr_health_free(h);
            return MR_E_IO;
        }
        w->started = true;
    }
    *out = h;
    return MR_OK;
}

void mr_health_stopping(struct mr_health *h)
{
    pthread_mutex_lock(&h->lock);
    h->stopping = true;
    h->version++;
    pthread_mutex_unlock(&h->lock);
}

static bool is_late(const struct watch *w)
{
    return mr_mono_ms() - w->at_ms > w->probe.every_ms + LATE_MS;
}

static void write_watch(struct mr_buf *out, const struct watch *w)
{
    enum state state = is_late(w) ? DOWN : w->state;

    mr_buf_addf(out, "\"%s\":{\"status\":\"%s\"", w->probe.name, state_names[state]);
    if (w->at_us > 0)
        mr_buf_addf(out, ",\"latency_ms\":%llu.%03llu,\"checked_at\":\"%s\"",
                    (unsigned long long)(w->took_us / 1000),
                    (unsigned long long)(w->took_us % 1000), w->at_text);
    if (is_late(w)) {
        mr_buf_add_str(out, ",\"detail\":\"it does not answer\"");
    } else if (w->last.detail[0]) {
        mr_buf_add_str(out, ",\"detail\":");
        mr_json_add_string(out, mr_span_str(w->last.detail));
    }
    mr_buf_add_char(out, '}');
}

/* {lock} */
static void write_all(const struct mr_health *h, uint64_t uptime_ms, struct mr_buf *out)
{
    bool degraded = false;
    int64_t figure = -1;

    for (size_t i = 0; i < h->n; i++) {
        if (h->watches[i].state == DOWN || is_late(&h->watches[i]))
            degraded = true;
        if (h->watches[i].state == UP && h->watches[i].last.figure >= 0)
            figure = h->watches[i].last.figure;
    }
    mr_buf_addf(out, "{\"status\":\"%s\",\"queue_length\":",
                h->stopping ? "stopping"
                : degraded  ? "degraded"
                            : "ok");
    if (figure >= 0)
        mr_buf_add_i64(out, figure);
    else
        mr_buf_add_str(out, "null");
    mr_buf_add_str(out, ",\"checks\":{");
    for (size_t i = 0; i < h->n; i++) {
        if (i > 0)
            mr_buf_add_char(out, ',');
        write_watch(out, &h->watches[i]);
    }
    mr_buf_addf(out, "},\"version\":\"%s\",\"uptime_seconds\":%llu.%03llu}", MILLRACE_VERSION,
                (unsigned long long)(uptime_ms / 1000), (unsigned long long)(uptime_ms % 1000));
}

int mr_health_write(struct mr_health *h, uint64_t uptime_ms, struct mr_buf *out)
{
    bool stopping;

    pthread_mutex_lock(&h->lock);
    stopping = h->stopping;
    if (h->shown.len == 0 || h->shown_version != h->version ||
        uptime_ms - h->shown_ms >= SHOWN_FOR_MS) {
        mr_buf_clear(&h->shown);
        write_all(h, uptime_ms, &h->shown);
        h->shown_ms = uptime_ms;
        h->shown_version = h->version;
    }
    mr_buf_add_span(out, mr_buf_span(&h->shown));
    pthread_mutex_unlock(&h->lock);
    return stopping ? 503 : 200;
}

bool mr_health_ready(struct mr_health *h, char *detail, size_t size)
{
    bool ready = true;

    pthread_mutex_lock(&h->lock);
    if (h->stopping) {
        ready = false;
        (void)snprintf(detail, size, "The server is shutting down.");
    }
    for (size_t i = 0; i < h->n && ready; i++) {
        const struct watch *w = &h->watches[i];

        if (!w->probe.required || (w->state == UP && !is_late(w)))
            continue;
        ready = false;
        (void)snprintf(detail, size, "%s is %s%s%s", w->probe.name,
                       is_late(w) ? "not answering" : state_names[w->state],
                       w->last.detail[0] ? ": " : "", w->last.detail);
    }
    pthread_mutex_unlock(&h->lock);
    return ready;
}

bool mr_health_down(struct mr_health *h, const char *name, char *detail, size_t size)
{
    bool down = false;

    pthread_mutex_lock(&h->lock);
    for (size_t i = 0; i < h->n && !down; i++) {
        const struct watch *w = &h->watches[i];

        down = strcmp(w->probe.name, name) == 0 && w->state == DOWN;
        if (down)
            (void)snprintf(detail, size, "%s", w->last.detail);
    }
    pthread_mutex_unlock(&h->lock);
    return down;
}

void mr_health_free(struct mr_health *h)
{
    if (!h)
        return;
    pthread_mutex_lock(&h->lock);
    h->closing = true;
    pthread_cond_broadcast(&h->wake);
    pthread_mutex_unlock(&h->lock);
    for (size_t i = 0; i < h->n; i++)
        if (h->watches[i].started)
            pthread_join(h->watches[i].thread, NULL);
    pthread_cond_destroy(&h->wake);
    pthread_mutex_destroy(&h->lock);
    mr_buf_free(&h->shown);
    mr_free(h);
}
