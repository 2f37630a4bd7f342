/* worker.c - the thread. Its round: heartbeat, batches that dead workers have left, a batch of the
 * queue. */
#include "ingest/worker.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/uuid.h"
#include "ingest/keys.h"
#include "proto/alloc.h"
#include "store/messages.h"
#include "store/redis.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#define REDIS_MS     5000
#define WAIT_MS      500  /* for the first message of a batch */
#define ALIVE_MS     5000 /* without a heartbeat a worker is dead */
#define RECLAIM_MS   1000
#define AWAY_MS      300
#define AWAY_MS_MAX  3000
#define STATEMENT_MS 30000
#define RING         64
#define RPS_MS       10000
#define BATCH_TEXT   (64u << 20)

struct mr_worker {
    const struct mr_config *cfg;
    pthread_t thread;
    atomic_bool stopping;
    char id[MR_UUID_TEXT], alive_key[80];
    struct mr_redis *redis;
    struct mr_pg *db;
    uint64_t reclaimed_ms, beat_ms;
    /* current_rps: what the totals were, lately */
    uint64_t at_ms[RING];
    int64_t totals[RING];
    size_t n_totals;
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
    "redis.call('SET', KEYS[4], ARGV[3]) return 1";

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

static int heartbeat(struct mr_worker *w)
{
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

static int done(struct mr_worker *w, const char *key, const struct mr_message_counters *c)
{
    char messages[24], batches[24], rps[32];
    int64_t rate = rate_x100(w, c->messages);

    (void)snprintf(messages, sizeof(messages), "%lld", (long long)c->messages);
    (void)snprintf(batches, sizeof(batches), "%lld", (long long)c->batches);
    (void)snprintf(rps, sizeof(rps), "%lld.%02lld", (long long)rate / 100, (long long)rate % 100);
    return tell(w, MR_REDIS_ARGS(MR_SPAN("EVAL"), MR_SPAN(DONE), MR_SPAN("4"), mr_span_str(key),
                                 MR_SPAN(MR_KEY_MESSAGES), MR_SPAN(MR_KEY_BATCHES),
                                 MR_SPAN(MR_KEY_RPS), mr_span_str(messages), mr_span_str(batches),
                                 mr_span_str(rps)));
}

/* The messages of a batch, as rows and as what cannot be one. */
struct batch {
    const char *id;
    redisReply *list; /* LRANGE: the newest first */
    struct mr_batch_row *rows;
    struct mr_buf json;
};

static struct mr_span text_of(const struct batch *b, size_t at)
{
    const redisReply *one = b->list->element[b->list->elements - 1 - at];

    return mr_span_of(one->str, one->len);
}

/* All of them at once. */
static int store_whole(struct mr_worker *w, struct batch *b, struct mr_message_counters *c)
{
    int rc = MR_OK;

    mr_buf_clear(&b->json);
    mr_buf_add_char(&b->json, '[');
    for (size_t i = 0; i < b->list->elements; i++)
        mr_batch_row(text_of(b, i), b->id, i, &b->rows[i], &b->json);
    mr_buf_add_char(&b->json, ']');
    for (size_t i = 0; i < b->list->elements && rc == MR_OK; i++)
        if (b->rows[i].reason)
            rc = mr_messages_bury(w->db, b->rows[i].ingest_id, text_of(b, i), b->rows[i].reason);
    if (rc == MR_OK)
        rc = mr_buf_err(&b->json);
    return rc == MR_OK ? mr_messages_add(w->db, mr_buf_cstr(&b->json), c) : rc;
}

/* One by one: PostgreSQL says which one it does not take. */
static int store_each(struct mr_worker *w, struct batch *b, struct mr_message_counters *c)
{
    int rc = mr_messages_counters(w->db, c);

    for (size_t i = 0; i < b->list->elements && rc == MR_OK; i++) {
        struct mr_batch_row row;

        mr_buf_clear(&b->json);
        mr_buf_add_char(&b->json, '[');
        mr_batch_row(text_of(b, i), b->id, i, &row, &b->json);
        mr_buf_add_char(&b->json, ']');
        if (!row.reason) {
            rc = mr_pg_run(w->db, "SAVEPOINT one");
            if (rc == MR_OK)
                rc = mr_messages_add(w->db, mr_buf_cstr(&b->json), c);
            if (rc == MR_OK || rc != MR_E_DATA)
                continue;
            row.reason = "PostgreSQL refuses a value of it";
            rc = mr_pg_run(w->db, "ROLLBACK TO one");
        }
        if (rc == MR_OK)
            rc = mr_messages_bury(w->db, row.ingest_id, text_of(b, i), row.reason);
    }
    return rc;
}

static int transaction(struct mr_worker *w, struct batch *b,
                       int (*store)(struct mr_worker *, struct batch *,
                                    struct mr_message_counters *),
                       struct mr_message_counters *c)
{
    int rc = mr_pg_run(w->db, "BEGIN"), end;

    if (rc == MR_OK)
        rc = store(w, b, c);
    end = mr_pg_run(w->db, rc == MR_OK ? "COMMIT" : "ROLLBACK");
    return rc == MR_OK || end != MR_OK ? end : rc;
}

static int open_db(struct mr_worker *w)
{
    const struct mr_pg_options opt = {.url = w->cfg->database_url,
                                      .application = "millrace-ingest",
                                      .connections_max = 1,
                                      .connect_timeout_ms = w->cfg->db_connect_ms,
                                      .statement_timeout_ms = STATEMENT_MS};

    return w->db ? MR_OK : mr_pg_connect(&w->db, &opt);
}

static void rest(struct mr_worker *w, int64_t ms)
{
    uint64_t until = mr_mono_ms() + (uint64_t)ms;

    while (!atomic_load(&w->stopping) && mr_mono_ms() < until)
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
}

/* Until it is stored, however long PostgreSQL is away: the batch stays in Redis, and the heartbeat
 * says that somebody has it. */
static int store(struct mr_worker *w, struct batch *b, struct mr_message_counters *c)
{
    int64_t pause = AWAY_MS;

    for (;;) {
        int rc = open_db(w);

        if (rc == MR_OK)
            rc = transaction(w, b, store_whole, c);
        if (rc == MR_E_DATA)
            rc = transaction(w, b, store_each, c);
        if (rc == MR_OK)
            return rc;
        LOG_WARN("ingest_postgres_away", F_STR("why", mr_err_text(rc)), F_INT("again_ms", pause));
        mr_pg_close(w->db);
        w->db = NULL;
        if (atomic_load(&w->stopping))
            return MR_E_CLOSED;
        rest(w, pause);
        pause = pause * 2 < AWAY_MS_MAX ? pause * 2 : AWAY_MS_MAX;
        rc = heartbeat(w);
        if (rc != MR_OK)
            return rc;
    }
}

static void count(struct mr_worker *w, const struct batch *b)
{
    size_t buried = 0;

    for (size_t i = 0; i < b->list->elements; i++)
        buried += b->rows[i].reason != NULL;
    mr_metric_add(w->batches, 1);
    mr_metric_add(w->buried, buried);
    mr_metric_add(w->stored, b->list->elements - buried);
}

/* key: a batch that is ours; its UUID is its end. */
static int store_batch(struct mr_worker *w, const char *key)
{
    struct batch b = {.id = key + strlen(key) - (MR_UUID_TEXT - 1)};
    struct mr_message_counters c = {0};
    int rc;

    mr_buf_init(&b.json, BATCH_TEXT);
    rc = call(w, MR_REDIS_ARGS(MR_SPAN("LRANGE"), mr_span_str(key), MR_SPAN("0"), MR_SPAN("-1")),
              &b.list);
    if (rc == MR_OK && b.list->elements > 0) {
        b.rows = mr_zalloc(b.list->elements, sizeof(*b.rows));
        rc = b.rows ? store(w, &b, &c) : MR_E_NOMEM;
        if (rc == MR_OK)
            rc = done(w, key, &c);
        if (rc == MR_OK)
            count(w, &b);
    }
    if (b.list)
        freeReplyObject(b.list);
    mr_free(b.rows);
    mr_buf_free(&b.json);
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

/* Redis may be new, or behind: it is told what PostgreSQL knows. */
static int begin(struct mr_worker *w)
{
    struct mr_message_counters c;
    int rc = open_db(w);

    if (rc == MR_OK)
        rc = mr_messages_counters(w->db, &c);
    return rc == MR_OK ? done(w, "millrace:ingest:none", &c) : rc;
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
            rc = begin(w);
    }
    if (rc == MR_OK)
        rc = heartbeat(w);
    if (rc == MR_OK)
        rc = reclaim(w);
    new_key(w, key);
    if (rc == MR_OK)
        rc = take_batch(w, key);
    if (rc == MR_E_NOTFOUND)
        return MR_OK;
    return rc == MR_OK ? store_batch(w, key) : rc;
}

static void *worker_thread(void *arg)
{
    struct mr_worker *w = arg;

    mr_log_thread("ingest");
    while (!atomic_load(&w->stopping)) {
        if (turn(w) == MR_OK)
            continue;
        if (w->db && PQstatus(mr_pg_raw(w->db)) != CONNECTION_OK) {
            mr_pg_close(w->db);
            w->db = NULL;
        }
        rest(w, AWAY_MS);
    }
    if (w->redis) /* whoever comes next need not wait */
        (void)tell(w, MR_REDIS_ARGS(MR_SPAN("DEL"), mr_span_str(w->alive_key)));
    mr_redis_close(w->redis);
    mr_pg_close(w->db);
    return NULL;
}

int mr_worker_new(struct mr_worker **out, const struct mr_config *cfg)
{
    struct mr_worker *w = mr_zalloc(1, sizeof(*w));

    if (!w)
        return MR_E_NOMEM;
    w->cfg = cfg;
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
