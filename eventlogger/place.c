/* place.c - the arithmetic of offsets. */
#include "place.h"

#define SEED  0x9e3779b97f4a7c15u
#define PRIME 0xff51afd7ed558ccdu

static uint64_t mix_word(uint64_t h, uint64_t word)
{
    h = (h ^ word) * PRIME;
    return h ^ h >> 32;
}

/* Eight bytes at a time: it is asked of every record of a quiet stream. */
static uint64_t mix(uint64_t h, struct mr_span s)
{
    uint64_t word;
    size_t at = 0;

    for (; s.len - at >= sizeof(word); at += sizeof(word)) {
        memcpy(&word, s.ptr + at, sizeof(word));
        h = mix_word(h, word);
    }
    word = 0;
    if (at < s.len)
        memcpy(&word, s.ptr + at, s.len - at);
    return mix_word(mix_word(h, word), s.len);
}

uint64_t el_fingerprint(int64_t timestamp_ms, struct mr_span key, struct mr_span value)
{
    uint64_t h = mix(mix(mix_word(SEED, (uint64_t)timestamp_ms), key), value);

    return h ? h : 1;
}

bool el_trail_begins(const struct el_trail *t, int64_t ms)
{
    return t->n == 0 || ms - t->points[t->newest].ms >= EL_TRAIL_STEP_MS;
}

void el_trail_begin(struct el_trail *t, int64_t offset, int64_t ms, uint64_t fingerprint)
{
    t->newest = (t->newest + 1) % EL_TRAIL_POINTS;
    if (t->n < EL_TRAIL_POINTS)
        t->n++;
    t->points[t->newest] = (struct el_trail_point){offset, ms, fingerprint, offset + 1};
}

void el_trail_extend(struct el_trail *t, int64_t offset)
{
    t->points[t->newest].taken = offset + 1;
}

const struct el_trail_point *el_trail_oldest(const struct el_trail *t)
{
    if (t == NULL || t->n == 0)
        return NULL;
    return &t->points[(t->newest + EL_TRAIL_POINTS + 1 - t->n) % EL_TRAIL_POINTS];
}

bool el_trail_has(const struct el_trail *t, const struct el_trail_point *point)
{
    for (size_t i = 0; t != NULL && i < t->n; i++) {
        const struct el_trail_point *at =
            &t->points[(t->newest + EL_TRAIL_POINTS - i) % EL_TRAIL_POINTS];

        if (at->offset == point->offset && at->fingerprint == point->fingerprint)
            return true;
    }
    return false;
}

int64_t el_trail_before(const struct el_trail *t, int64_t ms)
{
    for (size_t i = 0; i < t->n; i++) {
        size_t at = (t->newest + EL_TRAIL_POINTS - i) % EL_TRAIL_POINTS;

        if (t->points[at].ms < ms)
            return t->points[at].taken;
    }
    return -1;
}

int64_t el_place_begin(struct el_place *p, const struct el_stand *s)
{
    /* Elsewhere than expected, the trail leads nowhere, unless the topic was found another. */
    if (p->trail != NULL && !p->refill && s->next != p->next)
        p->trail->n = 0;
    p->next = s->next;
    p->verify = s->fingerprint != 0 && s->next > 0;
    p->look_at = s->next - 1;
    p->look_for = s->fingerprint;
    p->audit = false;
    p->again = false;
    return p->verify ? p->look_at : p->next;
}

int64_t el_place_audit(struct el_place *p, int64_t offset, uint64_t fingerprint)
{
    p->verify = true;
    p->look_at = offset;
    p->look_for = fingerprint;
    p->audit = true;
    p->again = true; /* one look must do: there is nothing amiss yet */
    return offset;
}

void el_place_remade(struct el_place *p)
{
    p->refill = p->audit && p->trail != NULL;
    p->skip_from = p->skip_to = p->next;
}

void el_place_refill(struct el_place *p, int64_t offset, int64_t ms)
{
    int64_t from;

    if (!p->refill || p->state != EL_PLACE_READY || p->verify || offset < p->next)
        return;
    p->refill = false;
    from = el_trail_before(p->trail, ms);
    if (from >= 0 && from < p->skip_to)
        p->skip_from = from;
    p->trail->n = 0; /* its offsets are the old topic's */
}

bool el_place_verifies(const struct el_place *p, int64_t offset)
{
    return p->state == EL_PLACE_READY && p->verify && offset == p->look_at;
}

/* The record that was to come again: it, or one behind it. */
static enum el_verdict verify(struct el_place *p, int64_t offset, uint64_t fingerprint)
{
    if (offset == p->look_at && fingerprint != p->look_for)
        return EL_REMADE;
    /* It did not come. Compaction may have taken it; but should the fetch have begun in the wrong
     * place, records would be passed over, so look once more. */
    if (offset > p->look_at && !p->again) {
        p->again = true;
        return EL_AGAIN;
    }
    p->verify = false;
    return EL_TAKE;
}

enum el_verdict el_place_see(struct el_place *p, int64_t offset, uint64_t fingerprint)
{
    if (p->state != EL_PLACE_READY || !p->claimed)
        return EL_DROP;
    if (p->verify && offset >= p->look_at) {
        enum el_verdict v = verify(p, offset, fingerprint);

        if (v != EL_TAKE)
            return v;
    }
    if (offset < p->next)
        return EL_DROP;
    p->next = offset + 1;
    return offset >= p->skip_from && offset < p->skip_to ? EL_PASS : EL_TAKE;
}

bool el_place_in_range(const struct el_place *p, int64_t low, int64_t high)
{
    return p->next >= low && p->next <= high;
}

int el_place_cmp(const void *va, const void *vb)
{
    const struct el_place *a = va, *b = vb;
    int order = strcmp(a->topic, b->topic);

    if (order)
        return order;
    return a->partition < b->partition ? -1 : a->partition > b->partition;
}
