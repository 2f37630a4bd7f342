/* recovery_memory.c - the store of one process: sessions in memory, over a log by room.
 *
 * A session knows in which rooms it was, and from which event to which: what it has missed is then
 * exactly what was sent to those rooms while it was in them, also rooms that it has left since. A
 * membership that has ended is forgotten when the log holds nothing of that time; if something of
 * it was dropped by then, `hole` says up to where nothing is certain.
 *
 *   seq   ...  start ........ since ====in the room==== until .... parted  ....   last
 *                                                                  (away from here on)
 *
 * While it is attached every event for it is queued to it. So a client whose offset is not older
 * than the last event queued to it has missed nothing up to `parted`, however long ago that was.
 */
#include "io/recovery.h"

#include "io/namespace.h"
#include "io/recovery_log.h"
#include "proto/alloc.h"

#include <stdlib.h>

#define EPOCH_LEN     8 /* characters of an offset that say which life of which store it is from */
#define ENDED_MAX     256 /* ended memberships that a session keeps */
#define SWEEP_MS      10000
#define STILL_IN      UINT64_MAX
#define DIGITS_IN_SEQ 13

struct stay { /* in a room, for the events after since up to until */
    struct mr_log_key *key;
    uint64_t since, until;
};

struct mr_saved {
    struct mr_node node; /* in store->sessions, by pid */
    struct mr_link away; /* in store->away, in the order of their going */
    char pid[MR_SID_LEN + 1], sid[MR_SID_LEN + 1];
    bool attached;
    void *data;
    struct stay *stays;
    uint32_t n, cap;
    uint64_t parted_ms;
    uint64_t from; /* restored: it has had everything up to here */
    uint64_t sent, parted, hole;
};

struct store {
    struct mr_server *srv;
    struct mr_recovery_options opt;
    uint64_t keep_ms; /* events: as long as who was connected then may come back */
    char epoch[MR_SID_LEN + 1];
    struct mr_log log;
    struct mr_table sessions;
    struct mr_link away;
    size_t n_away;
    struct mr_timer sweep;
};

/* ---- bounds --------------------------------------------------------------------------------- */

static void forget(struct store *st, struct mr_saved *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        mr__log_key_unref(&st->log, s->stays[i].key);
    if (mr__link_on(&s->away)) {
        mr__link_off(&s->away);
        st->n_away--;
        if (st->opt.data_free != NULL && s->data != NULL)
            st->opt.data_free(s->data, st->opt.data_free_ctx);
    }
    mr__table_del(&st->sessions, &s->node);
    mr_free(s->stays);
    mr_free(s);
}

static bool too_old(const struct store *st, const struct mr_saved *s)
{
    return mr__now(st->srv) - s->parted_ms > st->opt.max_disconnection_ms;
}

static void trim(struct store *st)
{
    uint64_t now = mr__now(st->srv);

    while (st->log.n > 0 && (st->log.bytes > st->opt.bytes_max || st->log.n > st->opt.packets_max ||
                             now - st->log.ring[st->log.head]->at_ms > st->keep_ms))
        mr__log_drop(&st->log);
    while (!mr__list_empty(&st->away)) {
        struct mr_saved *s = MR_CONTAINER(st->away.next, struct mr_saved, away);

        if (st->n_away <= st->opt.sessions_max && !too_old(st, s))
            break;
        forget(st, s);
    }
}

static void sweep(struct mr_timer *t)
{
    struct store *st = MR_CONTAINER(t, struct store, sweep);

    trim(st);
    mr__timer_set(&st->srv->timers, t, mr__now(st->srv) + SWEEP_MS, sweep);
}

static int open_store(void **out, struct mr_server *srv, const char *nsp,
                      const struct mr_recovery_options *opt)
{
    struct store *st = mr_zalloc(1, sizeof(*st));

    (void)nsp;
    if (st == NULL || mr__log_init(&st->log) != MR_OK)
        goto fail;
    if (mr__timers_reserve(&srv->timers, 1) != MR_OK) {
        mr__log_deinit(&st->log);
        goto fail;
    }
    st->srv = srv;
    st->opt = *opt;
    st->keep_ms =
        (uint64_t)opt->max_disconnection_ms + srv->opt.ping_interval_ms + srv->opt.ping_timeout_ms;
    mr__table_init(&st->sessions);
    mr__list_init(&st->away);
    mr__sid_make(&srv->sids, st->epoch);
    mr__timer_set(&srv->timers, &st->sweep, mr__now(srv) + SWEEP_MS, sweep);
    *out = st;
    return MR_OK;
fail:
    mr_free(st);
    return MR_E_NOMEM;
}

static void close_store(void *store)
{
    struct store *st = store;

    for (struct mr_node *node = mr__table_next(&st->sessions, NULL), *next; node; node = next) {
        next = mr__table_next(&st->sessions, node);
        forget(st, MR_CONTAINER(node, struct mr_saved, node));
    }
    mr__timer_stop(&st->srv->timers, &st->sweep);
    mr__timers_release(&st->srv->timers, 1);
    mr__log_deinit(&st->log);
    mr__table_deinit(&st->sessions);
    mr_free(st);
}

/* ---- sessions ------------------------------------------------------------------------------- */

static int begin(void *store, struct mr_socket *sock, char pid[MR_PID_MAX + 1],
                 struct mr_saved **session)
{
    struct store *st = store;
    struct mr_saved *s = mr_zalloc(1, sizeof(*s));

    if (s == NULL)
        return MR_E_NOMEM;
    mr__sid_make(&st->srv->sids, s->pid);
    memcpy(s->sid, sock->id, sizeof(s->sid));
    s->node.name = mr_span_of(s->pid, MR_SID_LEN);
    if (mr__table_put(&st->sessions, &s->node) != MR_OK) {
        mr_free(s);
        return MR_E_NOMEM;
    }
    s->attached = true;
    s->data = sock->data;
    s->sent = s->parted = s->from = st->log.seq;
    memcpy(pid, s->pid, sizeof(s->pid));
    *session = s;
    return MR_OK;
}

/* Forget ended memberships of which the log holds nothing, or, all: any of them. */
static void forget_ended(struct store *st, struct mr_saved *s, bool all)
{
    uint64_t oldest = st->log.n > 0 ? st->log.ring[st->log.head]->seq : STILL_IN;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < s->n; i++) {
        struct stay *y = &s->stays[i];

        if (y->until == STILL_IN || (!all && y->until >= oldest)) {
            s->stays[kept++] = *y;
            continue;
        }
        if (all || y->key->dropped > y->since)
            s->hole = s->hole > y->until ? s->hole : y->until;
        mr__log_key_unref(&st->log, y->key);
    }
    s->n = kept;
}

static int joined(void *store, struct mr_saved *s, const char *room)
{
    struct store *st = store;
    struct mr_log_key *key;

    if (s->n == s->cap)
        forget_ended(st, s, s->n >= ENDED_MAX);
    if (s->n == s->cap) {
        uint32_t cap = s->cap ? s->cap * 2 : 2;
        struct stay *stays = mr_realloc(s->stays, cap * sizeof(*stays));

        if (stays == NULL)
            return MR_E_NOMEM;
        s->stays = stays;
        s->cap = cap;
    }
    key = mr__log_key_ref(&st->log, room);
    if (key == NULL)
        return MR_E_NOMEM;
    s->stays[s->n++] = (struct stay){key, st->log.seq, STILL_IN};
    return MR_OK;
}

static void left(void *store, struct mr_saved *s, const char *room)
{
    struct store *st = store;

    for (uint32_t i = s->n; i-- > 0;) {
        if (s->stays[i].until == STILL_IN && strcmp(s->stays[i].key->name, room) == 0) {
            s->stays[i].until = st->log.seq;
            return;
        }
    }
}

static void set_data(void *store, struct mr_saved *s, void *data)
{
    (void)store;
    s->data = data;
}

static void sent(void *store, struct mr_saved *s)
{
    s->sent = ((struct store *)store)->log.seq;
}

static void parted(void *store, struct mr_saved *s)
{
    struct store *st = store;

    s->attached = false;
    s->parted = st->log.seq;
    s->parted_ms = mr__now(st->srv);
    mr__list_add(&st->away, &s->away);
    st->n_away++;
    if (st->n_away > st->opt.sessions_max)
        trim(st);
}

static void end(void *store, struct mr_saved *s)
{
    forget(store, s);
}

/* ---- events --------------------------------------------------------------------------------- */

/* The epoch, and then the number: letters and digits, which JSON leaves alone. */
static void write_offset(const struct store *st, uint64_t seq, char out[MR_OFFSET_MAX + 1])
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    char text[DIGITS_IN_SEQ + 1];
    size_t at = sizeof(text);

    do {
        text[--at] = digits[seq % 36];
        seq /= 36;
    } while (seq > 0);
    memcpy(out, st->epoch, EPOCH_LEN);
    memcpy(out + EPOCH_LEN, text + at, sizeof(text) - at);
    out[EPOCH_LEN + sizeof(text) - at] = '\0';
}

static int read_offset(const struct store *st, const char *text, uint64_t *seq)
{
    size_t len = strlen(text);

    if (len <= EPOCH_LEN || len > EPOCH_LEN + DIGITS_IN_SEQ - 1 ||
        strncmp(text, st->epoch, EPOCH_LEN) != 0)
        return MR_E_NOTFOUND;
    *seq = 0;
    for (text += EPOCH_LEN; *text != '\0'; text++) {
        if ((*text < '0' || *text > '9') && (*text < 'a' || *text > 'z'))
            return MR_E_NOTFOUND;
        *seq = *seq * 36 + (uint64_t)(*text <= '9' ? *text - '0' : *text - 'a' + 10);
    }
    return *seq <= st->log.seq ? MR_OK : MR_E_NOTFOUND;
}

static void append(void *store, const struct mr_adapter *a, struct mr_packet *p,
                   const struct mr_target *to, bool is_volatile)
{
    struct store *st = store;
    bool wanted = !is_volatile && mr__log_wanted(&st->log, to);

    st->log.seq += !is_volatile;
    write_offset(st, st->log.seq, p->offset);
    if (!wanted)
        return;
    if (mr_packet_encode(a, p) != MR_OK) {
        st->log.lost = st->log.seq;
        return;
    }
    (void)mr__log_add(&st->log, p, to, mr__now(st->srv));
    trim(st);
}

/* ---- coming back ---------------------------------------------------------------------------- */

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Is everything known that went to the session after s->from? */
static bool has_gap(const struct store *st, const struct mr_saved *s)
{
    if (st->log.lost > s->from || s->hole > s->from || st->log.everybody->dropped > s->from)
        return true;
    for (uint32_t i = 0; i < s->n; i++) {
        const struct stay *y = &s->stays[i];
        uint64_t from = later(s->from, y->since);

        if (from < y->until && y->key->dropped > from)
            return true;
    }
    return false;
}

static void restore(void *store, const char *pid, const char *offset, mr_restored_fn fn, void *ctx)
{
    struct store *st = store;
    struct mr_node *node = mr__table_find(&st->sessions, mr_span_str(pid));
    struct mr_saved *s = node ? MR_CONTAINER(node, struct mr_saved, node) : NULL;
    struct mr_restored r = {.session = s};
    const char **rooms;
    uint64_t seq = 0;

    if (s == NULL || s->attached || too_old(st, s)) {
        fn(MR_E_NOTFOUND, NULL, ctx);
        return;
    }
    rooms = mr_zalloc(s->n + 1, sizeof(char *));
    if (rooms == NULL || (offset != NULL && read_offset(st, offset, &seq) != MR_OK)) {
        mr_free(rooms);
        fn(MR_E_NOTFOUND, NULL, ctx);
        return;
    }
    mr__link_off(&s->away);
    st->n_away--;
    s->attached = true;
    s->from = later(s->from, seq);
    if (s->from >= s->sent)
        s->from = later(s->from, s->parted); /* what came after it was not for this one */
    for (uint32_t i = 0; i < s->n; i++) {
        if (s->stays[i].until == STILL_IN)
            rooms[r.n_rooms++] = s->stays[i].key->name;
    }
    r.pid = s->pid;
    r.sid = s->sid;
    r.rooms = rooms;
    r.data = s->data;
    fn(has_gap(st, s) ? MR_E_END : MR_OK, &r, ctx);
    mr_free(rooms);
}

/* Was the session in the room of that key when the event went out? */
static bool was_in(const struct mr_saved *s, const struct mr_log_key *key, uint64_t seq)
{
    for (uint32_t i = 0; i < s->n; i++) {
        if (s->stays[i].key == key && s->stays[i].since < seq && seq <= s->stays[i].until)
            return true;
    }
    return false;
}

static bool was_excepted(const struct mr_saved *s, const struct mr_log_entry *e)
{
    for (uint32_t i = e->n_to; i < e->n_to + e->n_except; i++) {
        if (was_in(s, e->keys[i], e->seq))
            return true;
    }
    return false;
}

struct found {
    struct mr_log_entry **list;
    size_t n, cap;
};

static int find_in(struct found *f, const struct mr_log_key *key, uint64_t from, uint64_t until)
{
    for (uint32_t i = mr__log_after(key, from); i < key->n && mr__log_at(key, i)->seq <= until;
         i++) {
        if (f->n == f->cap) {
            size_t cap = f->cap ? f->cap * 2 : 32;
            void *list = mr_realloc(f->list, cap * sizeof(struct mr_log_entry *));

            if (list == NULL)
                return MR_E_NOMEM;
            f->list = list;
            f->cap = cap;
        }
        f->list[f->n++] = mr__log_at(key, i);
    }
    return MR_OK;
}

static int by_seq(const void *a, const void *b)
{
    const struct mr_log_entry *x = *(struct mr_log_entry *const *)a;
    const struct mr_log_entry *y = *(struct mr_log_entry *const *)b;

    return (x->seq > y->seq) - (x->seq < y->seq);
}

static int find_missed(const struct store *st, const struct mr_saved *s, struct found *f)
{
    int rc = find_in(f, st->log.everybody, s->from, STILL_IN);

    for (uint32_t i = 0; i < s->n && rc == MR_OK; i++) {
        const struct stay *y = &s->stays[i];

        if (y->until > s->from)
            rc = find_in(f, y->key, later(s->from, y->since), y->until);
    }
    if (f->n > 1)
        qsort(f->list, f->n, sizeof(struct mr_log_entry *), by_seq);
    return rc;
}

static void missed(void *store, struct mr_saved *s, mr_missed_fn fn, void *ctx)
{
    struct store *st = store;
    struct mr_frame **frames = NULL;
    struct found f = {0};
    size_t n = 0;
    int rc = has_gap(st, s) ? MR_E_END : find_missed(st, s, &f);

    for (size_t i = 0; i < f.n; i++)
        n += f.list[i]->n_frames;
    frames = rc == MR_OK ? mr_zalloc(n + 1, sizeof(struct mr_frame *)) : NULL;
    if (frames == NULL) {
        mr_free(f.list);
        fn(rc != MR_OK ? rc : MR_E_NOMEM, NULL, 0, ctx);
        return;
    }
    n = 0;
    for (size_t i = 0; i < f.n; i++) {
        const struct mr_log_entry *e = f.list[i];

        if ((i > 0 && e == f.list[i - 1]) || was_excepted(s, e))
            continue; /* in two of its rooms, or not for it */
        for (uint32_t k = 0; k < e->n_frames; k++)
            frames[n++] = e->frames[k];
        s->sent = e->seq;
    }
    mr_free(f.list);
    fn(MR_OK, frames, n, ctx);
    mr_free(frames);
}

const struct mr_store_ops *mr__store_memory(void)
{
    static const struct mr_store_ops ops = {
        .name = "memory",
        .open = open_store,
        .close = close_store,
        .begin = begin,
        .joined = joined,
        .left = left,
        .data = set_data,
        .sent = sent,
        .parted = parted,
        .end = end,
        .append = append,
        .restore = restore,
        .missed = missed,
    };

    return &ops;
}
