/* batch.c - collecting records, and taking a refused batch to pieces. */
#include "batch.h"

#include "base/clock.h"
#include "proto/alloc.h"

#define PARTS_CAP_MIN  16
#define HALVINGS_MAX   64 /* ranges that wait: one for each halving of a batch of 2^64 records */
#define REASON_UNKNOWN "it could not be read"

struct mr_span el_message_key(const rd_kafka_message_t *m)
{
    return m->key ? mr_span_of(m->key, m->key_len) : MR_SPAN_NONE;
}

struct mr_span el_message_value(const rd_kafka_message_t *m)
{
    return m->payload ? mr_span_of(m->payload, m->len) : MR_SPAN_NONE;
}

int64_t el_message_ms(const rd_kafka_message_t *m)
{
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    int64_t ms = rd_kafka_message_timestamp(m, &type);

    return type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || ms < 0 ? -1 : ms;
}

uint64_t el_message_fingerprint(const rd_kafka_message_t *m)
{
    return el_fingerprint(el_message_ms(m), el_message_key(m), el_message_value(m));
}

struct el_batch *el_batch_new(size_t cap)
{
    struct el_batch *b = mr_zalloc(1, sizeof(*b));

    if (b == NULL)
        return NULL;
    b->cap = cap;
    b->records = mr_zalloc(cap, sizeof(*b->records));
    if (b->records == NULL) {
        mr_free(b);
        return NULL;
    }
    return b;
}

void el_batch_free(struct el_batch *b)
{
    if (b == NULL)
        return;
    el_batch_reset(b, 0, 0);
    mr_free(b->records);
    mr_free(b->parts);
    mr_free(b);
}

void el_batch_reset(struct el_batch *b, uint64_t serial, uint64_t epoch)
{
    for (size_t i = 0; i < b->n; i++) {
        rd_kafka_message_destroy(b->records[i].msg);
        mr_free(b->records[i].reason);
    }
    b->n = b->parts_n = b->bytes = 0;
    b->since_ms = 0;
    b->serial = serial;
    b->epoch = epoch;
}

bool el_batch_full(const struct el_batch *b)
{
    return b->n == b->cap || b->bytes >= EL_BATCH_BYTES;
}

static int part_of(struct el_batch *b, struct el_place *place, int64_t expected, uint32_t *out)
{
    struct el_part *part;

    if (place->part_serial == b->serial && place->part < b->parts_n) {
        *out = (uint32_t)place->part;
        return MR_OK;
    }
    if (b->parts_n == b->parts_cap) {
        size_t cap = b->parts_cap ? 2 * b->parts_cap : PARTS_CAP_MIN;
        struct el_part *parts = mr_realloc(b->parts, cap * sizeof(*parts));

        if (parts == NULL)
            return MR_E_NOMEM;
        b->parts = parts;
        b->parts_cap = cap;
    }
    place->part_serial = b->serial;
    place->part = b->parts_n;
    part = &b->parts[b->parts_n];
    memcpy(part->topic, place->topic, sizeof(part->topic));
    part->partition = place->partition;
    part->owner = place->owner;
    part->expected = expected;
    *out = (uint32_t)b->parts_n++;
    return MR_OK;
}

/* Is this half of a change of the primary key? Its other half is named in a header. */
static void link_halves(const rd_kafka_message_t *msg, struct mr_change *c)
{
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t len;

    if ((c->kind != MR_CHANGE_DELETE && c->kind != MR_CHANGE_INSERT) ||
        rd_kafka_message_headers(msg, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &len) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++)
        mr_cdc_link(c, mr_span_str(name), value ? mr_span_of(value, len) : MR_SPAN_NONE);
}

int el_batch_add(struct el_batch *b, rd_kafka_message_t *msg, struct el_place *place,
                 int64_t expected, bool known)
{
    struct el_record *r = &b->records[b->n];
    struct mr_span key = el_message_key(msg), value = el_message_value(msg);
    char reason[MR_CDC_REASON_MAX];
    int rc = part_of(b, place, expected, &r->part);

    if (rc != MR_OK)
        return rc;
    r->msg = msg;
    r->gap = msg->offset - expected;
    r->reason = NULL;
    r->known = known;
    r->dead =
        !known && mr_cdc_read(mr_span_str(place->topic), key, value, &r->change, reason) != MR_OK;
    if (r->dead)
        r->reason = mr_strdup(reason[0] ? reason : REASON_UNKNOWN);
    else if (!known)
        link_halves(msg, &r->change);
    if (b->n++ == 0)
        b->since_ms = mr_mono_ms();
    b->bytes += key.len + value.len;
    return MR_OK;
}

size_t el_batch_span(struct el_batch *b, size_t from, size_t to)
{
    size_t n = 0;

    for (size_t i = 0; i < b->parts_n; i++)
        b->parts[i].next = -1;
    for (size_t i = to; i-- > from;) {
        struct el_part *part = &b->parts[b->records[i].part];

        if (part->next >= 0)
            continue;
        part->next = b->records[i].msg->offset + 1;
        part->last = i;
        n++;
    }
    return n;
}

void el_batch_stored(struct el_batch *b)
{
    for (size_t i = 0; i < b->parts_n; i++)
        if (b->parts[i].next >= 0)
            b->parts[i].expected = b->parts[i].next;
}

int el_batch_halve(const struct el_halving *h, size_t from, size_t to)
{
    struct {
        size_t from, to;
    } waiting[HALVINGS_MAX]; /* a stack: what comes first is on top */
    size_t depth = 1;

    waiting[0].from = from;
    waiting[0].to = to;
    while (depth > 0) {
        size_t a = waiting[depth - 1].from, z = waiting[depth - 1].to;
        size_t middle = a + (z - a) / 2;
        int rc = h->store(h->ctx, a, z);

        if (rc == MR_E_DATA && z - a == 1) {
            h->refuse(h->ctx, a);
            rc = h->store(h->ctx, a, z);
            if (rc == MR_E_DATA)
                return rc;
        }
        if (rc == MR_OK) {
            depth--;
        } else if (rc != MR_E_DATA || depth == HALVINGS_MAX) {
            return rc;
        } else {
            waiting[depth - 1].from = middle;
            waiting[depth].from = a;
            waiting[depth].to = middle;
            depth++;
        }
    }
    return MR_OK;
}
