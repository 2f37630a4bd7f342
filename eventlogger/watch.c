/* watch.c - the watcher: knows at all times which topics exist and whose they are.
 *
 * Pipelines come from PostgreSQL: their table's trigger notifies, and once a second they are read
 * anyway, should a notice be lost. Topics come from Kafka's metadata, once a second too. Whenever
 * the outcome is another, the consumer gets a new view. What cannot be reached leaves the view as
 * it is. */
#include "base/clock.h"
#include "base/log.h"
#include "el.h"
#include "proto/alloc.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define LOOK_EVERY_MS    1000
#define METADATA_MS      1500
#define FEED_MS          200
#define SUSPECTS_AT_ONCE 128 /* partitions looked at in one go */
#define DROP_EVERY_MS    3600000
#define DROP_AGAIN_MS    30000

static const char SQL_CLAIMS[] =
    "SELECT p.id, p.topic_prefix, t.topic FROM pipelines p LEFT JOIN LATERAL "
    "jsonb_array_elements_text(p.kafka_topics) t (topic) ON true "
    "WHERE p.deleted_at IS NULL AND p.status = 'RUNNING' ORDER BY p.created_at, p.id";

struct watcher {
    struct el_logger *l;
    struct mr_pg *db; /* owned; listens */
    unsigned tries;   /* to connect, since it last worked */
    uint64_t connect_at_ms, look_at_ms, drop_at_ms;
    struct el_map *map;                      /* owned reference; NULL until read once */
    uint64_t claims;                         /* a fingerprint of what the map was made of */
    rd_kafka_topic_partition_list_t *topics; /* owned; of the newest view */

    struct el_board_place places[SUSPECTS_AT_ONCE]; /* scratch */
    size_t places_from;
    size_t turn; /* whose broker is woken next */
};

void el_view_free(struct el_view *v)
{
    if (v == NULL)
        return;
    el_map_unref(v->map);
    if (v->topics != NULL)
        rd_kafka_topic_partition_list_destroy(v->topics);
    mr_free(v);
}

/* ---- pipelines ---------------------------------------------------------------------------- */

static uint64_t fingerprint_of(const PGresult *res)
{
    uint64_t h = 1;

    for (int row = 0; row < PQntuples(res); row++)
        for (int col = 0; col < 3; col++)
            h = el_fingerprint((int64_t)h, mr_pg_span(res, row, col),
                               PQgetisnull(res, row, col) ? MR_SPAN("null") : MR_SPAN(""));
    return h;
}

static int build_map(const PGresult *res, struct el_map **out)
{
    struct el_map *m = el_map_new();
    struct mr_uuid id, before = {{0}};
    int rc = m ? MR_OK : MR_E_NOMEM;

    for (int row = 0; rc == MR_OK && row < PQntuples(res); row++) {
        if (!mr_uuid_parse(mr_pg_span(res, row, 0), &id))
            continue;
        if (memcmp(&id, &before, sizeof(id)) != 0)
            rc = el_map_add_prefix(m, mr_pg_span(res, row, 1), id);
        before = id;
        if (rc == MR_OK && !PQgetisnull(res, row, 2))
            rc = el_map_add_topic(m, mr_pg_span(res, row, 2), id);
    }
    if (rc != MR_OK) {
        el_map_unref(m);
        return rc;
    }
    el_map_seal(m);
    *out = m;
    return MR_OK;
}

/* True: there is another map. */
static bool read_claims(struct watcher *w)
{
    struct el_map *map = NULL;
    PGresult *res = NULL;
    uint64_t claims;
    bool changed = false;

    if (mr_pg_exec(w->db, SQL_CLAIMS, 0, NULL, &res) != MR_OK) {
        el_board_side(&w->l->board, EL_SIDE_POSTGRES, "the pipelines cannot be read");
        goto out;
    }
    el_board_side(&w->l->board, EL_SIDE_POSTGRES, NULL);
    claims = fingerprint_of(res);
    if (w->map != NULL && claims == w->claims)
        goto out;
    if (build_map(res, &map) != MR_OK)
        goto out;
    el_map_unref(w->map);
    w->map = map;
    w->claims = claims;
    changed = true;
out:
    PQclear(res);
    return changed;
}

/* ---- topics ------------------------------------------------------------------------------- */

static rd_kafka_topic_partition_list_t *claimed(const struct watcher *w,
                                                const struct rd_kafka_metadata *md)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    struct mr_uuid owner;

    for (int i = 0; i < md->topic_cnt; i++) {
        const char *name = md->topics[i].topic;

        if (strlen(name) < EL_TOPIC_MAX && el_map_owner(w->map, mr_span_str(name), &owner))
            (void)rd_kafka_topic_partition_list_add(list, name, RD_KAFKA_PARTITION_UA);
    }
    rd_kafka_topic_partition_list_sort(list, NULL, NULL);
    return list;
}

static bool same(const rd_kafka_topic_partition_list_t *a, const rd_kafka_topic_partition_list_t *b)
{
    if (a == NULL || a->cnt != b->cnt)
        return false;
    for (int i = 0; i < a->cnt; i++)
        if (strcmp(a->elems[i].topic, b->elems[i].topic) != 0)
            return false;
    return true;
}

static void publish(struct watcher *w)
{
    struct el_view *v = mr_zalloc(1, sizeof(*v)), *old;

    if (v == NULL)
        return;
    v->map = el_map_ref(w->map);
    v->topics = rd_kafka_topic_partition_list_copy(w->topics);
    pthread_mutex_lock(&w->l->view_lock);
    old = w->l->view; /* not taken yet: this one says it all */
    w->l->view = v;
    pthread_mutex_unlock(&w->l->view_lock);
    el_view_free(old);
}

static void read_topics(struct watcher *w, bool map_changed)
{
    const struct rd_kafka_metadata *md = NULL;
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_resp_err_t err = rd_kafka_metadata(w->l->rk, 1, NULL, &md, METADATA_MS);

    el_board_side(&w->l->board, EL_SIDE_KAFKA, err ? rd_kafka_err2str(err) : NULL);
    if (err) {
        if (map_changed && w->topics != NULL)
            publish(w);
        return;
    }
    list = claimed(w, md);
    rd_kafka_metadata_destroy(md);
    if (!map_changed && same(w->topics, list)) {
        rd_kafka_topic_partition_list_destroy(list);
        return;
    }
    if (w->topics != NULL)
        rd_kafka_topic_partition_list_destroy(w->topics);
    w->topics = list;
    publish(w);
}

/* ---- topics made anew --------------------------------------------------------------------- */

/* The places whose broker has a record that is newer than the place's mark, at a smaller offset.
 * NULL: none, or out of memory. */
static struct el_suspects *find_suspects(struct watcher *w, size_t n,
                                         rd_kafka_topic_partition_list_t *answers)
{
    struct el_suspects *s = NULL;

    for (size_t i = 0; i < n; i++) {
        const struct el_board_place *p = &w->places[i];
        const rd_kafka_topic_partition_t *tp =
            rd_kafka_topic_partition_list_find(answers, p->topic, p->partition);

        if (tp == NULL || tp->err || tp->offset < 0 || tp->offset > p->mark.offset)
            continue;
        if (s == NULL)
            s = mr_zalloc(1, sizeof(*s) + n * sizeof(*s->items));
        if (s != NULL)
            s->items[s->n++] = *p;
    }
    return s;
}

/* Once a second the broker is asked for the first record newer than one taken a while ago: it
 * cannot be before it, or the topic is another by now, or times are out of order; the consumer
 * looks closer. With more partitions than room each look asks about others. */
static void suspect(struct watcher *w)
{
    size_t n = el_board_copy(&w->l->board, w->places_from, w->places, SUSPECTS_AT_ONCE);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    struct el_suspects *found = NULL, *old;

    w->places_from = n < SUSPECTS_AT_ONCE ? 0 : w->places_from + n;
    for (size_t i = 0; i < n; i++)
        if (w->places[i].mark.fingerprint != 0)
            rd_kafka_topic_partition_list_add(list, w->places[i].topic, w->places[i].partition)
                ->offset = w->places[i].mark.ms + 1;
    if (list->cnt > 0 &&
        rd_kafka_offsets_for_times(w->l->rk, list, METADATA_MS) == RD_KAFKA_RESP_ERR_NO_ERROR)
        found = find_suspects(w, n, list);
    rd_kafka_topic_partition_list_destroy(list);
    pthread_mutex_lock(&w->l->view_lock);
    old = w->l->suspects;
    w->l->suspects = found;
    pthread_mutex_unlock(&w->l->view_lock);
    mr_free(old);
}

/* ---- the thread --------------------------------------------------------------------------- */

static void disconnect(struct watcher *w)
{
    mr_pg_close(w->db);
    w->db = NULL;
}

static void connect_and_listen(struct watcher *w, uint64_t now)
{
    if (w->db != NULL && PQstatus(mr_pg_raw(w->db)) != CONNECTION_OK)
        disconnect(w);
    if (w->db != NULL || now < w->connect_at_ms)
        return;
    if (el_connect(w->l, "millrace-logger-watch", &w->db) == MR_OK &&
        mr_pg_run(w->db, "LISTEN millrace_pipelines") == MR_OK) {
        w->tries = 0;
        return;
    }
    disconnect(w);
    w->connect_at_ms = now + (uint64_t)el_backoff_ms(w->tries++);
}

/* True when the pipelines have changed. */
static bool take_notices(struct watcher *w)
{
    PGnotify *n;
    bool any = false;

    if (w->db == NULL || !PQconsumeInput(mr_pg_raw(w->db)))
        return false;
    while ((n = PQnotifies(mr_pg_raw(w->db))) != NULL) {
        any = true;
        PQfreemem(n);
    }
    return any;
}

/* Any request to the broker makes librdkafka's thread look at its queue. */
static void feed(struct watcher *w)
{
    struct el_board_place place;
    int64_t low, high;
    size_t n;

    if (!atomic_load(&w->l->hungry))
        return;
    n = el_board_copy(&w->l->board, w->turn++, &place, 1);
    if (n == 0) {
        w->turn = 1;
        n = el_board_copy(&w->l->board, 0, &place, 1);
    }
    if (n > 0)
        (void)rd_kafka_query_watermark_offsets(w->l->rk, place.topic, place.partition, &low, &high,
                                               FEED_MS);
    atomic_store(&w->l->hungry, false);
}

static void wait(struct watcher *w, uint64_t until)
{
    uint64_t now = mr_mono_ms(), buf;
    struct pollfd p[3] = {{.fd = w->l->stop_fd, .events = POLLIN},
                          {.fd = w->l->wake_fd, .events = POLLIN},
                          {.fd = w->db ? PQsocket(mr_pg_raw(w->db)) : -1, .events = POLLIN}};

    if (poll(p, 3, until > now ? (int)(until - now) : 0) > 0 && (p[1].revents & POLLIN))
        (void)!read(w->l->wake_fd, &buf, sizeof(buf));
}

static void look(struct watcher *w)
{
    bool changed = w->db != NULL && read_claims(w);

    if (w->map == NULL)
        return;
    read_topics(w, changed);
    if (el_board_well(&w->l->board, EL_SIDE_KAFKA))
        suspect(w);
}

/* Partitions past retention, one at a time, so that everything else goes on in between. */
static void drop_old(struct watcher *w)
{
    bool more = false;
    uint64_t now = mr_mono_ms();

    if (w->db == NULL || now < w->drop_at_ms)
        return;
    if (el_retention_drop(w->db, mr_setting(&w->l->cfg->retention_days), &more) == MR_OK)
        w->drop_at_ms = more ? now : now + DROP_EVERY_MS;
    else
        w->drop_at_ms = now + DROP_AGAIN_MS;
}

void *el_watcher_run(void *logger)
{
    struct watcher w = {.l = logger};

    mr_log_thread("watcher");
    while (!atomic_load(&w.l->stopping)) {
        uint64_t now = mr_mono_ms();

        connect_and_listen(&w, now);
        feed(&w);
        if (take_notices(&w) || now >= w.look_at_ms) {
            look(&w);
            w.look_at_ms = mr_mono_ms() + LOOK_EVERY_MS;
            drop_old(&w);
        }
        wait(&w, w.look_at_ms);
    }
    disconnect(&w);
    el_map_unref(w.map);
    if (w.topics != NULL)
        rd_kafka_topic_partition_list_destroy(w.topics);
    return NULL;
}
