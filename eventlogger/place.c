/* place.c - the arithmetic of offsets. */
#include "place.h"

#define FNV_OFFSET 0xcbf29ce484222325u
#define FNV_PRIME  0x100000001b3u

static uint64_t mix(uint64_t h, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;

    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * FNV_PRIME;
    return h;
}

uint64_t el_fingerprint(int64_t timestamp_ms, struct mr_span key, struct mr_span value)
{
    uint64_t lengths[2] = {key.len, value.len};
    uint64_t h = mix(FNV_OFFSET, &timestamp_ms, sizeof(timestamp_ms));

    h = mix(h, lengths, sizeof(lengths));
    h = mix(h, key.ptr, key.len);
    h = mix(h, value.ptr, value.len);
    return h ? h : 1;
}

int64_t el_place_begin(struct el_place *p, const struct el_stand *s)
{
    p->next = s->next;
    p->fingerprint = s->fingerprint;
    p->verify = s->fingerprint != 0 && s->next > 0;
    p->again = false;
    return p->verify ? p->next - 1 : p->next;
}

bool el_place_verifies(const struct el_place *p, int64_t offset)
{
    return p->state == EL_PLACE_READY && p->verify && offset == p->next - 1;
}

enum el_verdict el_place_see(struct el_place *p, int64_t offset, uint64_t fingerprint)
{
    if (p->state != EL_PLACE_READY || !p->claimed)
        return EL_DROP;
    if (el_place_verifies(p, offset)) {
        if (fingerprint != p->fingerprint)
            return EL_REMADE;
        p->verify = false;
        return EL_DROP;
    }
    if (offset < p->next)
        return EL_DROP;
    /* The record before next did not come. Compaction may have taken it; but should the fetch have
     * begun in the wrong place, records would be passed over, so look once more. */
    if (p->verify && !p->again) {
        p->again = true;
        return EL_AGAIN;
    }
    p->verify = false;
    p->next = offset + 1;
    return EL_TAKE;
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
