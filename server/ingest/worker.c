/* worker.c - the thread. Its round: heartbeat, batches that dead workers have left, a batch of the
 * queue. */
#include "ingest/worker.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/uuid.h"
#include "ingest/keys.h"
#include "ingest/latency.h"
#include "ingest/store.h"
#include "proto/alloc.h"
#include "store/redis.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#define REDIS_MS   5000
#define WAIT_MS    500  /* for the first message of a batch */
#define ALIVE_MS   5000 /* without a heartbeat a worker is dead */
#define RECLAIM_MS 1000
#define AWAY_MS    300
#define RING       64
#define TELL_MS    1000
#define RPS_MS     10000

struct mr_worker {
    const struct mr_config *cfg;
    pthread_t thread;
    atomic_bool stopping;
    char id[MR_UUID_TEXT], alive_key[80];
    struct mr_redis *redis;
    struct mr_ingest_store store;
    uint64_t reclaimed_ms, beat_ms, told_ms;
    /* current_rps: what the totals were, lately */
    uint64_t at_ms[RING];
    int64_t totals[RING];
    size_t n_totals;
    struct mr_latencies latencies;
    struct mr_metric *stored, *buried, *batches, *reclaimed;
};

/* Move up to ARGV[1] more messages into the batch. */
static const char TAKE[] =
    "local n = 0 while n < tonumber(ARGV[1]) and "
    "redis.call('LMOVE', KEYS[1], KEYS[2], 'RIGHT', 'LEFT') do n = n + 1 end "
    "return n";
/* The batch is stored; totals only grow, whoever says them last. */
static const char DONE[] =
    "redis.call('DEL', KEYS[1]) for i = 2, 3 do if tonumber(redis.call('GET', KEYS[i]) or '-1') < "
    "tonumber(ARGV[i - 1]) then redis.call('SET', KEYS[i], ARGV[i - 1]) end end "
    "redis.call('SET', KEYS[4], ARGV[3]) "
    "if ARGV[4] ~= '' then redis.call('SET', KEYS[5], ARGV[4], 'PX', 60000) end return 1";

/* ---- Redis -------------------------------------------------------------------------------- */

static int broke(struct mr_worker *w, int rc)
{
    LOG_WARN("ingest_redis_away", F_STR("why", mr_redis_why(w->redis)));
    mr_redis_close(w->redis);
    w->redis = NULL;
    return rc;
}

/* A command whose reply is freed by the caller. An error reply breaks the connection: what it means
 * (READONLY after a failover, LOADING, OOM) is mended by asking anew. */
static int call(struct mr_worker *w, size_t n, const struct mr_span *args, redisReply **out)
{
    int rc = mr_redis_call(w->redis, n, args, out);

    if (rc != MR_OK)
        return broke(w, rc);
    if ((*out)->type == REDIS_REPLY_ERROR) {
        LOG_WARN("ingest_redis_error", F_STR("why", (*out)->str));
        freeReplyObject(*out);
        *out = NULL;
        mr_redis_close(w->redis);
        w->redis = NULL;
        return MR_E_UNAVAIL;
    }
    return MR_OK;
}

static int tell(struct mr_worker *w, size_t n, const struct mr_span *args)
{
    redisReply *reply = NULL;
    int rc = call(w, n, args, &reply);

    if (reply)
        freeReplyObject(reply);
    return rc;
}

static int heartbeat(void *worker)
{
    struct mr_worker *w = worker;
    uint64_t now = mr_mono_ms();
    char ms[24];
    int rc;

    if (w->beat_ms != 0 && now - w->beat_ms < ALIVE_MS / 5)
        return MR_OK;
    (void)snprintf(ms, sizeof(ms), "%d", ALIVE_MS);
    rc = tell(w, MR_REDIS_ARGS(MR_SPAN("SET"), mr_span_str(w->alive_key), MR_SPAN("1"),
                               MR_SPAN("PX"), mr_span_str(ms)));
    if (rc == MR_OK)
        w->beat_ms = now;
    return rc;
}

/* ---- storing ------------------------------------------------------------------------------ */

static int64_t rate_x100(struct mr_worker *w, int64_t total)
{
    uint64_t now = mr_mono_ms(), from = now;
    int64_t base = total;

    w->at_ms[w->n_totals % RING] = now;
    w->totals[w->n_totals++ % RING] = total;
    for (size_t i = 1; i <= RING && i <= w->n_totals; i++) {
        size_t at = (w->n_totals - i) % RING;

        if (now - w->at_ms[at] > RPS_MS)
            break;
        from = w->at_ms[at];
        base = w->totals[at];
    }
    return now > from ? (total - base) * 100000 / (int64_t)(now - from) : 0;
}

/* batch_us: that it took; 0: nothing was stored. */
static int done(struct mr_worker *w, const char *key, const struct mr_message_counters *c,
                uint64_t batch_us)
{
    char messages[24], batches[24], rps[32], latency[100] = "";
    uint32_t p[3];
    int64_t rate = rate_x100(w, c->messages);

    w->told_ms = mr_mono_ms();
    (void)snprintf(messages, sizeof(messages), "%lld", (long long)c->messages);
    (void)snprintf(batches, sizeof(batches), "%lld", (long long)c->batches);
    (void)snprintf(rps, sizeof(rps), "%lld.%02lld", (long long)rate / 100, (long long)rate % 100);
    if (batch_us > 0 && mr_latency_percentiles(&w->latencies, p))
        (void)snprintf(latency, sizeof(latency), "%u %u %u %llu.%03llu", p[0], p[1], p[2],
                       (unsigned long long)batch_us / 1000, (unsigned long long)batch_us % 1000);
    return tell(w,
                MR_REDIS_ARGS(MR_SPAN("EVAL"), MR_SPAN(DONE), MR_SPAN("5"), mr_span_str(key),
                              MR_SPAN(MR_KEY_MESSAGES), MR_SPAN(MR_KEY_BATCHES),
                              MR_SPAN(MR_KEY_RPS), MR_SPAN(MR_KEY_LATENCY), mr_span_str(messages),
                              mr_span_str(batches), mr_span_str(rps), mr_span_str(latency)));
}

static int store(struct mr_worker *w, const char *key, const redisReply *list)
{
    size_t n = list->elements, buried = 0;
    struct mr_span *texts = mr_zalloc(n, sizeof(*texts));
    char(*ids)[MR_INGEST_ID] = mr_zalloc(n, sizeof(*ids));
    const struct mr_ingest_batch b = {n, texts, (const char(*)[MR_INGEST_ID])ids};
    struct mr_message_counters c = {0};
    uint64_t from = mr_mono_us();
    int64_t now;
    int rc = texts && ids ? MR_OK : MR_E_NOMEM;

    for (size_t i = 0; i < n && rc == MR_OK; i++) {
        const redisReply *one = list->element[n - 1 - i]; /* the newest comes first */

        texts[i] = mr_span_of(one->str, one->len);
        mr_batch_id(key + strlen(key) - (MR_UUID_TEXT - 1), i, ids[i]);
    }
    if (rc == MR_OK)
        rc = mr_ingest_store(&w->store, &b, &c, &buried);
    now = mr_wall_ms();
    for (size_t i = 0; i < n && rc == MR_OK; i++)
        mr_latency_add(&w->latencies, texts[i], now);
    if (rc == MR_OK)
        rc = done(w, key, &c, mr_mono_us() - from);
    if (rc == MR_OK) {
        mr_metric_add(w->batches, 1);
        mr_metric_add(w->buried, buried);
        mr_metric_add(w->stored, n - buried);
    }
    mr_free(texts);
    mr_free(ids);
    return rc;
}

/* key: a batch that is ours; its UUID is its end. */
static int store_batch(struct mr_worker *w, const char *key)
{
    redisReply *list = NULL;
    int rc = call(
        w, MR_REDIS_ARGS(MR_SPAN("LRANGE"), mr_span_str(key), MR_SPAN("0"), MR_SPAN("-1")), &list);

    if (rc == MR_OK && list->elements > 0)
        rc = store(w, key, list);
    if (list)
        freeReplyObject(list);
    return rc;
}

/* ---- the queue ---------------------------------------------------------------------------- */

/* Wait for a message, then for as many more as come within the time. MR_E_NOTFOUND: there is none.
 */
static int take_batch(struct mr_worker *w, const char *key)
{
    uint64_t since;
    int64_t n = 1;
    redisReply *reply = NULL;
    char seconds[16], more[24];
    int rc;

    (void)snprintf(seconds, sizeof(seconds), "%d.%03d", WAIT_MS / 1000, WAIT_MS % 1000);
    rc = call(w,
              MR_REDIS_ARGS(MR_SPAN("BLMOVE"), MR_SPAN(MR_KEY_PENDING), mr_span_str(key),
                            MR_SPAN("RIGHT"), MR_SPAN("LEFT"), mr_span_str(seconds)),
              &reply);
    if (rc != MR_OK)
        return rc;
    if (reply->type != REDIS_REPLY_STRING)
        rc = MR_E_NOTFOUND;
    freeReplyObject(reply);
    since = mr_mono_ms();
    while (rc == MR_OK && n < w->cfg->ingest_batch) {
        uint64_t gone = mr_mono_ms() - since;
        int64_t left = w->cfg->ingest_flush_ms - (int64_t)gone;

        (void)snprintf(more, sizeof(more), "%lld", (long long)(w->cfg->ingest_batch - n));
        rc = call(w,
                  MR_REDIS_ARGS(MR_SPAN("EVAL"), MR_SPAN(TAKE), MR_SPAN("2"),
                                MR_SPAN(MR_KEY_PENDING), mr_span_str(key), mr_span_str(more)),
                  &reply);
        if (rc != MR_OK)
            return rc;
        n += reply->integer;
        freeReplyObject(reply);
        if (n >= w->cfg->ingest_batch || left <= 0 || atomic_load(&w->stopping))
            break;
        nanosleep(&(struct timespec){.tv_nsec = (left < 20 ? left : 20) * 1000000L}, NULL);
    }
    return rc;
}

static void new_key(const struct mr_worker *w, char key[160])
{
    char batch[MR_UUID_TEXT];

    mr_uuid_format(mr_uuid7(mr_wall_ms()), batch);
    (void)snprintf(key, 160, MR_KEY_BATCH "%s:%s", w->id, batch);
}

/* ---- what others have left ---------------------------------------------------------------- */

static int is_alive(struct mr_worker *w, const char *key, bool *alive)
{
    redisReply *reply = NULL;
    char worker[80];
    int rc;

    (void)snprintf(worker, sizeof(worker), MR_KEY_WORKER "%.36s", key + strlen(MR_KEY_BATCH));
    rc = call(w, MR_REDIS_ARGS(MR_SPAN("EXISTS"), mr_span_str(worker)), &reply);
    *alive = rc == MR_OK && reply->integer > 0;
    if (reply)
        freeReplyObject(reply);
    return rc;
}

/* Its name becomes one of ours, the batch's UUID stays. Only one of two that try succeeds. */
static int take_over(struct mr_worker *w, const char *key)
{
    redisReply *reply = NULL;
    char ours[160];
    int rc;

    (void)snprintf(ours, sizeof(ours), MR_KEY_BATCH "%s:%s", w->id,
                   key + strlen(key) - (MR_UUID_TEXT - 1));
    rc = mr_redis_call(
        w->redis, MR_REDIS_ARGS(MR_SPAN("RENAMENX"), mr_span_str(key), mr_span_str(ours)), &reply);
    if (rc != MR_OK)
        return broke(w, rc);
    if (reply->type == REDIS_REPLY_INTEGER && reply->integer == 1) {
        LOG_INFO("batch_taken_over", F_STR("batch", ours));
        mr_metric_add(w->reclaimed, 1);
        rc = store_batch(w, ours);
    }
    freeReplyObject(reply);
    return rc;
}

static int look_at(struct mr_worker *w, const char *key)
{
    bool alive = true, ours;
    int rc = MR_OK;

    if (strlen(key) != strlen(MR_KEY_BATCH) + 36 + 1 + 36)
        return MR_OK;
    ours = strncmp(key + strlen(MR_KEY_BATCH), w->id, 36) == 0;
    if (ours) /* of a time when Redis or PostgreSQL went away in the middle */
        return store_batch(w, key);
    rc = is_alive(w, key, &alive);
    return rc == MR_OK && !alive ? take_over(w, key) : rc;
}

static int reclaim(struct mr_worker *w)
{
    char cursor[32] = "0";
    int rc = MR_OK;

    if (w->reclaimed_ms != 0 && mr_mono_ms() - w->reclaimed_ms < RECLAIM_MS)
        return MR_OK;
    w->reclaimed_ms = mr_mono_ms();
    do {
        redisReply *reply = NULL;

        rc = call(w,
                  MR_REDIS_ARGS(MR_SPAN("SCAN"), mr_span_str(cursor), MR_SPAN("MATCH"),
                                MR_SPAN(MR_KEY_BATCH "*"), MR_SPAN("COUNT"), MR_SPAN("1000")),
                  &reply);
        if (rc != MR_OK)
            return rc;
        (void)snprintf(cursor, sizeof(cursor), "%s", reply->element[0]->str);
        for (size_t i = 0; i < reply->element[1]->elements && rc == MR_OK; i++)
            rc = look_at(w, reply->element[1]->element[i]->str);
        freeReplyObject(reply);
    } while (rc == MR_OK && strcmp(cursor, "0") != 0 && !atomic_load(&w->stopping));
    return rc;
}

/* ---- the thread --------------------------------------------------------------------------- */

/* Redis may be new, or behind (others store, too): it is told what PostgreSQL knows. */
static int tell_totals(struct mr_worker *w)
{
    struct mr_message_counters c;
    int rc = mr_ingest_open(&w->store);

    if (rc == MR_OK)
        rc = mr_messages_counters(w->store.db, &c);
    return rc == MR_OK ? done(w, "millrace:ingest:none", &c, 0) : rc;
}

static int turn(struct mr_worker *w)
{
    char key[160], why[300];
    int rc = MR_OK;

    if (!w->redis) {
        rc = mr_redis_open(&w->redis, w->cfg->redis_url, REDIS_MS, why, sizeof(why));
        if (rc != MR_OK) {
            LOG_WARN("ingest_redis_away", F_STR("why", why));
            return rc;
        }
        w->beat_ms = w->reclaimed_ms = 0;
        rc = heartbeat(w);
        if (rc == MR_OK)
            rc = tell_totals(w);
    }
    if (rc == MR_OK)
        rc = heartbeat(w);
    if (rc == MR_OK)
        rc = reclaim(w);
    new_key(w, key);
    if (rc == MR_OK)
        rc = take_batch(w, key);
    if (rc == MR_E_NOTFOUND)
        return mr_mono_ms() - w->told_ms < TELL_MS ? MR_OK : tell_totals(w);
    return rc == MR_OK ? store_batch(w, key) : rc;
}

static void *worker_thread(void *arg)
{
    struct mr_worker *w = arg;

    mr_log_thread("ingest");
    while (!atomic_load(&w->stopping)) {
        if (turn(w) == MR_OK)
            continue;
        mr_ingest_close(&w->store);
        mr_ingest_rest(&w->stopping, AWAY_MS);
    }
    if (w->redis) /* whoever comes next need not wait */
        (void)tell(w, MR_REDIS_ARGS(MR_SPAN("DEL"), mr_span_str(w->alive_key)));
    mr_redis_close(w->redis);
    mr_ingest_close(&w->store);
    return NULL;
}

int mr_worker_new(struct mr_worker **out, const struct mr_config *cfg)
{
    struct mr_worker *w = mr_zalloc(1, sizeof(*w));

    if (!w)
        return MR_E_NOMEM;
    w->cfg = cfg;
    w->store = (struct mr_ingest_store){.cfg = cfg,
                                        .application = "millrace-ingest",
                                        .stopping = &w->stopping,
                                        .tick = heartbeat,
                                        .ctx = w};
    mr_uuid_format(mr_uuid7(mr_wall_ms()), w->id);
    (void)snprintf(w->alive_key, sizeof(w->alive_key), MR_KEY_WORKER "%s", w->id);
    w->stored = mr_metric_counter("millrace_ingest_messages_total", "messages stored", NULL);
    w->buried = mr_metric_counter("millrace_ingest_dead_letters_total",
                                  "messages that no table takes", NULL);
    w->batches = mr_metric_counter("millrace_ingest_batches_total", "batches stored", NULL);
    w->reclaimed = mr_metric_counter("millrace_ingest_batches_reclaimed_total",
                                     "batches taken over from a worker that died", NULL);
    if (pthread_create(&w->thread, NULL, worker_thread, w) != 0) {
        mr_free(w);
        return MR_E_IO;
    }
    *out = w;
    return MR_OK;
}

void mr_worker_free(struct mr_worker *w)
{
    if (!w)
        return;
    atomic_store(&w->stopping, true);
    pthread_join(w->thread, NULL);
    mr_free(w);
}
