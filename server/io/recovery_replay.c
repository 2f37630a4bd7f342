/* recovery_replay.c - what a session has missed: whether all of it is known, and which events. */
#include "io/recovery_memory.h"

#include "io/namespace.h"
#include "proto/alloc.h"

#include <stdlib.h>

static int read_offset(const struct mr_memory *st, const char *text, uint64_t *seq)
{
    size_t len = strlen(text);

    if (len <= MR_EPOCH_LEN || len > MR_EPOCH_LEN + MR_SEQ_DIGITS - 1 ||
        strncmp(text, st->epoch, MR_EPOCH_LEN) != 0)
        return MR_E_NOTFOUND;
    *seq = 0;
    for (text += MR_EPOCH_LEN; *text != '\0'; text++) {
        if ((*text < '0' || *text > '9') && (*text < 'a' || *text > 'z'))
            return MR_E_NOTFOUND;
        *seq = *seq * 36 + (uint64_t)(*text <= '9' ? *text - '0' : *text - 'a' + 10);
    }
    return *seq <= st->log.seq ? MR_OK : MR_E_NOTFOUND;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Is everything known that went to the session after s->from? */
static bool has_gap(const struct mr_memory *st, const struct mr_saved *s)
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

void mr__memory_restore(void *store, const char *pid, const char *offset, mr_restored_fn fn,
                        void *ctx)
{
    struct mr_memory *st = store;
    struct mr_node *node = mr__table_find(&st->sessions, mr_span_str(pid));
    struct mr_saved *s = node ? MR_CONTAINER(node, struct mr_saved, node) : NULL;
    struct mr_restored r = {.session = s};
    const char **rooms;
    uint64_t seq = 0;

    if (s == NULL || s->attached || mr__memory_too_old(st, s)) {
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
        if (s->stays[i].until == MR_STILL_IN)
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

static int find_missed(const struct mr_memory *st, const struct mr_saved *s, struct found *f)
{
    int rc = find_in(f, st->log.everybody, s->from, MR_STILL_IN);

    for (uint32_t i = 0; i < s->n && rc == MR_OK; i++) {
        const struct stay *y = &s->stays[i];

        if (y->until > s->from)
            rc = find_in(f, y->key, later(s->from, y->since), y->until);
    }
    if (f->n > 1)
        qsort(f->list, f->n, sizeof(struct mr_log_entry *), by_seq);
    return rc;
}

void mr__memory_missed(void *store, struct mr_saved *s, mr_missed_fn fn, void *ctx)
{
    struct mr_memory *st = store;
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
    s->level = s->attached;
    fn(MR_OK, frames, n, ctx);
    mr_free(frames);
}
