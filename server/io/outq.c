/* outq.c - a ring of frame references. */
#include "io/outq.h"

#include "proto/alloc.h"

#define CAP_MIN       4
#define KEYS_SEARCHED 1024 /* of the youngest packets, for one of the same key */

static int make_room(struct mr_outq *q, uint32_t n)
{
    uint32_t cap = q->cap ? q->cap : CAP_MIN;
    struct mr_frame **ring;

    if (q->n + n <= q->cap)
        return MR_OK;
    while (cap < q->n + n) {
        if (cap > UINT32_MAX / 4)
            return MR_E_NOMEM;
        cap *= 2;
    }
    ring = mr_alloc(cap * sizeof(struct mr_frame *));
    if (ring == NULL)
        return MR_E_NOMEM;
    for (uint32_t i = 0; i < q->n; i++)
        ring[i] = q->ring[(q->head + i) & (q->cap - 1)];
    mr_free(q->ring);
    q->ring = ring;
    q->head = 0;
    q->cap = cap;
    return MR_OK;
}

int mr__outq_push(struct mr_outq *q, struct mr_frame *f, size_t bytes_max)
{
    size_t bytes = mr_frame_bytes(f);

    if (q->n > 0 && (bytes > bytes_max || q->bytes > bytes_max - bytes))
        return MR_E_TOOBIG;
    if (make_room(q, 1) != MR_OK)
        return MR_E_NOMEM;
    q->ring[(q->head + q->n++) & (q->cap - 1)] = mr_frame_ref(f);
    q->bytes += bytes;
    return MR_OK;
}

struct mr_frame *mr__outq_at(const struct mr_outq *q, uint32_t i)
{
    return q->ring[(q->head + i) & (q->cap - 1)];
}

int mr__outq_iov(const struct mr_outq *q, struct iovec *iov, int n_max, size_t bytes_max)
{
    size_t skip = q->sent, total = 0;
    int n = 0;

    for (uint32_t i = 0; i < q->n && n < n_max && total < bytes_max; i++) {
        struct mr_span wire = mr__frame_wire(mr__outq_at(q, i));

        /* iovec has no const; writev does not write */
        iov[n].iov_base = (void *)(uintptr_t)(wire.ptr + skip);
        iov[n].iov_len = wire.len - skip;
        total += wire.len - skip;
        skip = 0;
        n++;
    }
    return n;
}

static void drop_first(struct mr_outq *q)
{
    struct mr_frame *f = q->ring[q->head];

    q->bytes -= mr_frame_bytes(f) - q->sent;
    q->sent = 0;
    q->head = (q->head + 1) & (q->cap - 1);
    q->n--;
    mr_frame_unref(f);
}

/* The smallest ring stays: a socket in use would otherwise allocate once a packet. */
static void shrink(struct mr_outq *q)
{
    if (q->n == 0 && q->cap > CAP_MIN) {
        mr_free(q->ring);
        *q = (struct mr_outq){0};
    }
}

size_t mr__outq_drop_latest(struct mr_outq *q, uint64_t key)
{
    uint32_t first = q->sent > 0 ? 1 : 0; /* what has begun must be finished */
    uint32_t from = q->n > KEYS_SEARCHED ? q->n - KEYS_SEARCHED : 0;
    struct mr_frame *f;
    size_t bytes;

    for (uint32_t i = q->n; i > from && i > first; i--) {
        f = mr__outq_at(q, i - 1);
        if (f->latest != key)
            continue;
        for (; i < q->n; i++)
            q->ring[(q->head + i - 1) & (q->cap - 1)] = mr__outq_at(q, i);
        q->n--;
        bytes = mr_frame_bytes(f);
        q->bytes -= bytes;
        mr_frame_unref(f);
        return bytes;
    }
    return 0;
}

uint32_t mr__outq_took(struct mr_outq *q, size_t n)
{
    uint32_t dropped = 0;

    while (n > 0) {
        size_t left = mr_frame_bytes(mr__outq_at(q, 0)) - q->sent;

        if (n < left) {
            q->sent += n;
            q->bytes -= n;
            break;
        }
        n -= left;
        drop_first(q);
        dropped++;
    }
    shrink(q);
    return dropped;
}

void mr__outq_pop(struct mr_outq *q)
{
    drop_first(q);
    shrink(q);
}

int mr__outq_move(struct mr_outq *dst, struct mr_outq *src)
{
    if (src->n == 0)
        return MR_OK;
    if (make_room(dst, src->n) != MR_OK)
        return MR_E_NOMEM;
    for (uint32_t i = 0; i < src->n; i++)
        dst->ring[(dst->head + dst->n++) & (dst->cap - 1)] = mr__outq_at(src, i);
    dst->bytes += src->bytes;
    mr_free(src->ring);
    *src = (struct mr_outq){0};
    return MR_OK;
}

void mr__outq_clear(struct mr_outq *q)
{
    while (q->n > 0)
        drop_first(q);
    mr_free(q->ring);
    *q = (struct mr_outq){0};
}
