/* bus.c - the sockets of /ws: who wants which stream, and what each is sent, in order.
 *
 *   reader --entries--> a frame each --> sockets that want the stream: at once, or into their 100
 *                                        pending, when they are slow or paced
 *   socket --subscribe {after}--> reader: pages of the past --> that socket; then it is live
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "feeds/bus_wants.h"
#include "feeds/feed.h"
#include "feeds/pending.h"
#include "proto/alloc.h"
#include "proto/json.h"
#include <string.h>

#define PACE_MS 5  /* between two deliveries: what comes meanwhile goes together */
#define TICK_MS 20 /* for those who are paced */
#define SLICE   64 /* entries delivered in one turn of the loop */

struct bus_feed {
    struct feed base;
    struct bus_wants wants;
    struct pending pending;
};

struct bus {
    struct mr_feeds *f;
    struct mr_bus_reader *reader; /* NULL: not yet, or not any more */
    uv_async_t ready;
    uv_timer_t pace, tick;
    int open_handles;
    uint64_t delivered_ms;
    struct mr_bus_entry *list; /* taken, not delivered yet */
    uint64_t sent;
    struct mr_metric *sent_total, *coalesced;
};

static void on_tick(uv_timer_t *t);

static struct bus_feed *of(struct feed *s)
{
    return (struct bus_feed *)s;
}

/* ---- to one socket ------------------------------------------------------------------------ */

static const char *name_of(const void *reader, size_t stream)
{
    return mr_bus_reader_name(reader, stream);
}

static void send_frame(struct bus *b, struct bus_feed *s, struct mr_frame *frame)
{
    pending_went(&s->pending);
    b->sent++;
    mr_metric_add(b->sent_total, 1);
    (void)mr_ws_send_frame(s->base.ws, frame);
}

static void tell_lost(struct bus *b, struct bus_feed *s)
{
    struct mr_buf data = MR_BUF_INIT(16384);

    pending_lost_json(&s->pending, name_of, b->reader, &data);
    feed_say(&s->base, "coalesced", mr_buf_span(&data));
    mr_buf_free(&data);
}

static bool may_send(struct bus_feed *s)
{
    return mr_ws_is_open(s->base.ws) && !mr_ws_congested(s->base.ws) &&
           pending_may(&s->pending, mr_mono_ms());
}

static void ask_pages(struct bus *b, struct bus_feed *s)
{
    for (size_t i = 0; i < s->wants.n && b->reader; i++) {
        struct bus_want *w = &s->wants.of[i];

        if (!w->due || w->stream < 0 || !may_send(s))
            continue;
        w->due = mr_bus_reader_replay(b->reader, s->base.id << 16 | w->turn, (size_t)w->stream,
                                      w->floor, w->first) != MR_OK;
        w->first = w->first && w->due;
    }
}

static void pump(struct bus *b, struct bus_feed *s)
{
    struct pending_item item;

    while (b->reader && pending_first(&s->pending, &item) && may_send(s)) {
        if (s->pending.lost > 0)
            tell_lost(b, s);
        pending_drop_first(&s->pending);
        send_frame(b, s, item.message);
        mr_frame_unref(item.message);
    }
    ask_pages(b, s);
    if ((s->pending.n > 0 && s->pending.rate > 0) || bus_wants_due(&s->wants))
        if (!uv_is_active((uv_handle_t *)&b->tick))
            uv_timer_start(&b->tick, on_tick, TICK_MS, TICK_MS);
}

static void offer(struct bus *b, struct bus_feed *s, const struct mr_bus_entry *e,
                  struct mr_frame *frame)
{
    const struct pending_item item = {frame, e->len, e->stream, e->id};
    struct pending_item old;

    if (s->pending.n == 0 && may_send(s)) {
        send_frame(b, s, frame);
        return;
    }
    while (pending_make_room(&s->pending, e->len, &old)) {
        mr_metric_add(b->coalesced, 1);
        mr_frame_unref(old.message);
    }
    (void)mr_frame_ref(frame);
    pending_add(&s->pending, &item);
    pump(b, s);
}

static void on_tick(uv_timer_t *t)
{
    struct bus *b = t->data;
    bool waiting = false;
    struct feed *next;

    for (struct feed *s = b->f->first; s; s = next) {
        next = s->next; /* a send may end it */
        if (s->kind != &mr_feed_bus_kind)
            continue;
        waiting |= of(s)->pending.n > 0 || bus_wants_due(&of(s)->wants);
        pump(b, of(s));
    }
    if (!waiting)
        uv_timer_stop(t);
}

/* ---- to all ------------------------------------------------------------------------------- */

static struct bus_feed *with_id(struct bus *b, uint64_t id)
{
    struct feed *s = b->f->first;

    while (s && s->id != id)
        s = s->next;
    return s ? of(s) : NULL;
}

static void to_all(struct bus *b, const struct mr_bus_entry *e)
{
    struct mr_frame *frame = NULL;
    struct feed *next;

    for (struct feed *s = b->f->first; s; s = next) {
        next = s->next;
        if (s->kind != &mr_feed_bus_kind || !bus_wants_live(&of(s)->wants, e->stream, e->id))
            continue;
        if (e->what == MR_BUS_GAP) {
            feed_say(s, "gap", mr_span_of(e->json, e->len));
            continue;
        }
        if (!frame)
            frame = mr_ws_frame_new(false, mr_span_of(e->json, e->len));
        if (frame)
            offer(b, of(s), e, frame);
    }
    if (frame)
        mr_frame_unref(frame);
}

/* A page of the past goes by the pending ones, so that none of it is left out: a page is only asked
 * for when the socket takes more. */
static void to_one(struct bus *b, const struct mr_bus_entry *e)
{
    struct bus_feed *s = with_id(b, e->to >> 16);
    struct bus_want *w = s ? bus_wants_behind(&s->wants, e->stream, (uint16_t)e->to) : NULL;

    if (!w)
        return; /* it has gone, or thought better of it */
    if (e->what == MR_BUS_GAP) {
        feed_say(&s->base, "gap", mr_span_of(e->json, e->len));
    } else if (e->what == MR_BUS_REPLAYED) {
        if (mr_bus_id_cmp(e->id, w->floor) <= 0)
            return; /* Redis went away within the page, and it came again */
        w->floor = e->id;
        pending_went(&s->pending);
        b->sent++;
        mr_metric_add(b->sent_total, 1);
        (void)mr_ws_send_text(s->base.ws, mr_span_of(e->json, e->len));
    } else {
        w->behind = w->due = e->what == MR_BUS_REPLAY_MORE;
        bus_wants_settle(&s->wants, e->stream);
        if (!w->behind)
            bus_say_replayed(&s->base, w);
        pump(b, s);
    }
}

static void found(struct bus *b, size_t stream)
{
    const char *name = mr_bus_reader_name(b->reader, stream);

    for (struct feed *s = b->f->first; s; s = s->next) {
        if (s->kind != &mr_feed_bus_kind)
            continue;
        bus_wants_found(&of(s)->wants, name, stream);
        ask_pages(b, of(s));
    }
}

static void deliver(struct bus *b)
{
    if (!b->list && b->reader)
        b->list = mr_bus_reader_take(b->reader);
    for (size_t i = 0; i < SLICE && b->list; i++) {
        struct mr_bus_entry *e = b->list;

        b->list = e->next;
        if (!b->f->stopped && b->reader) {
            if (e->what == MR_BUS_FOUND)
                found(b, e->stream);
            else if (e->to != 0)
                to_one(b, e);
            else
                to_all(b, e);
        }
        mr_free(e);
    }
    if (b->list) /* the rest in the loop's next turn, when what was sent has left */
        uv_async_send(&b->ready);
    b->delivered_ms = mr_mono_ms();
}

static void on_pace(uv_timer_t *t)
{
    deliver(t->data);
}

static void on_ready(uv_async_t *a)
{
    struct bus *b = a->data;
    uint64_t gone = mr_mono_ms() - b->delivered_ms;

    if (b->list || gone >= PACE_MS)
        deliver(b);
    else if (!uv_is_active((uv_handle_t *)&b->pace))
        uv_timer_start(&b->pace, on_pace, PACE_MS - gone, 0);
}

/* ---- what clients ask --------------------------------------------------------------------- */

static bool on_asked(struct feed *s, struct mr_span type, struct mr_span message)
{
    struct bus *b = s->f->bus;
    struct bus_feed *bs = of(s);
    struct mr_span data = MR_SPAN_NONE;
    bool leave = mr_span_is(type, "unsubscribe");

    if (mr_json_get(message, "data", &data) != MR_OK)
        data = MR_SPAN("null");
    if (mr_span_is(type, "test")) {
        feed_say(s, "test", data);
        return true;
    }
    if (!leave && !mr_span_is(type, "subscribe"))
        return false;
    if (mr_json_type(data) == MR_JSON_OBJECT)
        message = data;
    if (!b->reader || bus_wants_ask(&bs->wants, s, b->reader, message, leave) != MR_OK)
        return true; /* it was told */
    bus_say_wants(s, &bs->wants, leave ? "unsubscribed" : "subscribed");
    pump(b, bs);
    return true;
}

static int on_opened(struct feed *s)
{
    struct bus_feed *bs = of(s);
    struct bus *b = s->f->bus;

    pending_init(&bs->pending, s->query.max_rate, mr_mono_ms());
    bus_wants_init(&bs->wants);
    if (b->reader && (s->query.streams[0] || s->query.after[0]) &&
        bus_wants_start(&bs->wants, b->reader, s->query.streams, s->query.after) != MR_OK)
        return MR_E_NOMEM;
    feed_say(s, "connection_ack",
             MR_SPAN("{\"message\":\"connected\",\"buffer\":100,\"takes\":[\"ping\",\"test\","
                     "\"subscribe\",\"unsubscribe\"]}"));
    if (b->reader)
        pump(b, bs);
    return MR_OK;
}

static void on_drained(struct feed *s)
{
    pump(s->f->bus, of(s));
}

static void on_closed(struct feed *s)
{
    struct pending_item item;

    while (pending_first(&of(s)->pending, &item)) {
        pending_drop_first(&of(s)->pending);
        mr_frame_unref(item.message);
    }
    bus_wants_free(&of(s)->wants);
}

const struct feed_kind mr_feed_bus_kind = {
    .name = "/ws",
    .size = sizeof(struct bus_feed),
    .takes = "This feed takes ping, test, subscribe and unsubscribe, as {\\\"type\\\": ..}.",
    .envelope = true,
    .opened = on_opened,
    .asked = on_asked,
    .drained = on_drained,
    .closed = on_closed};

/* ---- figures, up and down ----------------------------------------------------------------- */

void mr_feeds_bus_json(struct mr_feeds *f, struct mr_buf *out)
{
    struct bus *b = f->bus;
    uint64_t coalesced = 0, waiting = 0, sockets = 0;

    for (struct feed *s = f->first; s; s = s->next) {
        if (s->kind != &mr_feed_bus_kind)
            continue;
        sockets++;
        coalesced += of(s)->pending.lost_ever;
        waiting += of(s)->pending.n;
    }
    mr_buf_addf(out, "\"sockets\":%llu,\"sent\":%llu,", (unsigned long long)sockets,
                (unsigned long long)b->sent);
    mr_buf_addf(out, "\"waiting\":%llu,\"coalesced\":%llu", (unsigned long long)waiting,
                (unsigned long long)coalesced);
}

void mr_feeds_bus(struct mr_feeds *f, struct mr_bus_reader *reader)
{
    f->bus->reader = reader;
}

void mr_feeds_ready(void *f)
{
    (void)uv_async_send(&((struct mr_feeds *)f)->bus->ready);
}

int bus_new(struct mr_feeds *f)
{
    struct bus *b = mr_zalloc(1, sizeof(*b));

    if (!b)
        return MR_E_NOMEM;
    f->bus = b;
    b->f = f;
    b->sent_total = mr_metric_counter("millrace_bus_sent_total", "messages sent to sockets", NULL);
    b->coalesced = mr_metric_counter("millrace_bus_coalesced_total",
                                     "messages left out of a socket that did not keep up", NULL);
    uv_timer_init(f->opt.loop, &b->pace);
    uv_timer_init(f->opt.loop, &b->tick);
    b->ready.data = b->pace.data = b->tick.data = b;
    if (uv_async_init(f->opt.loop, &b->ready, on_ready) != 0)
        return MR_E_IO;
    b->open_handles = 3;
    return MR_OK;
}

void bus_stop(struct mr_feeds *f)
{
    f->bus->reader = NULL; /* it goes next */
    uv_timer_stop(&f->bus->pace);
    uv_timer_stop(&f->bus->tick);
}

static void on_handle_closed(uv_handle_t *h)
{
    struct bus *b = h->data;

    if (--b->open_handles > 0)
        return;
    for (struct mr_bus_entry *next; b->list; b->list = next) {
        next = b->list->next;
        mr_free(b->list);
    }
    mr_free(b);
}

void bus_free(struct mr_feeds *f)
{
    struct bus *b = f->bus;

    uv_close((uv_handle_t *)&b->ready, on_handle_closed);
    uv_close((uv_handle_t *)&b->pace, on_handle_closed);
    uv_close((uv_handle_t *)&b->tick, on_handle_closed);
}
