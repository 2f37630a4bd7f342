/* bus.c - the message bus by REST: what it holds, and messages for it. */
#include "api/api.h"
#include "api/handlers.h"
#include "base/log.h"
#include "feeds/feeds.h"
#include "ingest/queue.h"
#include <stdio.h>
#include <string.h>

#define MESSAGES_MAX 1000

int mr_get_bus_status(struct mr_call *c)
{
    mr_buf_add_char(&c->out, '{');
    mr_bus_reader_json(c->api->bus, &c->out);
    mr_buf_add_char(&c->out, ',');
    mr_feeds_bus_json(c->api->feeds, &c->out);
    mr_buf_add_char(&c->out, '}');
    return MR_OK;
}

/* {data, type?} and nothing else is a message and what it calls itself; anything else is the
 * message. One request's messages are of one type. */
static int add_message(struct mr_call *c, long at, struct mr_span m, void *ctx)
{
    struct mr_queue_item *item = ctx;
    struct mr_span data = MR_SPAN_NONE, type = MR_SPAN_NONE;
    struct mr_json_iter it;
    size_t others = 0;
    int rc = MR_E_END;

    (void)at;
    if (mr_json_type(m) == MR_JSON_OBJECT)
        for (rc = mr_json_begin(&it, m); rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK;) {
            if (mr_span_is(it.key, "data"))
                data = it.value;
            else if (mr_span_is(it.key, "type"))
                type = it.value;
            else
                others++;
        }
    if (rc != MR_E_END)
        return rc;
    if (!data.ptr || others > 0) {
        mr_buf_add_span(&item->text, m);
        return mr_queue_item_end(item);
    }
    if (type.ptr) {
        struct mr_span name = mr_json_string_raw(type);

        if (mr_json_type(type) != MR_JSON_STRING || !mr_bus_type_ok(name)) {
            mr_call_fault(c, "type",
                          "must be 1 to 64 letters, digits and . _ : - and none of the server's "
                          "own (error, pong, ..)");
            return MR_OK;
        }
        if (item->n > 0 && !mr_span_is(name, item->type))
            mr_call_fault(c, "type", "must be the same for all messages of a request");
        (void)snprintf(item->type, sizeof(item->type), MR_SPAN_FMT, MR_SPAN_ARG(name));
    }
    mr_buf_add_span(&item->text, data);
    return mr_queue_item_end(item);
}

/* [thread: queue] */
static void published(void *ctx, const struct mr_pushed *what)
{
    struct mr_call *c = ctx;

    if (what->rc == MR_OK) {
        c->status = 201;
        mr_buf_addf(&c->out, "\"id\":\"%s\"}", what->last_id);
        mr_call_answer(c, MR_OK);
        return;
    }
    mr_buf_clear(&c->out);
    if (what->rc == MR_E_CONFLICT) {
        mr_call_answer(
            c, mr_call_fail(c, MR_E_CONFLICT, 409,
                            "The Redis key of that stream holds something that is no stream."));
        return;
    }
    LOG_DEBUG("bus_refused", F_STR("why", what->why));
    mr_call_header(c, "Retry-After", "1");
    mr_call_answer(c, mr_call_fail(c, MR_E_UNAVAIL, 503,
                                   "The message bus is not available (Redis); try again."));
}

static int take(struct mr_call *c, struct mr_queue_item *item)
{
    int rc = mr_call_records(c, MESSAGES_MAX, add_message, item);

    if (rc == MR_OK)
        rc = mr_call_faults(c);
    if (rc == MR_OK && item->n == 0)
        rc = mr_call_fail(c, MR_E_INVAL, 422, "There is no message in the body.");
    if (rc == MR_OK && item->text.len > MR_BUS_ENTRY_MAX)
        rc = mr_call_fail(c, MR_E_TOOBIG, 413, "The messages of a request are 1 MiB at most.");
    return rc;
}

int mr_post_bus(struct mr_call *c)
{
    struct mr_queue_item *item;
    struct mr_buf name = MR_BUF_INIT(1024);
    int rc = mr_url_decode(c->params[0], false, &name);

    if (rc != MR_OK || !mr_bus_name_ok(mr_buf_span(&name))) {
        mr_buf_free(&name);
        mr_call_fault(c, "stream", "must be 1 to 128 letters, digits and . _ : -");
        return mr_call_faults(c);
    }
    item = mr_queue_item();
    rc = item ? take(c, item) : MR_E_NOMEM;
    if (rc == MR_OK) {
        (void)snprintf(item->stream, sizeof(item->stream), "%s%s", c->api->opt.cfg->bus_prefix,
                       mr_buf_cstr(&name));
        mr_bus_reader_look(c->api->bus, mr_buf_cstr(&name));
        mr_buf_addf(&c->out, "{\"status\":\"published\",\"stream\":\"%s\",\"accepted\":%zu,",
                    mr_buf_cstr(&name), item->n);
        item->done = published;
        item->ctx = c;
        rc = mr_queue_push(c->api->opt.queue, item);
        if (rc == MR_OK) {
            mr_buf_free(&name);
            return MR_CALL_LATER;
        }
        mr_buf_clear(&c->out);
        mr_call_header(c, "Retry-After", "1");
        rc = mr_call_fail(c, rc, 503, "Too many messages wait for Redis already; try again.");
    }
    mr_buf_free(&name);
    mr_queue_item_free(item);
    return rc;
}
