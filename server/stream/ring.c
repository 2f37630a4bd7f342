/* ring.c - a ring of batches with their frames; the oldest go first. */
#include "stream/ring.h"
#include "proto/alloc.h"

static void drop_oldest(struct mr_ring *r)
{
    struct mr_ring_entry *e = &r->entries[r->head];

    for (size_t i = 0; i < e->batch->n; i++)
        if (e->frames[i])
            mr_frame_unref(e->frames[i]);
    mr_free(e->frames);
    mr_run_batch_unref(e->batch);
    r->bytes -= e->bytes;
    r->head = (r->head + 1) % MR_RING_BATCHES;
    r->n--;
}

void mr_ring_clear(struct mr_ring *r)
{
    while (r->n)
        drop_oldest(r);
}

static size_t batch_bytes(const struct mr_run_batch *b)
{
    size_t sum = sizeof(*b);

    for (size_t i = 0; i < b->n; i++)
        sum += b->events[i].json.len + sizeof(b->events[i]);
    return sum;
}

struct mr_ring_entry *mr_ring_push(struct mr_ring *r, struct mr_run_batch *b, int64_t first_seq)
{
    struct mr_ring_entry e = {.first_seq = first_seq, .last_seq = b->last_seq};
    struct mr_ring_entry *slot;

    e.bytes = batch_bytes(b);
    e.frames = mr_zalloc(b->n ? b->n : 1, sizeof(struct mr_frame *));
    if (!e.frames) {
        mr_ring_clear(r);
        return NULL;
    }
    e.batch = mr_run_batch_ref(b);
    while (r->n && (r->n == MR_RING_BATCHES || r->bytes + e.bytes > MR_RING_BYTES_MAX))
        drop_oldest(r);
    slot = &r->entries[(r->head + r->n) % MR_RING_BATCHES];
    *slot = e;
    r->n++;
    r->bytes += e.bytes;
    return slot;
}

int64_t mr_ring_first(const struct mr_ring *r, int64_t none)
{
    return r->n ? r->entries[r->head].first_seq : none;
}

struct mr_ring_entry *mr_ring_at(struct mr_ring *r, size_t i)
{
    return &r->entries[(r->head + i) % MR_RING_BATCHES];
}

struct mr_frame *mr_ring_frame(struct mr_server *srv, struct mr_ring_entry *e, size_t i)
{
    if (!e->frames[i])
        e->frames[i] = mr_frame_new(srv, "/", "replication_event", e->batch->events[i].json);
    return e->frames[i];
}
