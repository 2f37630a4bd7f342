/* feeds.c - who is connected, who may be, and what is the same for all. */
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "feeds/feed.h"
#include "proto/alloc.h"
#include "proto/json.h"
#include <stdio.h>
#include <string.h>

#define HIGH_WATER     65536u
#define BUS_HIGH_WATER 262144u
#define EXPIRY_MS      1000
#define QUEUE_MAX      (1u << 20)
#define BUS_QUEUE_MAX  (8u << 20)

/* ---- what is said ------------------------------------------------------------------------- */

void feed_envelope(struct mr_buf *b, const char *type, struct mr_span data)
{
    char now[MR_TIME_TEXT];

    mr_time_format(mr_wall_us(), now);
    mr_buf_addf(b, "{\"type\":\"%s\",\"data\":", type);
    mr_buf_add_span(b, data);
    mr_buf_addf(b, ",\"timestamp\":\"%s\"}", now);
}

void feed_say(struct feed *s, const char *type, struct mr_span data)
{
    struct mr_buf b = MR_BUF_INIT(2 * FEED_MESSAGE_MAX);

    feed_envelope(&b, type, data);
    if (mr_buf_err(&b) == MR_OK)
        (void)mr_ws_send_text(s->ws, mr_buf_span(&b));
    mr_buf_free(&b);
}

void feed_complain(struct feed *s, const char *sentence)
{
    struct mr_buf data = MR_BUF_INIT(1024);

    mr_buf_addf(&data, "{\"message\":\"%s\"}", sentence);
    feed_say(s, "error", mr_buf_span(&data));
    mr_buf_free(&data);
}

void mr_feeds_tell(struct mr_feeds *f, const char *type, struct mr_span data,
                   bool (*may)(const void *ctx, const struct mr_identity *who), const void *ctx)
{
    struct mr_buf b = MR_BUF_INIT(2 * FEED_MESSAGE_MAX);
    struct mr_frame *frame = NULL;
    struct feed *next;

    feed_envelope(&b, type, data);
    if (mr_buf_err(&b) == MR_OK)
        frame = mr_ws_frame_new(false, mr_buf_span(&b));
    mr_buf_free(&b);
    for (struct feed *s = f->first; s && frame; s = next) {
        next = s->next;
        if (s->kind == &mr_feed_dashboard_kind && !mr_ws_congested(s->ws) &&
            (!may || may(ctx, &s->query.who)))
            (void)mr_ws_send_frame(s->ws, frame);
    }
    if (frame)
        mr_frame_unref(frame);
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

static int check(struct mr_feeds *f, struct mr_http_req *req, int rc, const char *why)
{
    if (f->stopped)
        return refuse(f, req, 503, "The server is shutting down.");
    if (rc == MR_E_INVAL)
        return refuse(f, req, 422, why);
    if (rc == MR_E_FORBIDDEN)
        return refuse(f, req, 403, "This needs the role viewer.");
    if (rc == MR_E_AUTH || rc == MR_E_TIMEOUT)
        return refuse(f, req, 401, "Give a token: ?token=, or Authorization: Bearer.");
    if (rc != MR_OK)
        return refuse(f, req, 503, "Whose key that is could not be found out; try again.");
    if ((int64_t)f->n >= f->opt.cfg->max_ws)
        return refuse(f, req, 503, "Too many WebSockets are open.");
    if (too_many_of(f, mr_http_addr(req)))
        return refuse(f, req, 503, "Too many WebSockets of this address are open.");
    return MR_OK;
}

static void decide(struct feed *s, int rc, const char *why)
{
    if (check(s->f, s->req, rc, why) != MR_OK || (mr_ws_accept(s->req, NULL, s) != MR_OK && !s->ws))
        mr_free(s);
}

void mr_feeds_decide(struct mr_feed_ticket *ticket, int rc, const struct mr_identity *who)
{
    struct feed *s = (struct feed *)ticket;

    if (rc == MR_OK)
        s->query.who = *who;
    decide(s, rc, "");
}

static void request(struct mr_feeds *f, struct mr_http_req *req, const struct feed_kind *kind)
{
    struct feed *s = mr_zalloc(1, kind->size);
    const char *why = "";
    int rc;

    if (!s) {
        (void)refuse(f, req, 503, "Out of memory.");
        return;
    }
    s->f = f;
    s->kind = kind;
    s->req = req;
    s->query.bus = kind == &mr_feed_bus_kind;
    rc = f->opt.allow(f->opt.ctx, req, &s->query, &why, (struct mr_feed_ticket *)s);
    if (rc != MR_E_AGAIN)
        decide(s, rc, why);
}

static void on_stats_request(struct mr_http_req *req, void *ctx)
{
    request(ctx, req, &mr_feed_stats_kind);
}

static void on_dashboard_request(struct mr_http_req *req, void *ctx)
{
    request(ctx, req, &mr_feed_dashboard_kind);
}

static void on_bus_request(struct mr_http_req *req, void *ctx)
{
    request(ctx, req, &mr_feed_bus_kind);
}

static void on_open(struct mr_ws *ws, void *ctx)
{
    struct mr_feeds *f = ctx;
    struct feed *s = mr_ws_data(ws);

    s->ws = ws;
    s->id = ++f->last_id;
    s->since_us = mr_wall_us();
    s->next = f->first;
    s->at = &f->first;
    if (s->next)
        s->next->at = &s->next;
    f->first = s;
    mr_metric_set(f->open, (double)++f->n);
    if (s->kind->opened(s) != MR_OK)
        (void)mr_ws_close(ws, 1011, MR_SPAN("out of memory"));
}

static void on_close(struct mr_ws *ws, int code, struct mr_span reason, void *ctx)
{
    struct mr_feeds *f = ctx;
    struct feed *s = mr_ws_data(ws);

    (void)code;
    (void)reason;
    if (s->kind->closed)
        s->kind->closed(s);
    *s->at = s->next;
    if (s->next)
        s->next->at = s->at;
    mr_metric_set(f->open, (double)--f->n);
    mr_free(s);
}

static void on_drain(struct mr_ws *ws, void *ctx)
{
    struct feed *s = mr_ws_data(ws);

    (void)ctx;
    s->kind->drained(s);
}

/* "ping" is answered by all; what a feed does not take is said, and the connection stays. */
static void on_message(struct mr_ws *ws, struct mr_span data, bool binary, void *ctx)
{
    struct feed *s = mr_ws_data(ws);
    struct mr_feeds *f = ctx;
    struct mr_span m, type, sent = MR_SPAN_NONE;

    if (!binary && mr_json_check(data, &m) == MR_OK && mr_json_type(m) == MR_JSON_OBJECT &&
        mr_json_get(m, "type", &type) == MR_OK && mr_json_type(type) == MR_JSON_STRING) {
        type = mr_json_string_raw(type);
        if (mr_span_is(type, "ping")) {
            if (mr_json_get(m, "data", &sent) != MR_OK)
                sent = MR_SPAN("null");
            feed_say(s, "pong", sent);
            return;
        }
        if (s->kind->asked && s->kind->asked(s, type, m))
            return;
    }
    mr_metric_add(f->invalid, 1);
    LOG_WARN("feed_message_ignored", F_STR("addr", mr_ws_addr(ws)), F_UINT("bytes", data.len));
    feed_complain(s, s->kind->takes);
}

/* A token ends, and with it what it has opened; a key is not asked for again. */
static void on_expiry(uv_timer_t *t)
{
    struct mr_feeds *f = t->data;
    int64_t now = mr_wall_ms() / 1000;
    struct feed *next;

    for (struct feed *s = f->first; s; s = next) {
        next = s->next;
        if (s->query.who.expires_at != 0 && s->query.who.expires_at <= now)
            (void)mr_ws_close(s->ws, 1008, MR_SPAN("the access token has expired"));
    }
}

/* ---- the list ----------------------------------------------------------------------------- */

void mr_feeds_list(struct mr_feeds *f, struct mr_buf *out, bool first)
{
    char since[MR_TIME_TEXT];

    for (const struct feed *s = f->first; s; s = s->next) {
        mr_time_format(s->since_us, since);
        mr_buf_addf(out, "%s{\"sid\":\"feed-%llu\",\"transport\":\"websocket\",", first ? "" : ",",
                    (unsigned long long)s->id);
        first = false;
        mr_buf_addf(out, "\"path\":\"%s\",\"address\":\"%s\",\"user\":", s->kind->name,
                    mr_ws_addr(s->ws));
        mr_json_add_string_or_null(out, mr_span_str(s->query.who.username));
        mr_buf_addf(out, ",\"connected_at\":\"%s\",\"queued_bytes\":%zu,\"rooms\":[]}", since,
                    mr_ws_buffered(s->ws));
    }
}

int mr_feeds_close(struct mr_feeds *f, struct mr_span id)
{
    char text[32];

    for (struct feed *s = f->first; s; s = s->next) {
        (void)snprintf(text, sizeof(text), "feed-%llu", (unsigned long long)s->id);
        if (mr_span_is(id, text))
            return mr_ws_close(s->ws, 1008, MR_SPAN("closed by an administrator"));
    }
    return MR_E_NOTFOUND;
}

/* ---- up and down -------------------------------------------------------------------------- */

static int listen_at(struct mr_feeds *f, const char *path, mr_ws_request_fn request_fn, bool bus)
{
    const struct mr_ws_handlers h = {.request = request_fn,
                                     .open = on_open,
                                     .message = on_message,
                                     .drain = on_drain,
                                     .close = on_close,
                                     .message_bytes_max = FEED_MESSAGE_MAX,
                                     .queue_bytes_max = bus ? BUS_QUEUE_MAX : QUEUE_MAX,
                                     .high_water_bytes = bus ? BUS_HIGH_WATER : HIGH_WATER,
                                     .low_water_bytes = (bus ? BUS_HIGH_WATER : HIGH_WATER) / 4,
                                     .ping_interval_ms = 20000};

    return mr_on_websocket(f->opt.server, path, &h, f);
}

int mr_feeds_new(struct mr_feeds **out, const struct mr_feeds_options *opt)
{
    struct mr_feeds *f = mr_zalloc(1, sizeof(*f));
    int rc;

    if (!f)
        return MR_E_NOMEM;
    f->opt = *opt;
    f->open = mr_metric_gauge("millrace_feeds", "WebSockets of feeds", NULL);
    f->refused = mr_metric_counter("millrace_feeds_refused_total", "WebSockets refused", NULL);
    f->invalid = mr_metric_counter("millrace_feeds_invalid_messages_total",
                                   "messages of clients that no feed takes", NULL);
    uv_timer_init(opt->loop, &f->expiry);
    f->expiry.data = f;
    uv_timer_start(&f->expiry, on_expiry, EXPIRY_MS, EXPIRY_MS);
    rc = figures_new(f);
    if (rc == MR_OK)
        rc = bus_new(f);
    if (rc == MR_OK)
        rc = listen_at(f, "/ws/stats", on_stats_request, false);
    if (rc == MR_OK)
        rc = listen_at(f, "/api/v1/ws/dashboard", on_dashboard_request, false);
    if (rc == MR_OK)
        rc = listen_at(f, "/ws/dashboard", on_dashboard_request, false);
    if (rc == MR_OK)
        rc = listen_at(f, "/ws", on_bus_request, true);
    *out = f;
    return rc;
}

void mr_feeds_stop(struct mr_feeds *f)
{
    struct feed *next;

    f->stopped = true;
    uv_timer_stop(&f->expiry);
    figures_stop(f);
    bus_stop(f);
    for (struct feed *s = f->first; s; s = next) {
        next = s->next;
        (void)mr_ws_close(s->ws, 1001, MR_SPAN("the server is shutting down"));
    }
}

static void on_expiry_closed(uv_handle_t *h)
{
    mr_free(h->data);
}

void mr_feeds_free(struct mr_feeds *f)
{
    if (!f)
        return;
    figures_free(f);
    bus_free(f);
    uv_close((uv_handle_t *)&f->expiry, on_expiry_closed);
}
