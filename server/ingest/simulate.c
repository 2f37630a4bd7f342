/* simulate.c - the thread of the bursts. */
#include "ingest/simulate.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/uuid.h"
#include "proto/alloc.h"
#include "proto/json.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHUNK   500 /* messages handed over at once */
#define STEP_MS 50
#define WAKE_MS 10

struct mr_simulator {
    struct mr_queue *queue;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool ending;                              /* {lock} */
    struct mr_burst list[MR_SIMULATE_QUEUED]; /* {lock} the first one is under way */
    size_t n;                                 /* {lock} */
    unsigned seed;
};

static int64_t random_up_to(struct mr_simulator *s, int64_t max)
{
    return 1 + rand_r(&s->seed) % max;
}

static void add_content(struct mr_buf *text, const struct mr_burst *b, int64_t i, const char *time)
{
    const char *from = b->content[0] ? b->content : "Simulation burst #{i} at {time}";

    while (*from) {
        if (strncmp(from, "{i}", 3) == 0) {
            mr_buf_addf(text, "%lld", (long long)i);
            from += 3;
        } else if (strncmp(from, "{n}", 3) == 0) {
            mr_buf_addf(text, "%lld", (long long)b->count);
            from += 3;
        } else if (strncmp(from, "{time}", 6) == 0) {
            mr_buf_add_str(text, time);
            from += 6;
        } else {
            mr_buf_add_char(text, *from++);
        }
    }
}

static int add_message(struct mr_simulator *s, struct mr_queue_item *item, const struct mr_burst *b,
                       int64_t i)
{
    struct mr_buf content = MR_BUF_INIT(65536);
    char id[MR_UUID_TEXT], time[MR_TIME_TEXT];

    mr_uuid_format(mr_uuid7(mr_wall_ms()), id);
    mr_time_format(mr_wall_us(), time);
    add_content(&content, b, i, time);
    mr_buf_addf(&item->text, "{\"id\":\"%s\",\"user_id\":%lld,\"channel_id\":%lld,\"content\":", id,
                (long long)random_up_to(s, 10000), (long long)random_up_to(s, 100));
    mr_json_add_string(&item->text, mr_buf_span(&content));
    mr_buf_addf(&item->text, ",\"created_at\":\"%s\"}", time);
    mr_buf_free(&content);
    return mr_queue_item_end(item);
}

static void told(void *ctx, const struct mr_pushed *what)
{
    (void)ctx;
    if (what->rc != MR_OK)
        LOG_WARN("simulation_lost_messages", F_STR("why", what->why));
}

/* Until the time, or the end of the process. False: the end. */
static bool wait_until(struct mr_simulator *s, uint64_t mono_ms)
{
    bool ending;

    pthread_mutex_lock(&s->lock);
    while (!s->ending && mr_mono_ms() < mono_ms) {
        struct timespec t = mr_wall_in(WAKE_MS);

        pthread_cond_timedwait(&s->wake, &s->lock, &t);
    }
    ending = s->ending;
    pthread_mutex_unlock(&s->lock);
    return !ending;
}

static void run(struct mr_simulator *s, const struct mr_burst *b)
{
    uint64_t from = mr_mono_ms();
    int64_t sent = 0;

    LOG_INFO("simulation_begins", F_INT("messages", b->count), F_INT("ms", b->duration_ms),
             F_STR("by", b->by));
    while (sent < b->count) {
        int64_t gone = (int64_t)(mr_mono_ms() - from), due = b->count;
        struct mr_queue_item *item;
        int rc;

        if (b->duration_ms > 0 && gone < b->duration_ms)
            due = b->count * gone / b->duration_ms;
        if (due > sent + CHUNK)
            due = sent + CHUNK;
        if (due <= sent) {
            if (!wait_until(s, mr_mono_ms() + STEP_MS))
                return;
            continue;
        }
        item = mr_queue_item();
        rc = item ? MR_OK : MR_E_NOMEM;
        while (rc == MR_OK && sent < due)
            rc = add_message(s, item, b, ++sent);
        if (item)
            item->done = told;
        if (rc == MR_OK)
            rc = mr_queue_push(s->queue, item);
        if (rc != MR_OK) {
            mr_queue_item_free(item);
            LOG_WARN("simulation_ended_early", F_STR("why", mr_err_text(rc)), F_INT("sent", sent));
            return;
        }
    }
}

static void *simulator_thread(void *arg)
{
    struct mr_simulator *s = arg;

    mr_log_thread("simulate");
    pthread_mutex_lock(&s->lock);
    while (!s->ending) {
        struct mr_burst one;

        if (s->n == 0) {
            pthread_cond_wait(&s->wake, &s->lock);
            continue;
        }
        one = s->list[0];
        pthread_mutex_unlock(&s->lock);
        run(s, &one);
        pthread_mutex_lock(&s->lock);
        memmove(s->list, s->list + 1, --s->n * sizeof(s->list[0]));
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

int mr_simulator_add(struct mr_simulator *s, const struct mr_burst *burst)
{
    int rc = MR_OK;

    pthread_mutex_lock(&s->lock);
    if (s->ending || s->n == MR_SIMULATE_QUEUED) {
        rc = MR_E_AGAIN;
    } else {
        s->list[s->n++] = *burst;
        pthread_cond_signal(&s->wake);
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}

int mr_simulator_new(struct mr_simulator **out, struct mr_queue *queue)
{
    struct mr_simulator *s = mr_zalloc(1, sizeof(*s));

    if (!s)
        return MR_E_NOMEM;
    s->queue = queue;
    s->seed = (unsigned)mr_wall_ms();
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, NULL);
    if (pthread_create(&s->thread, NULL, simulator_thread, s) != 0) {
        mr_free(s);
        return MR_E_IO;
    }
    *out = s;
    return MR_OK;
}

void mr_simulator_free(struct mr_simulator *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->ending = true;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    mr_free(s);
}
