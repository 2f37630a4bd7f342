/* figures.c - /ws/stats and the dashboard's feed: the newest figures, on time. */
#include "base/clock.h"
#include "base/metrics.h"
#include "feeds/feed.h"
#include "proto/alloc.h"

#define TICK_MS      50
#define STATS_MS     500
#define DASHBOARD_MS 5000

struct figures_feed {
    struct feed base;
    bool missed; /* it is congested, and a sample was due */
    uint64_t due_ms;
};

struct figures {
    struct mr_feeds *f;
    uv_timer_t timer;
    struct mr_buf json;
    struct mr_frame *frames[2]; /* of this turn: stats, dashboard */
    struct mr_metric *skipped;
};

static struct figures_feed *of(struct feed *s)
{
    return (struct figures_feed *)s;
}

/* The sample as this kind of feed sends it, made when the first one needs it. */
static struct mr_frame *frame_of(struct figures *g, bool envelope)
{
    struct mr_buf data = MR_BUF_INIT(65536);

    if (g->frames[envelope])
        return g->frames[envelope];
    mr_buf_clear(&g->json);
    g->f->opt.stats(g->f->opt.ctx, envelope ? &data : &g->json);
    if (envelope)
        feed_envelope(&g->json, "stats_update", mr_buf_span(&data));
    mr_buf_free(&data);
    if (mr_buf_err(&g->json) == MR_OK)
        g->frames[envelope] = mr_ws_frame_new(false, mr_buf_span(&g->json));
    return g->frames[envelope];
}

static void drop_frames(struct figures *g)
{
    for (size_t i = 0; i < 2; i++) {
        if (g->frames[i])
            mr_frame_unref(g->frames[i]);
        g->frames[i] = NULL;
    }
}

static void serve(struct figures *g, struct figures_feed *s, uint64_t now)
{
    int64_t every = s->base.query.interval_ms;
    struct mr_frame *frame;

    s->due_ms += (uint64_t)every;
    if (s->due_ms <= now) /* it was away for a while */
        s->due_ms = now + (uint64_t)every;
    if (mr_ws_congested(s->base.ws)) {
        s->missed = true;
        mr_metric_add(g->skipped, 1);
        return;
    }
    frame = frame_of(g, s->base.kind->envelope);
    if (frame)
        (void)mr_ws_send_frame(s->base.ws, frame);
}

static void on_tick(uv_timer_t *t)
{
    struct figures *g = t->data;
    uint64_t now = mr_mono_ms();
    bool any = false;
    struct feed *next;

    for (struct feed *s = g->f->first; s; s = next) {
        next = s->next; /* a send may end it */
        if (s->kind == &mr_feed_bus_kind)
            continue;
        any = true;
        if (of(s)->due_ms <= now)
            serve(g, of(s), now);
    }
    drop_frames(g);
    if (!any)
        uv_timer_stop(t);
}

static int on_opened(struct feed *s)
{
    struct figures *g = s->f->figures;

    of(s)->due_ms = mr_mono_ms();
    if (s->query.interval_ms == 0)
        s->query.interval_ms = s->kind->interval_ms;
    if (s->kind->envelope)
        feed_say(s, "connection_ack", MR_SPAN("{\"message\":\"connected\"}"));
    if (!uv_is_active((uv_handle_t *)&g->timer))
        uv_timer_start(&g->timer, on_tick, 0, TICK_MS);
    return MR_OK;
}

/* The newest, as soon as it can be taken. */
static void on_drained(struct feed *s)
{
    if (of(s)->missed)
        of(s)->due_ms = mr_mono_ms();
    of(s)->missed = false;
}

#define TAKES "This feed takes {\\\"type\\\":\\\"ping\\\"} only."

const struct feed_kind mr_feed_stats_kind = {.name = "/ws/stats",
                                             .size = sizeof(struct figures_feed),
                                             .interval_ms = STATS_MS,
                                             .takes = TAKES,
                                             .opened = on_opened,
                                             .drained = on_drained};
const struct feed_kind mr_feed_dashboard_kind = {.name = "/api/v1/ws/dashboard",
                                                 .size = sizeof(struct figures_feed),
                                                 .interval_ms = DASHBOARD_MS,
                                                 .takes = TAKES,
                                                 .envelope = true,
                                                 .opened = on_opened,
                                                 .drained = on_drained};

int figures_new(struct mr_feeds *f)
{
    struct figures *g = mr_zalloc(1, sizeof(*g));

    if (!g)
        return MR_E_NOMEM;
    f->figures = g;
    g->f = f;
    mr_buf_init(&g->json, 65536);
    g->skipped = mr_metric_counter("millrace_feeds_skipped_total",
                                   "samples left out because a socket did not keep up", NULL);
    uv_timer_init(f->opt.loop, &g->timer);
    g->timer.data = g;
    return MR_OK;
}

void figures_stop(struct mr_feeds *f)
{
    uv_timer_stop(&f->figures->timer); /* what it asks for figures goes next */
}

static void on_timer_closed(uv_handle_t *h)
{
    struct figures *g = h->data;

    drop_frames(g);
    mr_buf_free(&g->json);
    mr_free(g);
}

void figures_free(struct mr_feeds *f)
{
    uv_close((uv_handle_t *)&f->figures->timer, on_timer_closed);
}
