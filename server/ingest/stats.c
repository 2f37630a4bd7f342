/* stats.c - the sampler. */
#include "ingest/stats.h"
#include "base/clock.h"
#include "base/log.h"
#include "ingest/keys.h"
#include "proto/alloc.h"
#include "store/redis.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FINE      100  /* of 500 ms: 50 s */
#define COARSE    1440 /* of 60 s: a day */
#define COARSE_MS 60000
#define RPS_MS    10000
#define REDIS_MS  1500

struct sample {
    int64_t wall_us, messages, batches, queue;
    uint64_t mono_ms;
    double rps, latency[4]; /* p50, p95, p99, batch */
    bool known, timed;      /* Redis answered */
};

struct ring {
    struct sample *at;
    size_t size, n; /* n: ever added */
};

struct mr_stats_sampler {
    const struct mr_config *cfg;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool ending;              /* {lock} */
    struct ring fine, coarse; /* {lock} */
    struct mr_redis *redis;
    void (*on_sample)(void *ctx, int64_t messages, int64_t batches, int64_t queue);
    void *ctx;
};

static const struct sample *back(const struct ring *r, size_t i)
{
    return i < r->n && i < r->size ? &r->at[(r->n - 1 - i) % r->size] : NULL;
}

static void push(struct ring *r, const struct sample *s)
{
    r->at[r->n++ % r->size] = *s;
}

static int64_t number(const redisReply *r)
{
    if (r->type == REDIS_REPLY_INTEGER)
        return r->integer;
    return r->type == REDIS_REPLY_STRING ? strtoll(r->str, NULL, 10) : 0;
}

static int ask(struct mr_stats_sampler *s, struct sample *out)
{
    redisReply *totals = NULL, *length = NULL;
    int rc =
        mr_redis_add(s->redis, MR_REDIS_ARGS(MR_SPAN("MGET"), MR_SPAN(MR_KEY_MESSAGES),
                                             MR_SPAN(MR_KEY_BATCHES), MR_SPAN(MR_KEY_LATENCY)));

    if (rc == MR_OK)
        rc = mr_redis_add(s->redis, MR_REDIS_ARGS(MR_SPAN("LLEN"), MR_SPAN(MR_KEY_PENDING)));
    if (rc == MR_OK)
        rc = mr_redis_reply(s->redis, &totals);
    if (rc == MR_OK)
        rc = mr_redis_reply(s->redis, &length);
    if (rc == MR_OK && (totals->type != REDIS_REPLY_ARRAY || totals->elements != 3 ||
                        length->type != REDIS_REPLY_INTEGER))
        rc = MR_E_UNAVAIL;
    if (rc == MR_OK) {
        out->messages = number(totals->element[0]);
        out->batches = number(totals->element[1]);
        out->queue = length->integer;
        if (totals->element[2]->type == REDIS_REPLY_STRING)
            out->timed = sscanf(totals->element[2]->str, "%lf %lf %lf %lf", &out->latency[0],
                                &out->latency[1], &out->latency[2], &out->latency[3]) == 4;
        out->known = true;
    }
    if (totals)
        freeReplyObject(totals);
    if (length)
        freeReplyObject(length);
    return rc;
}

static void take_sample(struct mr_stats_sampler *s)
{
    const struct sample *last, *old = NULL;
    struct sample now = {.wall_us = mr_wall_us(), .mono_ms = mr_mono_ms()};
    char why[300];
    int rc = MR_OK;

    if (!s->redis)
        rc = mr_redis_open(&s->redis, s->cfg->redis_url, REDIS_MS, why, sizeof(why));
    if (rc == MR_OK && ask(s, &now) != MR_OK) {
        mr_redis_close(s->redis);
        s->redis = NULL;
    }
    pthread_mutex_lock(&s->lock);
    last = back(&s->fine, 0);
    if (!now.known && last) { /* what was known last; nothing comes meanwhile */
        now.messages = last->messages;
        now.batches = last->batches;
        now.queue = last->queue;
    }
    for (size_t i = 0; (last = back(&s->fine, i)) && now.mono_ms - last->mono_ms <= RPS_MS; i++)
        if (last->known)
            old = last;
    if (old && now.mono_ms > old->mono_ms && now.messages > old->messages)
        now.rps =
            (double)(now.messages - old->messages) * 1000 / (double)(now.mono_ms - old->mono_ms);
    push(&s->fine, &now);
    last = back(&s->coarse, 0);
    if (!last || now.mono_ms - last->mono_ms >= COARSE_MS)
        push(&s->coarse, &now);
    pthread_mutex_unlock(&s->lock);
    if (now.known && s->on_sample)
        s->on_sample(s->ctx, now.messages, now.batches, now.queue);
}

static void *sampler_thread(void *arg)
{
    struct mr_stats_sampler *s = arg;
    struct timespec next;

    mr_log_thread("sampler");
    clock_gettime(CLOCK_REALTIME, &next);
    pthread_mutex_lock(&s->lock);
    while (!s->ending) {
        pthread_mutex_unlock(&s->lock);
        take_sample(s);
        pthread_mutex_lock(&s->lock);
        next.tv_nsec += MR_STATS_MS * 1000000L;
        if (next.tv_nsec >= 1000000000L) {
            next.tv_sec++;
            next.tv_nsec -= 1000000000L;
        }
        while (!s->ending && pthread_cond_timedwait(&s->wake, &s->lock, &next) == 0)
            ;
    }
    pthread_mutex_unlock(&s->lock);
    mr_redis_close(s->redis);
    return NULL;
}

static void add_sample(struct mr_buf *out, const struct sample *s)
{
    static const char *const timed[4] = {"p50_latency_ms", "p95_latency_ms", "p99_latency_ms",
                                         "batch_ms"};
    char time[MR_TIME_TEXT];

    mr_time_format(s->wall_us, time);
    mr_buf_addf(out,
                "{\"total_messages\":%lld,\"current_rps\":%.2f,\"messages_per_second\":%.2f,"
                "\"queue_depth\":%lld,\"queue_length\":%lld,\"total_batches\":%lld,"
                "\"avg_batch_size\":%.2f,\"timestamp\":\"%s\"",
                (long long)s->messages, s->rps, s->rps, (long long)s->queue, (long long)s->queue,
                (long long)s->batches,
                s->batches > 0 ? (double)s->messages / (double)s->batches : 0.0, time);
    for (size_t i = 0; i < 4; i++) {
        mr_buf_addf(out, ",\"%s\":", timed[i]);
        if (s->timed)
            mr_buf_addf(out, "%.3f", s->latency[i]);
        else
            mr_buf_add_str(out, "null");
    }
    mr_buf_add_char(out, '}');
}

void mr_sampler_json(struct mr_stats_sampler *s, struct mr_buf *out)
{
    const struct sample none = {.wall_us = mr_wall_us()}, *last;

    pthread_mutex_lock(&s->lock);
    last = back(&s->fine, 0);
    add_sample(out, last ? last : &none);
    pthread_mutex_unlock(&s->lock);
}

/* The fine ones, and before them of the coarse ones as many as are asked for beyond. */
void mr_sampler_history(struct mr_stats_sampler *s, size_t points, struct mr_buf *out)
{
    size_t fine, coarse = 0, i = 0;
    const struct sample *oldest, *one;

    mr_buf_add_char(out, '[');
    pthread_mutex_lock(&s->lock);
    fine = s->fine.n < FINE ? s->fine.n : FINE;
    fine = fine < points ? fine : points;
    oldest = fine > 0 ? back(&s->fine, fine - 1) : NULL;
    while (oldest && (one = back(&s->coarse, i)) && fine + coarse < points) {
        coarse += one->mono_ms < oldest->mono_ms;
        i++;
    }
    while (i-- > 0) {
        one = back(&s->coarse, i);
        if (one->mono_ms >= oldest->mono_ms)
            continue;
        if (out->ptr[out->len - 1] != '[')
            mr_buf_add_char(out, ',');
        add_sample(out, one);
    }
    for (size_t k = fine; k-- > 0;) {
        if (out->ptr[out->len - 1] != '[')
            mr_buf_add_char(out, ',');
        add_sample(out, back(&s->fine, k));
    }
    pthread_mutex_unlock(&s->lock);
    mr_buf_add_char(out, ']');
}

int mr_sampler_new(struct mr_stats_sampler **out, const struct mr_config *cfg,
                   void (*on_sample)(void *ctx, int64_t messages, int64_t batches, int64_t queue),
                   void *ctx)
{
    struct mr_stats_sampler *s = mr_zalloc(1, sizeof(*s));

    if (!s)
        return MR_E_NOMEM;
    s->cfg = cfg;
    s->on_sample = on_sample;
    s->ctx = ctx;
    s->fine = (struct ring){.at = mr_zalloc(FINE, sizeof(struct sample)), .size = FINE};
    s->coarse = (struct ring){.at = mr_zalloc(COARSE, sizeof(struct sample)), .size = COARSE};
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, NULL);
    if (!s->fine.at || !s->coarse.at || pthread_create(&s->thread, NULL, sampler_thread, s) != 0) {
        mr_free(s->fine.at);
        mr_free(s->coarse.at);
        mr_free(s);
        return MR_E_NOMEM;
    }
    *out = s;
    return MR_OK;
}

void mr_sampler_free(struct mr_stats_sampler *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->ending = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    mr_free(s->fine.at);
    mr_free(s->coarse.at);
    mr_free(s);
}
