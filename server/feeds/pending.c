/* pending.c - a ring, a bucket of tokens, and a count of what was left out. */
#include "feeds/pending.h"
#include <string.h>

void pending_init(struct pending *p, int64_t rate, uint64_t now_ms)
{
    memset(p, 0, sizeof(*p));
    p->rate = rate;
    p->tokens = 1;
    p->at_ms = now_ms;
}

bool pending_may(struct pending *p, uint64_t now_ms)
{
    double most = (double)p->rate / 10 > 1 ? (double)p->rate / 10 : 1; /* of 100 ms */

    if (p->rate == 0)
        return true;
    p->tokens += (double)(now_ms - p->at_ms) * (double)p->rate / 1000;
    p->at_ms = now_ms;
    if (p->tokens > most)
        p->tokens = most;
    return p->tokens >= 1;
}

void pending_went(struct pending *p)
{
    if (p->rate > 0)
        p->tokens -= 1;
}

static void count_lost(struct pending *p, const struct pending_item *item)
{
    size_t i = 0;

    p->lost++;
    p->lost_ever++;
    while (i < p->n_streams && p->streams[i].stream != item->stream)
        i++;
    if (i == PENDING_STREAMS)
        return;
    if (i == p->n_streams)
        p->streams[p->n_streams++] =
            (struct pending_lost){.stream = item->stream, .from = item->id};
    p->streams[i].n++;
    p->streams[i].to = item->id;
}

bool pending_make_room(struct pending *p, size_t bytes, struct pending_item *out)
{
    if (p->n == 0 || (p->n < PENDING_MAX && p->bytes + bytes <= PENDING_BYTES))
        return false;
    (void)pending_first(p, out);
    count_lost(p, out);
    pending_drop_first(p);
    return true;
}

void pending_add(struct pending *p, const struct pending_item *item)
{
    p->items[(p->head + p->n++) % PENDING_MAX] = *item;
    p->bytes += item->bytes;
}

bool pending_first(const struct pending *p, struct pending_item *out)
{
    if (p->n == 0)
        return false;
    *out = p->items[p->head];
    return true;
}

void pending_drop_first(struct pending *p)
{
    p->bytes -= p->items[p->head].bytes;
    p->head = (p->head + 1) % PENDING_MAX;
    p->n--;
}

void pending_lost_json(struct pending *p, const char *(*name)(const void *ctx, size_t stream),
                       const void *ctx, struct mr_buf *out)
{
    mr_buf_addf(out, "{\"count\":%llu,\"total\":%llu,\"streams\":[", (unsigned long long)p->lost,
                (unsigned long long)p->lost_ever);
    for (size_t i = 0; i < p->n_streams; i++) {
        const struct pending_lost *l = &p->streams[i];
        char from[MR_BUS_ID_TEXT], to[MR_BUS_ID_TEXT];

        mr_buf_addf(out, "%s{\"stream\":\"%s\",\"count\":%llu,", i > 0 ? "," : "",
                    name(ctx, l->stream), (unsigned long long)l->n);
        mr_bus_id_format(l->from, from);
        mr_bus_id_format(l->to, to);
        mr_buf_addf(out, "\"from\":\"%s\",\"to\":\"%s\"}", from, to);
    }
    mr_buf_add_str(out, "]}");
    p->lost = 0;
    p->n_streams = 0;
}
