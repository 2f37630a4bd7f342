/* latency.c - from ids to percentiles. */
#include "ingest/latency.h"
#include "base/uuid.h"
#include <stdlib.h>
#include <string.h>

#define LONGEST_MS (24 * 3600 * 1000) /* beyond it the id is not one of ours */

void mr_latency_add(struct mr_latencies *l, struct mr_span message, int64_t now_ms)
{
    static const char begin[] = "{\"id\":\"";
    struct mr_uuid id;
    int64_t at = 0;

    if (message.len < sizeof(begin) - 1 + 36 ||
        memcmp(message.ptr, begin, sizeof(begin) - 1) != 0 ||
        !mr_uuid_parse(mr_span_of(message.ptr + sizeof(begin) - 1, 36), &id) || id.b[6] >> 4 != 7)
        return;
    for (size_t i = 0; i < 6; i++)
        at = at << 8 | id.b[i];
    if (now_ms < at || now_ms - at > LONGEST_MS)
        return;
    l->ms[l->n++ % MR_LATENCIES] = (uint32_t)(now_ms - at);
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

bool mr_latency_percentiles(const struct mr_latencies *l, uint32_t out[3])
{
    static const size_t which[3] = {50, 95, 99};
    uint32_t sorted[MR_LATENCIES];
    size_t n = l->n < MR_LATENCIES ? l->n : MR_LATENCIES;

    if (n == 0)
        return false;
    memcpy(sorted, l->ms, n * sizeof(sorted[0]));
    qsort(sorted, n, sizeof(sorted[0]), by_size);
    for (size_t i = 0; i < 3; i++)
        out[i] = sorted[(n * which[i] + 99) / 100 - 1];
    return true;
}
