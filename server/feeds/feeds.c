/* feeds.c - who is connected, and the timer that serves them. */
#include "feeds/feeds.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "proto/alloc.h"
#include "proto/json.h"
#include <stdio.h>
#include <string.h>

#define TICK_MS      50
#define STATS_MS     500
#define DASHBOARD_MS 5000
#define MESSAGE_MAX  65536
#define QUEUE_MAX    (1u << 20)

struct feed {
    struct mr_feeds *f;
    struct mr_ws *ws;
    bool dashboard, missed; /* missed: it is congested, and a sample was due */
    int64_t interval_ms;
    uint64_t due_ms;
    struct feed *next, **at;
};

struct mr_feeds {
    struct mr_feeds_options opt;
    uv_timer_t timer;
    struct feed *first;
    size_t n;
    bool stopped;
    struct mr_buf json;
    struct mr_frame *frames[2]; /* of this turn: stats, dashboard */
    struct mr_metric *open, *refused, *skipped, *invalid;
};

/* ---- sending ------------------------------------------------------------------------------ */

static void envelope(struct mr_buf *b, const char *type, struct mr_span data)
{
    char now[MR_TIME_TEXT];

    mr_time_format(mr_wall_us(), now);
    mr_buf_addf(b, "{\"type\":\"%s\",\"data\":", type);
    mr_buf_add_span(b, data);
    mr_buf_addf(b, ",\"timestamp\":\"%s\"}", now);
}

/* The sample as this kind of feed sends it, made when the first one needs it. */
static struct mr_frame *frame_of(struct mr_feeds *f, bool dashboard)
{
    struct mr_buf data = MR_BUF_INIT(65536);

    if (f->frames[dashboard])
        return f->frames[dashboard];
    mr_buf_clear(&f->json);
    f->opt.stats(f->opt.ctx, dashboard ? &data : &f->json);
    if (dashboard)
        envelope(&f->json, "stats_update", mr_buf_span(&data));
    mr_buf_free(&data);
    if (mr_buf_err(&f->json) == MR_OK)
        f->frames[dashboard] = mr_ws_frame_new(false, mr_buf_span(&f->json));
    return f->frames[dashboard];
}

static void drop_frames(struct mr_feeds *f)
{
    for (size_t i = 0; i < 2; i++) {
        if (f->frames[i])
            mr_frame_unref(f->frames[i]);
        f->frames[i] = NULL;
    }
}

static void serve(struct feed *s, uint64_t now)
{
    struct mr_frame *frame;

    s->due_ms += (uint64_t)s->interval_ms;
    if (s->due_ms <= now) /* it was away for a while */
        s->due_ms = now + (uint64_t)s->interval_ms;
    if (mr_ws_congested(s->ws)) {
        s->missed = true;
        mr_metric_add(s->f->skipped, 1);
        return;
    }
    frame = frame_of(s->f, s->dashboard);
    if (frame)
        (void)mr_ws_send_frame(s->ws, frame);
}

static void on_tick(uv_timer_t *t)
{
    struct mr_feeds *f = t->data;
    uint64_t now = mr_mono_ms();
    struct feed *next;

    for (struct feed *s = f->first; s; s = next) {
        next = s->next; /* a send may end it */
        if (s->due_ms <= now)
            serve(s, now);
    }
    drop_frames(f);
}

static void say(struct feed *s, const char *type, struct mr_span data)
{
    struct mr_buf b = MR_BUF_INIT(2 * MESSAGE_MAX);

    envelope(&b, type, data);
    if (mr_buf_err(&b) == MR_OK)
        (void)mr_ws_send_text(s->ws, mr_buf_span(&b));
    mr_buf_free(&b);
}

/* ---- connections -------------------------------------------------------------------------- */

static int refuse(struct mr_feeds *f, struct mr_http_req *req, int status, const char *detail)
{
    static const struct mr_http_header headers[] = {{"content-type", "application/problem+json"},
                                                    {"retry-after", "5"}};
    char body[256];

    (void)snprintf(body, sizeof(body), "{\"status\":%d,\"detail\":\"%s\"}", status, detail);
    mr_metric_add(f->refused, 1);
    mr_http_reply(req, &(struct mr_http_response){.status = status,
                                                  .headers = headers,
                                                  .n_headers = status == 503 ? 2 : 1,
                                                  .body = mr_span_str(body)});
    return MR_E_CLOSED;
}

static bool too_many_of(const struct mr_feeds *f, const char *addr)
{
    int64_t n = 0;

    for (const struct feed *s = f->first; s; s = s->next)
        n += strcmp(mr_ws_addr(s->ws), addr) == 0;
    return n >= f->opt.cfg->max_ws_per_address;
}

static int check(struct mr_feeds *f, struct mr_http_req *req, int64_t *interval_ms)
{
    int rc;

    if (f->stopped)
        return refuse(f, req, 503, "The server is shutting down.");
    rc = f->opt.allow(f->opt.ctx, req, interval_ms);
    if (rc == MR_E_INVAL)
        return refuse(f, req, 422, "interval_ms must be a whole number from 100 to 60000.");
    if (rc == MR_E_FORBIDDEN)
        return refuse(f, req, 403, "This needs the role viewer.");
    if (rc != MR_OK)
        return refuse(f, req, 401, "Give a token: ?token=, or Authorization: Bearer.");
    if ((int64_t)f->n >= f->opt.cfg->max_ws)
        return refuse(f, req, 503, "Too many WebSockets are open.");
    if (too_many_of(f, mr_http_addr(req)))
        return refuse(f, req, 503, "Too many WebSockets of this address are open.");
    return MR_OK;
}

static void request(struct mr_feeds *f, struct mr_http_req *req, bool dashboard,
                    int64_t interval_ms)
{
    struct feed *s;

    if (check(f, req, &interval_ms) != MR_OK)
        return;
    s = mr_zalloc(1, sizeof(*s));
    if (!s) {
        (void)refuse(f, req, 503, "Out of memory.");
        return;
    }
    s->f = f;
    s->dashboard = dashboard;
    s->interval_ms = interval_ms;
    if (mr_ws_accept(req, NULL, s) != MR_OK && !s->ws)
        mr_free(s);
}

static void on_stats_request(struct mr_http_req *req, void *ctx)
{
    request(ctx, req, false, STATS_MS);
}

static void on_dashboard_request(struct mr_http_req *req, void *ctx)
{
    request(ctx, req, true, DASHBOARD_MS);
}

static void on_open(struct mr_ws *ws, void *ctx)
{
    struct mr_feeds *f = ctx;
    struct feed *s = mr_ws_data(ws);

    s->ws = ws;
    s->next = f->first;
    s->at = &f->first;
    if (s->next)
        s->next->at = &s->next;
    f->first = s;
    mr_metric_set(f->open, (double)++f->n);
    s->due_ms = mr_mono_ms();
    if (s->dashboard)
        say(s, "connection_ack", MR_SPAN("{\"message\":\"connected\"}"));
    if (f->n == 1 && !f->stopped)
        uv_timer_start(&f->timer, on_tick, 0, TICK_MS);
}

static void on_close(struct mr_ws *ws, int code, struct mr_span reason, void *ctx)
{
    struct mr_feeds *f = ctx;
    struct feed *s = mr_ws_data(ws);

    (void)code;
    (void)reason;
    *s->at = s->next;
    if (s->next)
        s->next->at = s->at;
    mr_metric_set(f->open, (double)--f->n);
    if (f->n == 0)
        uv_timer_stop(&f->timer);
    mr_free(s);
}

/* The newest, as soon as it can be taken. */
static void on_drain(struct mr_ws *ws, void *ctx)
{
    struct feed *s = mr_ws_data(ws);

    (void)ctx;
    if (!s->missed)
        return;
    s->missed = false;
    s->due_ms = mr_mono_ms();
}

/* "ping" is answered; everything else is not for us, which is said, and the connection stays. */
static void on_message(struct mr_ws *ws, struct mr_span data, bool binary, void *ctx)
{
    struct feed *s = mr_ws_data(ws);
    struct mr_feeds *f = ctx;
    struct mr_span m, type, sent = MR_SPAN_NONE;

    if (!binary && mr_json_check(data, &m) == MR_OK && mr_json_type(m) == MR_JSON_OBJECT &&
        mr_json_get(m, "type", &type) == MR_OK && mr_span_is(mr_json_string_raw(type), "ping")) {
        if (mr_json_get(m, "data", &sent) != MR_OK)
            sent = MR_SPAN("null");
        say(s, "pong", sent);
        return;
    }
    mr_metric_add(f->invalid, 1);
    LOG_WARN("feed_message_ignored", F_STR("addr", mr_ws_addr(ws)), F_UINT("bytes", data.len));
    say(s, "error", MR_SPAN("{\"message\":\"This feed takes {\\\"type\\\":\\\"ping\\\"} only.\"}"));
}

/* ---- up and down -------------------------------------------------------------------------- */

int mr_feeds_new(struct mr_feeds **out, const struct mr_feeds_options *opt)
{
    struct mr_ws_handlers h = {.open = on_open,
                               .message = on_message,
                               .drain = on_drain,
                               .close = on_close,
                               .message_bytes_max = MESSAGE_MAX,
                               .queue_bytes_max = QUEUE_MAX,
                               .high_water_bytes = 65536,
                               .low_water_bytes = 16384,
                               .ping_interval_ms = 20000};
    struct mr_feeds *f = mr_zalloc(1, sizeof(*f));
    int rc;

    if (!f)
        return MR_E_NOMEM;
    f->opt = *opt;
    mr_buf_init(&f->json, 65536);
    f->open = mr_metric_gauge("millrace_feeds", "WebSockets of feeds", NULL);
    f->refused = mr_metric_counter("millrace_feeds_refused_total", "WebSockets refused", NULL);
    f->skipped = mr_metric_counter("millrace_feeds_skipped_total",
                                   "samples left out because a socket did not keep up", NULL);
    f->invalid = mr_metric_counter("millrace_feeds_invalid_messages_total",
                                   "messages of clients that no feed takes", NULL);
    uv_timer_init(opt->loop, &f->timer);
    f->timer.data = f;
    h.request = on_stats_request;
    rc = mr_on_websocket(opt->server, "/ws/stats", &h, f);
    h.request = on_dashboard_request;
    if (rc == MR_OK)
        rc = mr_on_websocket(opt->server, "/api/v1/ws/dashboard", &h, f);
    if (rc == MR_OK)
        rc = mr_on_websocket(opt->server, "/ws/dashboard", &h, f);
    *out = f;
    return rc;
}

void mr_feeds_stop(struct mr_feeds *f)
{
    struct feed *next;

    f->stopped = true;
    uv_timer_stop(&f->timer); /* what it asks for figures goes next */
    for (struct feed *s = f->first; s; s = next) {
        next = s->next;
        (void)mr_ws_close(s->ws, 1001, MR_SPAN("the server is shutting down"));
    }
}

static void on_timer_closed(uv_handle_t *h)
{
    struct mr_feeds *f = h->data;

    drop_frames(f);
    mr_buf_free(&f->json);
    mr_free(f);
}

void mr_feeds_free(struct mr_feeds *f)
{
    if (f)
        uv_close((uv_handle_t *)&f->timer, on_timer_closed);
}
