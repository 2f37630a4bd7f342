/* queue.c - the thread that pushes. */
#include "ingest/queue.h"
#include "base/clock.h"
#include "base/log.h"
#include "ingest/keys.h"
#include "proto/alloc.h"
#include "store/redis.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WAITING_MAX (64u << 20) /* bytes */
#define COMMAND_MAX 1000        /* messages */
#define REDIS_MS    2000
#define LOOK_MS     1000 /* at an idle connection */
#define AWAY_MS     500  /* between two tries */
#define ITEM_MAX    (32u << 20)

struct mr_queue {
    const struct mr_config *cfg;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct mr_queue_item *first, **last; /* {lock} */
    size_t waiting;                      /* {lock} bytes */
    bool ending;                         /* {lock} */
    atomic_bool well;
    struct mr_redis *redis; /* the thread's */
    uint64_t away_ms;
    char why[300];
};

struct mr_queue_item *mr_queue_item(void)
{
    struct mr_queue_item *item = mr_zalloc(1, sizeof(*item));

    if (item)
        mr_buf_init(&item->text, ITEM_MAX);
    return item;
}

void mr_queue_item_free(struct mr_queue_item *item)
{
    if (!item)
        return;
    mr_buf_free(&item->text);
    mr_free(item->ends);
    mr_free(item);
}

int mr_queue_item_end(struct mr_queue_item *item)
{
    if (item->n == item->cap) {
        size_t cap = item->cap ? 2 * item->cap : 1;
        size_t *ends = mr_realloc(item->ends, cap * sizeof(*ends));

        if (!ends)
            return MR_E_NOMEM;
        item->ends = ends;
        item->cap = cap;
    }
    item->ends[item->n++] = item->text.len;
    return mr_buf_err(&item->text);
}

/* ---- pushing ------------------------------------------------------------------------------ */

static int open_redis(struct mr_queue *q)
{
    int rc;

    if (q->redis)
        return MR_OK;
    if (q->away_ms != 0 && mr_mono_ms() - q->away_ms < AWAY_MS)
        return MR_E_UNAVAIL; /* it was asked a moment ago */
    rc = mr_redis_open(&q->redis, q->cfg->redis_url, REDIS_MS, q->why, sizeof(q->why));
    q->away_ms = rc == MR_OK ? 0 : mr_mono_ms();
    if (rc != MR_OK)
        LOG_WARN("queue_away", F_STR("why", q->why));
    return rc == MR_OK ? MR_OK : MR_E_UNAVAIL;
}

/* One command of at most COMMAND_MAX messages. */
struct command {
    struct mr_span args[COMMAND_MAX + 2];
    size_t n;
    size_t sent; /* commands that wait for their reply */
};

static int send_command(struct mr_queue *q, struct command *c)
{
    int rc = MR_OK;

    if (c->n > 2) {
        rc = mr_redis_add(q->redis, c->n, c->args);
        c->sent++;
    }
    c->n = 2;
    return rc;
}

static int add_item(struct mr_queue *q, struct command *c, const struct mr_queue_item *item)
{
    size_t from = 0;
    int rc = MR_OK;

    for (size_t i = 0; i < item->n && rc == MR_OK; i++) {
        c->args[c->n++] = mr_span_of(item->text.ptr + from, item->ends[i] - from);
        from = item->ends[i];
        if (c->n == COMMAND_MAX + 2)
            rc = send_command(q, c);
    }
    return rc;
}

/* Not MR_OK: the connection is of no use any more, unless it is MR_E_CONFLICT. */
static int take_reply(struct mr_queue *q, int type, redisReply **out)
{
    int rc = mr_redis_reply(q->redis, out);

    if (rc != MR_OK) {
        (void)snprintf(q->why, sizeof(q->why), "%s", mr_redis_why(q->redis));
        *out = NULL;
    } else if ((*out)->type != type) {
        const char *said = (*out)->type == REDIS_REPLY_ERROR ? (*out)->str : "an odd reply";

        (void)snprintf(q->why, sizeof(q->why), "Redis: %.200s", said);
        rc = strncmp(said, "WRONGTYPE", 9) == 0 ? MR_E_CONFLICT : MR_E_UNAVAIL;
        freeReplyObject(*out);
        *out = NULL;
    }
    return rc;
}

static int push_all(struct mr_queue *q, struct mr_queue_item *list, int64_t *length)
{
    static const char push[] = "LPUSH";
    struct command *c = mr_zalloc(1, sizeof(*c));
    int rc = c ? MR_OK : MR_E_NOMEM;

    if (rc != MR_OK)
        return rc;
    c->args[0] = mr_span_of(push, sizeof(push) - 1);
    c->args[1] = MR_SPAN(MR_KEY_PENDING);
    c->n = 2;
    for (; list && rc == MR_OK; list = list->next)
        if (list->stream[0] == '\0')
            rc = add_item(q, c, list);
    if (rc == MR_OK)
        rc = send_command(q, c);
    for (size_t i = 0; i < c->sent && rc == MR_OK; i++) {
        redisReply *reply;

        rc = take_reply(q, REDIS_REPLY_INTEGER, &reply);
        if (reply) {
            *length = reply->integer;
            freeReplyObject(reply);
        }
    }
    mr_free(c);
    return rc;
}

/* A command a message: each has its own id. */
static int add_to_stream(struct mr_queue *q, const struct mr_queue_item *item)
{
    char most[24];
    size_t from = 0;
    int rc = MR_OK;

    (void)snprintf(most, sizeof(most), "%lld", (long long)q->cfg->bus_maxlen);
    for (size_t i = 0; i < item->n && rc == MR_OK; i++) {
        const struct mr_span args[] = {
            MR_SPAN("XADD"),   mr_span_str(item->stream),
            MR_SPAN("MAXLEN"), MR_SPAN("~"),
            mr_span_str(most), MR_SPAN("*"),
            MR_SPAN("data"),   mr_span_of(item->text.ptr + from, item->ends[i] - from),
            MR_SPAN("type"),   mr_span_str(item->type)};

        rc = mr_redis_add(q->redis, item->type[0] ? 10 : 8, args);
        from = item->ends[i];
    }
    return rc;
}

static int added_to_stream(struct mr_queue *q, const struct mr_queue_item *item,
                           struct mr_pushed *what)
{
    int rc = MR_OK;

    for (size_t i = 0; i < item->n && (rc == MR_OK || rc == MR_E_CONFLICT); i++) {
        redisReply *reply;

        rc = take_reply(q, REDIS_REPLY_STRING, &reply);
        if (reply) {
            (void)snprintf(what->last_id, sizeof(what->last_id), "%s", reply->str);
            freeReplyObject(reply);
        }
    }
    what->rc = rc == MR_OK || rc == MR_E_CONFLICT ? rc : MR_E_UNAVAIL;
    return what->rc == MR_E_CONFLICT ? MR_OK : rc;
}

static void push_list(struct mr_queue *q, struct mr_queue_item *list)
{
    struct mr_pushed what = {.why = q->why};
    int listed = open_redis(q), rc;

    if (listed == MR_OK)
        listed = push_all(q, list, &what.length);
    rc = listed;
    for (struct mr_queue_item *i = list; i && rc == MR_OK; i = i->next)
        if (i->stream[0])
            rc = add_to_stream(q, i);
    while (list) {
        struct mr_queue_item *next = list->next;

        what.rc = (list->stream[0] ? rc : listed) == MR_OK ? MR_OK : MR_E_UNAVAIL;
        if (rc == MR_OK && list->stream[0])
            rc = added_to_stream(q, list, &what);
        list->done(list->ctx, &what);
        mr_queue_item_free(list);
        list = next;
    }
    if (rc != MR_OK && q->redis) {
        LOG_WARN("queue_broke", F_STR("why", q->why));
        mr_redis_close(q->redis);
        q->redis = NULL;
    }
    atomic_store(&q->well, rc == MR_OK);
}

/* An idle connection that has broken is noticed before the next message comes. */
static void look(struct mr_queue *q)
{
    redisReply *reply = NULL;

    if (open_redis(q) == MR_OK) {
        if (mr_redis_call(q->redis, MR_REDIS_ARGS(MR_SPAN("PING")), &reply) != MR_OK) {
            mr_redis_close(q->redis);
            q->redis = NULL;
        } else {
            freeReplyObject(reply);
        }
    }
    atomic_store(&q->well, q->redis != NULL);
}

static void *queue_thread(void *arg)
{
    struct mr_queue *q = arg;

    mr_log_thread("queue");
    look(q);
    pthread_mutex_lock(&q->lock);
    for (;;) {
        struct mr_queue_item *list = q->first;
        struct timespec until;

        if (list) {
            q->first = NULL;
            q->last = &q->first;
            q->waiting = 0;
            pthread_mutex_unlock(&q->lock);
            push_list(q, list);
            pthread_mutex_lock(&q->lock);
            continue;
        }
        if (q->ending)
            break;
        until = mr_wall_in(LOOK_MS);
        if (pthread_cond_timedwait(&q->more, &q->lock, &until) != 0 && !q->first && !q->ending) {
            pthread_mutex_unlock(&q->lock);
            look(q);
            pthread_mutex_lock(&q->lock);
        }
    }
    pthread_mutex_unlock(&q->lock);
    mr_redis_close(q->redis);
    return NULL;
}

int mr_queue_push(struct mr_queue *q, struct mr_queue_item *item)
{
    int rc = MR_OK;

    item->next = NULL;
    pthread_mutex_lock(&q->lock);
    if (q->ending || q->waiting + item->text.len > WAITING_MAX) {
        rc = MR_E_AGAIN;
    } else {
        q->waiting += item->text.len;
        *q->last = item;
        q->last = &item->next;
        pthread_cond_signal(&q->more);
    }
    pthread_mutex_unlock(&q->lock);
    return rc;
}

bool mr_queue_well(struct mr_queue *q)
{
    return atomic_load(&q->well);
}

int mr_queue_new(struct mr_queue **out, const struct mr_config *cfg)
{
    struct mr_queue *q = mr_zalloc(1, sizeof(*q));

    if (!q)
        return MR_E_NOMEM;
    q->cfg = cfg;
    q->last = &q->first;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->more, NULL);
    if (pthread_create(&q->thread, NULL, queue_thread, q) != 0) {
        mr_free(q);
        return MR_E_IO;
    }
    *out = q;
    return MR_OK;
}

void mr_queue_free(struct mr_queue *q)
{
    if (!q)
        return;
    pthread_mutex_lock(&q->lock);
    q->ending = true;
    pthread_cond_signal(&q->more);
    pthread_mutex_unlock(&q->lock);
    pthread_join(q->thread, NULL);
    pthread_cond_destroy(&q->more);
    pthread_mutex_destroy(&q->lock);
    mr_free(q);
}
