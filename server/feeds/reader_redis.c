/* reader_redis.c - SCAN, XINFO, XREAD, XRANGE and XTRIM. */
#include "feeds/reader_redis.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_MS "50"
#define READ_MAX "256" /* entries of each stream at once */
#define KEY_MAX  (64 + MR_BUS_NAME)

static struct mr_span key_of(const struct bus_redis *b, const char *name, char out[KEY_MAX])
{
    (void)snprintf(out, KEY_MAX, "%s%s", b->cfg->bus_prefix, name);
    return mr_span_str(out);
}

int bus_redis_open(struct bus_redis *b, int64_t timeout_ms)
{
    (void)snprintf(b->cursor, sizeof(b->cursor), "0");
    return mr_redis_open(&b->r, b->cfg->redis_url, timeout_ms, b->why, sizeof(b->why));
}

void bus_redis_close(struct bus_redis *b)
{
    mr_redis_close(b->r);
    b->r = NULL;
}

/* type: of the reply that is expected; nil is one, too, and *out is NULL then. */
static int call(struct bus_redis *b, size_t n, const struct mr_span *args, int type,
                redisReply **out)
{
    int rc = mr_redis_call(b->r, n, args, out);

    if (rc != MR_OK) {
        (void)snprintf(b->why, sizeof(b->why), "%s", mr_redis_why(b->r));
        *out = NULL;
        return rc;
    }
    if ((*out)->type == type)
        return MR_OK;
    if ((*out)->type == REDIS_REPLY_ERROR) {
        (void)snprintf(b->why, sizeof(b->why), "%.250s", (*out)->str);
        rc = strncmp((*out)->str, "WRONGTYPE", 9) == 0          ? MR_E_CONFLICT
             : strncmp((*out)->str, "ERR no such key", 15) == 0 ? MR_E_NOTFOUND
                                                                : MR_E_UNAVAIL;
    } else if ((*out)->type != REDIS_REPLY_NIL) {
        (void)snprintf(b->why, sizeof(b->why), "an unexpected reply");
        rc = MR_E_UNAVAIL;
    }
    freeReplyObject(*out);
    *out = NULL;
    return rc;
}

int bus_redis_now(struct bus_redis *b, struct mr_bus_id *out)
{
    redisReply *reply;
    int rc = call(b, MR_REDIS_ARGS(MR_SPAN("TIME")), REDIS_REPLY_ARRAY, &reply);

    if (rc != MR_OK || !reply || reply->elements != 2)
        return rc == MR_OK ? MR_E_UNAVAIL : rc;
    out->ms = strtoull(reply->element[0]->str, NULL, 10) * 1000 +
              strtoull(reply->element[1]->str, NULL, 10) / 1000 - 1;
    out->seq = UINT64_MAX;
    freeReplyObject(reply);
    return MR_OK;
}

/* ---- names -------------------------------------------------------------------------------- */

static int scan_step(struct bus_redis *b, bus_name_fn fn, void *ctx)
{
    size_t prefix = strlen(b->cfg->bus_prefix);
    redisReply *reply;
    char match[KEY_MAX];
    int rc;

    (void)snprintf(match, sizeof(match), "%s*", b->cfg->bus_prefix);
    rc = call(b,
              MR_REDIS_ARGS(MR_SPAN("SCAN"), mr_span_str(b->cursor), MR_SPAN("MATCH"),
                            mr_span_str(match), MR_SPAN("COUNT"), MR_SPAN("500"), MR_SPAN("TYPE"),
                            MR_SPAN("stream")),
              REDIS_REPLY_ARRAY, &reply);
    if (rc != MR_OK || !reply)
        return rc == MR_OK ? MR_E_UNAVAIL : rc;
    (void)snprintf(b->cursor, sizeof(b->cursor), "%s", reply->element[0]->str);
    for (size_t i = 0; i < reply->element[1]->elements && rc == MR_OK; i++) {
        const redisReply *key = reply->element[1]->element[i];

        if (key->len > prefix && memcmp(key->str, b->cfg->bus_prefix, prefix) == 0)
            rc = fn(ctx, key->str + prefix);
    }
    freeReplyObject(reply);
    return rc;
}

int bus_redis_scan(struct bus_redis *b, bool all, bus_name_fn fn, void *ctx)
{
    int rc;

    do {
        rc = scan_step(b, fn, ctx);
    } while (rc == MR_OK && all && strcmp(b->cursor, "0") != 0);
    return rc;
}

static struct mr_bus_id id_in(const redisReply *r)
{
    struct mr_bus_id id = {0, 0};

    if (r->type == REDIS_REPLY_STRING && mr_bus_id_parse(mr_span_of(r->str, r->len), &id) != MR_OK)
        id = (struct mr_bus_id){0, 0};
    return id;
}

int bus_redis_info(struct bus_redis *b, const char *name, struct bus_info *out)
{
    char key[KEY_MAX];
    redisReply *reply;
    int rc = call(b, MR_REDIS_ARGS(MR_SPAN("XINFO"), MR_SPAN("STREAM"), key_of(b, name, key)),
                  REDIS_REPLY_ARRAY, &reply);

    if (rc != MR_OK || !reply)
        return rc == MR_OK ? MR_E_UNAVAIL : rc;
    *out = (struct bus_info){.added = -1};
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        const redisReply *value = reply->element[i + 1];
        struct mr_span field = mr_span_of(reply->element[i]->str, reply->element[i]->len);

        if (mr_span_is(field, "length"))
            out->length = value->integer;
        else if (mr_span_is(field, "entries-added"))
            out->added = value->integer;
        else if (mr_span_is(field, "last-generated-id"))
            out->last = id_in(value);
        else if (mr_span_is(field, "first-entry") && value->type == REDIS_REPLY_ARRAY &&
                 value->elements > 0)
            out->first = id_in(value->element[0]);
    }
    if (out->added < out->length) /* before Redis 7 it is not told */
        out->added = out->length;
    freeReplyObject(reply);
    return MR_OK;
}

int bus_redis_trim(struct bus_redis *b, const char *name, int64_t max)
{
    char key[KEY_MAX], most[24];
    redisReply *reply;
    int rc;

    (void)snprintf(most, sizeof(most), "%lld", (long long)max);
    rc = call(b,
              MR_REDIS_ARGS(MR_SPAN("XTRIM"), key_of(b, name, key), MR_SPAN("MAXLEN"), MR_SPAN("~"),
                            mr_span_str(most)),
              REDIS_REPLY_INTEGER, &reply);
    if (reply)
        freeReplyObject(reply);
    return rc == MR_E_CONFLICT || rc == MR_E_NOTFOUND ? MR_OK : rc;
}

/* ---- entries ------------------------------------------------------------------------------ */

static bool take_entry(const redisReply *r, struct bus_entry *out)
{
    const redisReply *fields;

    if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 ||
        r->element[1]->type != REDIS_REPLY_ARRAY)
        return false; /* deleted between its index and its reading */
    fields = r->element[1];
    out->id_text = mr_span_of(r->element[0]->str, r->element[0]->len);
    out->id = id_in(r->element[0]);
    out->n = fields->elements / 2 < BUS_FIELDS ? fields->elements / 2 : BUS_FIELDS;
    for (size_t i = 0; i < 2 * out->n; i++)
        out->fields[i] = mr_span_of(fields->element[i]->str, fields->element[i]->len);
    return true;
}

static size_t bytes_of(const struct bus_entry *e)
{
    size_t n = 0;

    for (size_t i = 0; i < 2 * e->n; i++)
        n += e->fields[i].len;
    return n;
}

static int each_entry(const redisReply *list, size_t stream, bus_entry_fn fn, void *ctx,
                      size_t bytes_max, size_t *n)
{
    struct bus_entry e;
    size_t bytes = 0;
    int rc = MR_OK;

    for (*n = 0; *n < list->elements && rc == MR_OK && bytes < bytes_max; (*n)++) {
        if (!take_entry(list->element[*n], &e))
            continue;
        bytes += bytes_of(&e);
        rc = fn(ctx, stream, &e);
    }
    return rc;
}

static size_t stream_of(const struct bus_redis *b, const redisReply *key, size_t n,
                        const char *const *names)
{
    size_t prefix = strlen(b->cfg->bus_prefix), i = 0;

    while (i < n && (key->len <= prefix || strcmp(key->str + prefix, names[i]) != 0))
        i++;
    return i;
}

int bus_redis_read(struct bus_redis *b, size_t n, const char *const *names,
                   const struct mr_bus_id *after, const size_t *which, bus_entry_fn fn, void *ctx)
{
    struct mr_span args[6 + 2 * MR_BUS_STREAMS_MAX] = {MR_SPAN("XREAD"),  MR_SPAN("COUNT"),
                                                       MR_SPAN(READ_MAX), MR_SPAN("BLOCK"),
                                                       MR_SPAN(BLOCK_MS), MR_SPAN("STREAMS")};
    char keys[MR_BUS_STREAMS_MAX][KEY_MAX], ids[MR_BUS_STREAMS_MAX][MR_BUS_ID_TEXT];
    redisReply *reply;
    size_t done;
    int rc;

    for (size_t i = 0; i < n; i++) {
        args[6 + i] = key_of(b, names[i], keys[i]);
        mr_bus_id_format(after[i], ids[i]);
        args[6 + n + i] = mr_span_str(ids[i]);
    }
    rc = call(b, 6 + 2 * n, args, REDIS_REPLY_ARRAY, &reply);
    for (size_t i = 0; rc == MR_OK && reply && i < reply->elements; i++) {
        const redisReply *one = reply->element[i];
        size_t at = stream_of(b, one->element[0], n, names);

        if (at < n)
            rc = each_entry(one->element[1], which[at], fn, ctx, SIZE_MAX, &done);
    }
    if (reply)
        freeReplyObject(reply);
    return rc;
}

int bus_redis_has(struct bus_redis *b, const char *name, struct mr_bus_id id, bool *out)
{
    char key[KEY_MAX], at[MR_BUS_ID_TEXT];
    redisReply *reply;
    int rc;

    mr_bus_id_format(id, at);
    rc = call(
        b, MR_REDIS_ARGS(MR_SPAN("XRANGE"), key_of(b, name, key), mr_span_str(at), mr_span_str(at)),
        REDIS_REPLY_ARRAY, &reply);
    *out = rc == MR_OK && reply && reply->elements > 0;
    if (reply)
        freeReplyObject(reply);
    return rc;
}

int bus_redis_range(struct bus_redis *b, const char *name, size_t stream, struct mr_bus_id after,
                    struct mr_bus_id to, bus_entry_fn fn, void *ctx, size_t *n)
{
    char key[KEY_MAX], from[1 + MR_BUS_ID_TEXT] = "(", end[MR_BUS_ID_TEXT], count[16];
    redisReply *reply;
    int rc;

    *n = 0;
    mr_bus_id_format(after, from + 1);
    mr_bus_id_format(to, end);
    (void)snprintf(count, sizeof(count), "%d", BUS_PAGE);
    rc = call(b,
              MR_REDIS_ARGS(MR_SPAN("XRANGE"), key_of(b, name, key), mr_span_str(from),
                            mr_span_str(end), MR_SPAN("COUNT"), mr_span_str(count)),
              REDIS_REPLY_ARRAY, &reply);
    if (rc == MR_OK && reply) {
        rc = each_entry(reply, stream, fn, ctx, BUS_PAGE_BYTES, n);
        if (*n < reply->elements) /* the bytes were enough */
            *n = BUS_PAGE;
    }
    if (reply)
        freeReplyObject(reply);
    return rc == MR_E_CONFLICT ? MR_OK : rc;
}
