/* activity.c - the thread that writes, and the eye on the ingestion. */
#include "feeds/activity.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "proto/alloc.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define KEPT_MAX     1000
#define STATEMENT_MS 5000
#define AWAY_MS      1000
#define TRIM_MS      600000
#define QUIET        4 /* samples without a message: the burst is over */

struct entry {
    struct entry *next;
    char kind[16], outcome[16], message[400], details[400], ref[100];
};

struct mr_activity {
    const struct mr_config *cfg;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct entry *first, **last; /* {lock} */
    size_t n;                    /* {lock} */
    bool ending;                 /* {lock} */
    struct mr_pg *db;
    uint64_t trimmed_ms;
    struct mr_metric *persisted, *failed;
    /* the sampler's */
    bool known;
    int64_t messages, batches, from_messages, from_batches;
    unsigned quiet;
    uint64_t since_ms, moved_ms;
};

static int write_one(struct mr_activity *a, const struct entry *e)
{
    const struct mr_pg_options opt = {.url = a->cfg->database_url,
                                      .application = "millrace-activity",
                                      .connections_max = 1,
                                      .connect_timeout_ms = a->cfg->db_connect_ms,
                                      .statement_timeout_ms = STATEMENT_MS};
    const struct mr_activity_entry row = {e->kind, e->outcome, e->message, e->details,
                                          e->ref[0] ? e->ref : NULL};
    int rc = a->db ? MR_OK : mr_pg_connect(&a->db, &opt);

    if (rc == MR_OK)
        rc = mr_activity_add(a->db, &row);
    if (rc == MR_OK && mr_mono_ms() - a->trimmed_ms >= TRIM_MS) {
        rc = mr_activity_trim(a->db);
        a->trimmed_ms = mr_mono_ms();
    }
    if (rc != MR_OK && rc != MR_E_DATA) {
        mr_pg_close(a->db);
        a->db = NULL;
    }
    return rc;
}

/* {lock} */
static void drop_first(struct mr_activity *a)
{
    struct entry *e = a->first;

    a->first = e->next;
    if (!a->first)
        a->last = &a->first;
    a->n--;
    mr_free(e);
}

static void *activity_thread(void *arg)
{
    struct mr_activity *a = arg;

    mr_log_thread("activity");
    pthread_mutex_lock(&a->lock);
    for (;;) {
        struct timespec until;
        struct entry copy;
        int rc;

        while (!a->first && !a->ending)
            pthread_cond_wait(&a->more, &a->lock);
        if (!a->first)
            break;
        copy = *a->first;
        pthread_mutex_unlock(&a->lock);
        rc = write_one(a, &copy);
        pthread_mutex_lock(&a->lock);
        if (rc == MR_OK || rc == MR_E_DATA) {
            mr_metric_add(rc == MR_OK ? a->persisted : a->failed, 1);
            drop_first(a);
            continue;
        }
        if (a->ending) /* it will not be there in time */
            break;
        until = mr_wall_in(AWAY_MS);
        (void)pthread_cond_timedwait(&a->more, &a->lock, &until);
    }
    mr_metric_add(a->failed, a->n);
    while (a->first)
        drop_first(a);
    pthread_mutex_unlock(&a->lock);
    mr_pg_close(a->db);
    return NULL;
}

void mr_activity_note(struct mr_activity *a, const struct mr_activity_entry *e)
{
    struct entry *copy = a ? mr_zalloc(1, sizeof(*copy)) : NULL;

    if (!copy)
        return;
    (void)snprintf(copy->kind, sizeof(copy->kind), "%s", e->kind);
    (void)snprintf(copy->outcome, sizeof(copy->outcome), "%s", e->outcome);
    (void)snprintf(copy->message, sizeof(copy->message), "%s", e->message);
    (void)snprintf(copy->details, sizeof(copy->details), "%s", e->details ? e->details : "{}");
    (void)snprintf(copy->ref, sizeof(copy->ref), "%s", e->ref ? e->ref : "");
    pthread_mutex_lock(&a->lock);
    if (a->n < KEPT_MAX) {
        *a->last = copy;
        a->last = &copy->next;
        a->n++;
        copy = NULL;
        pthread_cond_signal(&a->more);
    }
    pthread_mutex_unlock(&a->lock);
    if (copy)
        mr_metric_add(a->failed, 1);
    mr_free(copy);
}

/* ---- the ingestion ------------------------------------------------------------------------ */

static void note_burst(struct mr_activity *a)
{
    int64_t messages = a->messages - a->from_messages, batches = a->batches - a->from_batches;
    int64_t ms = (int64_t)(a->moved_ms - a->since_ms);
    char message[200], details[200], ref[100];

    (void)snprintf(message, sizeof(message), "%lld message%s stored in %lld batch%s",
                   (long long)messages, messages == 1 ? "" : "s", (long long)batches,
                   batches == 1 ? "" : "es");
    (void)snprintf(
        details, sizeof(details),
        "{\"messages\":%lld,\"batches\":%lld,\"duration_ms\":%lld,\"total_messages\":%lld}",
        (long long)messages, (long long)batches, (long long)ms, (long long)a->messages);
    (void)snprintf(ref, sizeof(ref), "ingestion:%lld", (long long)a->messages);
    mr_activity_note(a, &(struct mr_activity_entry){.kind = "ingestion",
                                                    .outcome = "success",
                                                    .message = message,
                                                    .details = details,
                                                    .ref = ref});
}

void mr_activity_ingested(struct mr_activity *a, int64_t messages, int64_t batches, int64_t queue)
{
    bool moved = a->known && messages > a->messages, under_way = a->since_ms != 0;
    uint64_t now = mr_mono_ms();

    if (!a->known || messages < a->messages) { /* the first look; or Redis has forgotten */
        a->known = true;
        a->since_ms = 0;
    } else if (moved && !under_way) {
        a->since_ms = now;
        a->from_messages = a->messages;
        a->from_batches = a->batches;
    }
    a->quiet = moved || queue > 0 ? 0 : a->quiet + 1;
    if (moved)
        a->moved_ms = now;
    a->messages = messages;
    a->batches = batches;
    if (a->since_ms != 0 && a->quiet >= QUIET) {
        note_burst(a);
        a->since_ms = 0;
    }
}

/* ---- up and down -------------------------------------------------------------------------- */

int mr_activity_new(struct mr_activity **out, const struct mr_config *cfg)
{
    struct mr_activity *a = mr_zalloc(1, sizeof(*a));

    if (!a)
        return MR_E_NOMEM;
    a->cfg = cfg;
    a->last = &a->first;
    a->persisted = mr_metric_counter("millrace_activity_total", "activity by what became of it",
                                     "result=\"persisted\"");
    a->failed = mr_metric_counter("millrace_activity_total", "activity by what became of it",
                                  "result=\"failed\"");
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->more, NULL);
    if (pthread_create(&a->thread, NULL, activity_thread, a) != 0) {
        mr_free(a);
        return MR_E_IO;
    }
    *out = a;
    return MR_OK;
}

void mr_activity_free(struct mr_activity *a)
{
    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    a->ending = true;
    pthread_cond_signal(&a->more);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    pthread_cond_destroy(&a->more);
    pthread_mutex_destroy(&a->lock);
    mr_free(a);
}
