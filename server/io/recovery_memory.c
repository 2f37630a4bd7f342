/* recovery_memory.c - who is connected, who is away and for how long, and which events are kept. */
#include "io/recovery_memory.h"

#include "io/namespace.h"
#include "io/recovery.h"
#include "proto/alloc.h"

#define ENDED_MAX 256 /* ended memberships that a session keeps */
#define SWEEP_MS  10000
#define TRIM_MAX  1000 /* entries and sessions that are forgotten in one turn */

/* ---- bounds --------------------------------------------------------------------------------- */

static void forget(struct mr_memory *st, struct mr_saved *s)
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

bool mr__memory_too_old(const struct mr_memory *st, const struct mr_saved *s)
{
    return mr__now(st->srv) - s->parted_ms > st->opt.max_disconnection_ms;
}

static bool over(const struct mr_memory *st)
{
    return st->log.bytes > st->opt.bytes_max || st->log.n > st->opt.packets_max;
}

/* What is too old goes a piece at a time: the loop has others to serve. True: there is more. */
static bool trim(struct mr_memory *st)
{
    uint64_t now = mr__now(st->srv);
    int left = TRIM_MAX;

    while (st->log.n > 0 && over(st))
        mr__log_drop(&st->log);
    for (; left > 0 && st->log.n > 0 && now - st->log.ring[st->log.head]->at_ms > st->keep_ms;
         left--)
        mr__log_drop(&st->log);
    for (; left > 0 && !mr__list_empty(&st->away); left--) {
        struct mr_saved *s = MR_CONTAINER(st->away.next, struct mr_saved, away);

        if (st->n_away <= st->opt.sessions_max && !mr__memory_too_old(st, s))
            break;
        forget(st, s);
    }
    return left == 0;
}

static void sweep(struct mr_timer *t)
{
    struct mr_memory *st = MR_CONTAINER(t, struct mr_memory, sweep);
    uint64_t after_ms = trim(st) ? 1 : SWEEP_MS;

    mr__timer_set(&st->srv->timers, t, mr__now(st->srv) + after_ms, sweep);
}

static int open_store(void **out, struct mr_server *srv, const char *nsp,
                      const struct mr_recovery_options *opt)
{
    struct mr_memory *st = mr_zalloc(1, sizeof(*st));

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
    struct mr_memory *st = store;

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
    struct mr_memory *st = store;
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
    s->attached = s->level = true;
    s->data = sock->data;
    s->sent = s->parted = s->from = st->log.seq;
    memcpy(pid, s->pid, sizeof(s->pid));
    *session = s;
    return MR_OK;
}

/* Forget ended memberships of which the log holds nothing, or, all: any of them. */
static void forget_ended(struct mr_memory *st, struct mr_saved *s, bool all)
{
    uint64_t oldest = st->log.n > 0 ? st->log.ring[st->log.head]->seq : MR_STILL_IN;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < s->n; i++) {
        struct stay *y = &s->stays[i];

        if (y->until == MR_STILL_IN || (!all && y->until >= oldest)) {
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
    struct mr_memory *st = store;
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
    s->stays[s->n++] = (struct stay){key, st->log.seq, MR_STILL_IN};
    return MR_OK;
}

static void left(void *store, struct mr_saved *s, const char *room)
{
    struct mr_memory *st = store;

    for (uint32_t i = s->n; i-- > 0;) {
        if (s->stays[i].until == MR_STILL_IN && strcmp(s->stays[i].key->name, room) == 0) {
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
    s->sent = ((struct mr_memory *)store)->log.seq;
}

static void parted(void *store, struct mr_saved *s)
{
    struct mr_memory *st = store;

    if (s->level)
        s->parted = st->log.seq;
    s->attached = s->level = false;
    s->parted_ms = mr__now(st->srv);
    mr__list_add(&st->away, &s->away);
    st->n_away++;
    if (st->n_away > st->opt.sessions_max)
        (void)trim(st);
}

static void end(void *store, struct mr_saved *s)
{
    forget(store, s);
}

/* ---- events --------------------------------------------------------------------------------- */

/* The epoch, and then the number: letters and digits, which JSON leaves alone. */
static void write_offset(const struct mr_memory *st, uint64_t seq, char out[MR_OFFSET_MAX + 1])
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    char text[MR_SEQ_DIGITS + 1];
    size_t at = sizeof(text);

    do {
        text[--at] = digits[seq % 36];
        seq /= 36;
    } while (seq > 0);
    memcpy(out, st->epoch, MR_EPOCH_LEN);
    memcpy(out + MR_EPOCH_LEN, text + at, sizeof(text) - at);
    out[MR_EPOCH_LEN + sizeof(text) - at] = '\0';
}

static void append(void *store, const struct mr_adapter *a, struct mr_packet *p,
                   const struct mr_target *to, bool is_volatile)
{
    struct mr_memory *st = store;
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
    (void)trim(st);
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
        .restore = mr__memory_restore,
        .missed = mr__memory_missed,
    };

    return &ops;
}
