/* reader.c - the thread that reads. Its round: streams that somebody has named, a look for others,
 * trimming, pages for those who were away, and then what is new. */
#include "feeds/reader.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "feeds/reader_redis.h"
#include "proto/alloc.h"
#include "proto/json.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define REDIS_MS    2000
#define AWAY_MS     300
#define SCAN_MS     250 /* one step of SCAN */
#define TEND_MS     10000
#define IDLE_MS     20
#define WAITING_MAX (16u << 20) /* bytes that the loop has not taken */
#define LOOKS_MAX   64
#define REPLAYS_MAX 4096
#define PAGES       16 /* in one round */

struct stream {
    char name[MR_BUS_NAME];
    struct mr_bus_id at;   /* {lock} to write: everything up to here is read */
    uint64_t messages;     /* {lock} */
    int64_t index;         /* of all entries ever added, how many are read; -1: not known */
    struct mr_bus_id sure; /* nothing was missed up to here */
    bool odd;              /* its key holds something else by now */
};

struct replay {
    uint64_t to;
    size_t stream;
    struct mr_bus_id after;
    bool first;
};

struct mr_bus_reader {
    const struct mr_config *cfg;
    void (*ready)(void *ctx);
    void *ctx;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    atomic_bool stopping, connected;
    struct stream *streams;
    atomic_size_t n_streams;
    struct mr_bus_entry *first, **last; /* {lock} */
    size_t waiting;                     /* {lock} */
    char looks[LOOKS_MAX][MR_BUS_NAME]; /* {lock} */
    size_t n_looks;                     /* {lock} */
    struct replay *replays;             /* {lock} a ring */
    size_t replay_head, replay_n;       /* {lock} */
    /* the thread's own */
    struct bus_redis redis;
    struct mr_bus_id start; /* before it nothing is new */
    bool started, full;
    uint64_t scanned_ms, tended_ms;
    struct mr_buf json;
    struct mr_metric *read, *gaps;
};

/* ---- to the loop -------------------------------------------------------------------------- */

static int post(struct mr_bus_reader *r, const struct mr_bus_entry *what, struct mr_span json)
{
    struct mr_bus_entry *e = mr_zalloc(1, sizeof(*e) + json.len);

    if (!e)
        return MR_E_NOMEM;
    *e = *what;
    e->next = NULL;
    e->len = json.len;
    if (json.len > 0)
        memcpy(e->json, json.ptr, json.len);
    pthread_mutex_lock(&r->lock);
    *r->last = e;
    r->last = &e->next;
    r->waiting += sizeof(*e) + json.len;
    pthread_mutex_unlock(&r->lock);
    return MR_OK;
}

static int post_gap(struct mr_bus_reader *r, size_t stream, uint64_t to, struct mr_bus_id after)
{
    const struct mr_bus_entry e = {.what = MR_BUS_GAP,
                                   .stream = (uint16_t)stream,
                                   .to = to,
                                   .id = {UINT64_MAX, UINT64_MAX}}; /* whatever they have */
    char id[MR_BUS_ID_TEXT];

    mr_bus_id_format(after, id);
    LOG_WARN("bus_gap", F_STR("stream", r->streams[stream].name), F_STR("after", id));
    mr_metric_add(r->gaps, 1);
    mr_buf_clear(&r->json);
    mr_buf_addf(&r->json,
                "{\"stream\":\"%s\",\"after\":\"%s\",\"message\":\"Entries after this one were "
                "trimmed or lost before they could be sent.\"}",
                r->streams[stream].name, id);
    return post(r, &e, mr_buf_span(&r->json));
}

static int post_entry(struct mr_bus_reader *r, size_t stream, uint64_t to,
                      const struct bus_entry *entry)
{
    const struct mr_bus_entry e = {.what = to ? MR_BUS_REPLAYED : MR_BUS_LIVE,
                                   .stream = (uint16_t)stream,
                                   .to = to,
                                   .id = entry->id};

    mr_buf_clear(&r->json);
    mr_bus_encode(&r->json, r->streams[stream].name, entry->id_text, entry->n, entry->fields,
                  mr_wall_us());
    return mr_buf_err(&r->json) == MR_OK ? post(r, &e, mr_buf_span(&r->json)) : MR_E_NOMEM;
}

/* ---- streams ------------------------------------------------------------------------------ */

int mr_bus_reader_find(const struct mr_bus_reader *r, const char *name)
{
    for (size_t i = 0, n = atomic_load(&r->n_streams); i < n; i++)
        if (strcmp(r->streams[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* How many of all ever added are read, if that can be told. */
static int64_t index_at(const struct bus_info *info, struct mr_bus_id at)
{
    if (mr_bus_id_cmp(at, info->last) >= 0)
        return info->added;
    return mr_bus_id_cmp(info->first, at) > 0 ? info->added - info->length : -1;
}

/* A stream that is there; before the first look is over it is an old one. */
static int found(struct mr_bus_reader *r, const char *name)
{
    size_t n = atomic_load(&r->n_streams);
    const struct mr_bus_entry e = {.what = MR_BUS_FOUND, .stream = (uint16_t)n};
    struct stream *s = &r->streams[n];
    struct bus_info info;
    int rc;

    if (n == MR_BUS_STREAMS_MAX) {
        if (!r->full)
            LOG_WARN("bus_full", F_STR("left_out", name), F_INT("streams", MR_BUS_STREAMS_MAX));
        r->full = true;
        return MR_OK;
    }
    rc = bus_redis_info(&r->redis, name, &info);
    if (rc == MR_E_NOTFOUND || rc == MR_E_CONFLICT)
        return MR_OK;
    if (rc != MR_OK)
        return rc;
    (void)snprintf(s->name, sizeof(s->name), "%s", name);
    s->at = r->start;
    if (mr_bus_id_cmp(info.last, r->start) < 0) /* ids of its own, or nothing new in it */
        s->at = r->started ? (struct mr_bus_id){0, 0} : info.last;
    s->index = index_at(&info, s->at);
    s->sure = s->at;
    atomic_store(&r->n_streams, n + 1);
    LOG_INFO("bus_stream_found", F_STR("stream", name));
    return post(r, &e, MR_SPAN_NONE);
}

static int on_name(void *ctx, const char *name)
{
    struct mr_bus_reader *r = ctx;

    return mr_bus_reader_find(r, name) >= 0 || !mr_bus_name_ok(mr_span_str(name)) ? MR_OK
                                                                                  : found(r, name);
}

/* Was something trimmed that was never read? */
static int tend(struct mr_bus_reader *r, size_t i)
{
    struct stream *s = &r->streams[i];
    struct bus_info info;
    int rc = bus_redis_info(&r->redis, s->name, &info);

    s->odd = rc == MR_E_CONFLICT;
    if (rc != MR_OK)
        return rc == MR_E_NOTFOUND || s->odd ? MR_OK : rc;
    if (mr_bus_id_cmp(info.last, s->at) < 0) { /* Redis came back without its last second */
        pthread_mutex_lock(&r->lock);
        s->at = info.last;
        pthread_mutex_unlock(&r->lock);
        s->index = info.added;
    } else if (s->index >= 0 && info.added - info.length > s->index) {
        rc = post_gap(r, i, 0, s->sure);
        s->index = index_at(&info, s->at);
    } else if (s->index < 0) {
        s->index = index_at(&info, s->at);
    }
    s->sure = s->at;
    return rc == MR_OK ? bus_redis_trim(&r->redis, s->name, r->cfg->bus_maxlen) : rc;
}

static int tend_all(struct mr_bus_reader *r)
{
    int rc = MR_OK;

    r->tended_ms = mr_mono_ms();
    for (size_t i = 0; i < atomic_load(&r->n_streams) && rc == MR_OK; i++)
        rc = tend(r, i);
    return rc;
}

static int look(struct mr_bus_reader *r)
{
    char names[LOOKS_MAX][MR_BUS_NAME];
    size_t n;
    int rc = MR_OK;

    pthread_mutex_lock(&r->lock);
    n = r->n_looks;
    r->n_looks = 0;
    memcpy(names, r->looks, n * sizeof(names[0]));
    pthread_mutex_unlock(&r->lock);
    for (size_t i = 0; i < n && rc == MR_OK; i++)
        rc = on_name(r, names[i]);
    return rc;
}

/* ---- what is new -------------------------------------------------------------------------- */

static int on_entry(void *ctx, size_t stream, const struct bus_entry *entry)
{
    struct mr_bus_reader *r = ctx;
    struct stream *s = &r->streams[stream];
    int rc = post_entry(r, stream, 0, entry);

    if (rc != MR_OK)
        return rc;
    pthread_mutex_lock(&r->lock);
    s->at = entry->id;
    s->messages++;
    pthread_mutex_unlock(&r->lock);
    s->index += s->index >= 0;
    mr_metric_add(r->read, 1);
    return MR_OK;
}

static void rest(struct mr_bus_reader *r, int64_t ms)
{
    struct timespec until = mr_wall_in(ms);

    pthread_mutex_lock(&r->lock);
    if (!atomic_load(&r->stopping) && r->n_looks == 0)
        (void)pthread_cond_timedwait(&r->wake, &r->lock, &until);
    pthread_mutex_unlock(&r->lock);
}

static int read_new(struct mr_bus_reader *r)
{
    const char *names[MR_BUS_STREAMS_MAX];
    struct mr_bus_id after[MR_BUS_STREAMS_MAX];
    size_t which[MR_BUS_STREAMS_MAX], n = 0;
    int rc;

    for (size_t i = 0; i < atomic_load(&r->n_streams); i++) {
        if (r->streams[i].odd)
            continue;
        names[n] = r->streams[i].name;
        after[n] = r->streams[i].at;
        which[n++] = i;
    }
    if (n == 0) {
        rest(r, IDLE_MS);
        return MR_OK;
    }
    rc = bus_redis_read(&r->redis, n, names, after, which, on_entry, r);
    return rc == MR_E_CONFLICT ? tend_all(r) : rc; /* which finds out who it is */
}

/* ---- what somebody has missed -------------------------------------------------------------- */

struct page {
    struct mr_bus_reader *r;
    const struct replay *want;
    struct mr_bus_id last;
};

static int on_old_entry(void *ctx, size_t stream, const struct bus_entry *entry)
{
    struct page *p = ctx;

    p->last = entry->id;
    return post_entry(p->r, stream, p->want->to, entry);
}

/* Is the entry that they name gone, and with it perhaps what came after? */
static int is_gap(struct mr_bus_reader *r, const struct replay *want, bool *gap)
{
    const char *name = r->streams[want->stream].name;
    struct bus_info info;
    bool there;
    int rc = bus_redis_has(&r->redis, name, want->after, &there);

    *gap = false;
    if (rc != MR_OK || there)
        return rc == MR_E_CONFLICT ? MR_OK : rc;
    rc = bus_redis_info(&r->redis, name, &info);
    if (rc == MR_OK)
        *gap = info.added > info.length && mr_bus_id_cmp(want->after, info.last) < 0;
    return rc == MR_E_NOTFOUND || rc == MR_E_CONFLICT ? MR_OK : rc;
}

/* Up to where the live ones begin, and not beyond: both come by the same way, in order, so that
 * nothing is missed or doubled between them. */
static int replay_page(struct mr_bus_reader *r, const struct replay *want)
{
    const struct stream *s = &r->streams[want->stream];
    struct page p = {.r = r, .want = want, .last = want->after};
    struct mr_bus_entry end = {.stream = (uint16_t)want->stream, .to = want->to};
    size_t n = 0;
    bool gap = false;
    int rc = want->first ? is_gap(r, want, &gap) : MR_OK;

    if (rc == MR_OK && gap)
        rc = post_gap(r, want->stream, want->to, want->after);
    if (rc == MR_OK && mr_bus_id_cmp(want->after, s->at) < 0)
        rc = bus_redis_range(&r->redis, s->name, want->stream, want->after, s->at, on_old_entry, &p,
                             &n);
    end.what = n == BUS_PAGE ? MR_BUS_REPLAY_MORE : MR_BUS_REPLAY_END;
    end.id = p.last;
    return rc == MR_OK ? post(r, &end, MR_SPAN_NONE) : rc;
}

static bool next_replay(struct mr_bus_reader *r, struct replay *out)
{
    bool any;

    pthread_mutex_lock(&r->lock);
    any = r->replay_n > 0 && r->waiting < WAITING_MAX;
    if (any)
        *out = r->replays[r->replay_head];
    pthread_mutex_unlock(&r->lock);
    return any;
}

static int replay_some(struct mr_bus_reader *r)
{
    struct replay want;
    int rc = MR_OK;

    for (size_t i = 0; i < PAGES && rc == MR_OK && next_replay(r, &want); i++) {
        rc = replay_page(r, &want);
        if (rc != MR_OK)
            break; /* it stays the first; a page begun is begun anew, and known ones are left out */
        pthread_mutex_lock(&r->lock);
        r->replay_head = (r->replay_head + 1) % REPLAYS_MAX;
        r->replay_n--;
        pthread_mutex_unlock(&r->lock);
    }
    return rc;
}

/* ---- the thread --------------------------------------------------------------------------- */

static int reopen(struct mr_bus_reader *r)
{
    int rc = bus_redis_open(&r->redis, REDIS_MS);

    if (rc == MR_OK && !r->started) {
        rc = bus_redis_now(&r->redis, &r->start);
        if (rc == MR_OK)
            rc = bus_redis_scan(&r->redis, true, on_name, r);
        r->started = rc == MR_OK;
    } else if (rc == MR_OK) {
        rc = tend_all(r);
    }
    if (rc == MR_OK)
        LOG_INFO("bus_reads", F_UINT("streams", atomic_load(&r->n_streams)));
    return rc;
}

static int round_of(struct mr_bus_reader *r)
{
    uint64_t now = mr_mono_ms();
    bool full;
    int rc = r->redis.r ? MR_OK : reopen(r);

    atomic_store(&r->connected, rc == MR_OK);
    if (rc == MR_OK)
        rc = look(r);
    if (rc == MR_OK && now - r->scanned_ms >= SCAN_MS) {
        r->scanned_ms = now;
        rc = bus_redis_scan(&r->redis, false, on_name, r);
    }
    if (rc == MR_OK && now - r->tended_ms >= TEND_MS)
        rc = tend_all(r);
    if (rc == MR_OK)
        rc = replay_some(r);
    if (rc != MR_OK)
        return rc;
    pthread_mutex_lock(&r->lock);
    full = r->waiting > WAITING_MAX;
    pthread_mutex_unlock(&r->lock);
    if (!full)
        return read_new(r);
    rest(r, IDLE_MS); /* the loop is behind; Redis keeps them */
    return MR_OK;
}

static void *reader_thread(void *arg)
{
    struct mr_bus_reader *r = arg;

    mr_log_thread("bus");
    while (!atomic_load(&r->stopping)) {
        bool any;
        int rc = round_of(r);

        pthread_mutex_lock(&r->lock);
        any = r->first != NULL;
        pthread_mutex_unlock(&r->lock);
        if (any)
            r->ready(r->ctx);
        if (rc == MR_OK)
            continue;
        LOG_WARN("bus_redis_away", F_STR("why", r->redis.why));
        atomic_store(&r->connected, false);
        bus_redis_close(&r->redis);
        rest(r, AWAY_MS);
    }
    bus_redis_close(&r->redis);
    return NULL;
}

/* ---- from other threads ------------------------------------------------------------------- */

struct mr_bus_entry *mr_bus_reader_take(struct mr_bus_reader *r)
{
    struct mr_bus_entry *list;

    pthread_mutex_lock(&r->lock);
    list = r->first;
    r->first = NULL;
    r->last = &r->first;
    r->waiting = 0;
    pthread_mutex_unlock(&r->lock);
    return list;
}

const char *mr_bus_reader_name(const struct mr_bus_reader *r, size_t stream)
{
    return r->streams[stream].name;
}

void mr_bus_reader_look(struct mr_bus_reader *r, const char *name)
{
    if (mr_bus_reader_find(r, name) >= 0)
        return;
    pthread_mutex_lock(&r->lock);
    if (r->n_looks < LOOKS_MAX) /* else SCAN will find it */
        (void)snprintf(r->looks[r->n_looks++], MR_BUS_NAME, "%s", name);
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
}

int mr_bus_reader_replay(struct mr_bus_reader *r, uint64_t to, size_t stream,
                         struct mr_bus_id after, bool first)
{
    int rc = MR_OK;

    pthread_mutex_lock(&r->lock);
    if (r->replay_n == REPLAYS_MAX)
        rc = MR_E_AGAIN;
    else
        r->replays[(r->replay_head + r->replay_n++) % REPLAYS_MAX] =
            (struct replay){.to = to, .stream = stream, .after = after, .first = first};
    pthread_mutex_unlock(&r->lock);
    return rc;
}

void mr_bus_reader_json(struct mr_bus_reader *r, struct mr_buf *out)
{
    mr_buf_addf(out, "\"connected\":%s,\"streams\":[",
                atomic_load(&r->connected) ? "true" : "false");
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < atomic_load(&r->n_streams); i++) {
        const struct stream *s = &r->streams[i];
        char id[MR_BUS_ID_TEXT];

        mr_bus_id_format(s->at, id);
        mr_buf_addf(out, "%s{\"name\":\"%s\",\"key\":", i > 0 ? "," : "", s->name);
        mr_buf_addf(out, "\"%s%s\",", r->cfg->bus_prefix, s->name);
        mr_buf_addf(out, "\"last_id\":%s%s%s,\"messages\":%llu}", s->messages ? "\"" : "",
                    s->messages ? id : "null", s->messages ? "\"" : "",
                    (unsigned long long)s->messages);
    }
    pthread_mutex_unlock(&r->lock);
    mr_buf_add_char(out, ']');
}

/* ---- up and down -------------------------------------------------------------------------- */

static void free_all(struct mr_bus_reader *r)
{
    for (struct mr_bus_entry *e = mr_bus_reader_take(r), *next; e; e = next) {
        next = e->next;
        mr_free(e);
    }
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->lock);
    mr_buf_free(&r->json);
    mr_free(r->replays);
    mr_free(r->streams);
    mr_free(r);
}

int mr_bus_reader_new(struct mr_bus_reader **out, const struct mr_config *cfg,
                      void (*ready)(void *ctx), void *ctx)
{
    struct mr_bus_reader *r = mr_zalloc(1, sizeof(*r));

    if (!r)
        return MR_E_NOMEM;
    r->cfg = cfg;
    r->ready = ready;
    r->ctx = ctx;
    r->last = &r->first;
    r->redis.cfg = cfg;
    mr_buf_init(&r->json, 4 * MR_BUS_ENTRY_MAX);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->wake, NULL);
    r->streams = mr_zalloc(MR_BUS_STREAMS_MAX, sizeof(*r->streams));
    r->replays = mr_zalloc(REPLAYS_MAX, sizeof(*r->replays));
    r->read = mr_metric_counter("millrace_bus_messages_total", "messages read from the bus", NULL);
    r->gaps = mr_metric_counter("millrace_bus_gaps_total",
                                "times that entries were gone before they were read", NULL);
    if (!r->streams || !r->replays || pthread_create(&r->thread, NULL, reader_thread, r) != 0) {
        free_all(r);
        return MR_E_NOMEM;
    }
    *out = r;
    return MR_OK;
}

void mr_bus_reader_free(struct mr_bus_reader *r)
{
    if (!r)
        return;
    atomic_store(&r->stopping, true);
    pthread_mutex_lock(&r->lock);
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    free_all(r);
}
