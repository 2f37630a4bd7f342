/* messages.c - messages in by REST, the newest of them back, bursts for demonstrations, and the
 * figures. */
#include "store/messages.h"
#include "api/api.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/uuid.h"
#include "ingest/message.h"
#include "ingest/queue.h"
#include "ingest/simulate.h"
#include "ingest/stats.h"
#include "proto/utf8.h"
#include <stdio.h>
#include <stdlib.h>

#define MESSAGES_MAX 1000
#define AWAY         "The message queue is not available (Redis); nothing was taken. Try again."

/* ---- one message -------------------------------------------------------------------------- */

/* Where a fault is: "content", or "3.content" in a list. */
struct where {
    struct mr_call *c;
    long at; /* -1: there is only one */
};

static void fault(const struct where *w, const char *field, const char *what)
{
    char name[64];

    if (w->at < 0)
        (void)snprintf(name, sizeof(name), "%s", field);
    else
        (void)snprintf(name, sizeof(name), "%ld%s%s", w->at, field[0] ? "." : "", field);
    mr_call_fault(w->c, name, "%s", what);
}

static struct mr_span take_id(const struct where *w, struct mr_span m, const char *name)
{
    struct mr_span v = MR_SPAN_NONE;

    if (mr_json_get(m, name, &v) != MR_OK || mr_json_type(v) == MR_JSON_NULL)
        fault(w, name, "is required");
    else if (!mr_message_number(v))
        fault(w, name, "must be a whole number of at most 18 digits");
    return v;
}

static struct mr_span take_content(const struct where *w, struct mr_span m)
{
    struct mr_buf text = MR_BUF_INIT(MR_CALL_BODY_MAX);
    struct mr_span v = MR_SPAN_NONE, plain;
    size_t n;

    if (mr_json_get(m, "content", &v) != MR_OK || mr_json_type(v) == MR_JSON_NULL) {
        fault(w, "content", "is required");
        return v;
    }
    plain = mr_json_string_raw(v);
    if (mr_json_type(v) == MR_JSON_STRING && memchr(v.ptr, '\\', v.len)) {
        plain = mr_json_unescape(plain, &text) == MR_OK ? mr_buf_span(&text) : MR_SPAN_NONE;
        if (plain.len == 0)
            v = MR_SPAN("null"); /* escapes that stand for no text */
    }
    n = mr_utf8_count(plain);
    if (mr_json_type(v) != MR_JSON_STRING)
        fault(w, "content", "must be a string");
    else if (n < 1 || n > MR_MESSAGE_CHARACTERS_MAX)
        fault(w, "content", "must have 1 to 10000 characters");
    else if (memchr(plain.ptr, '\0', plain.len))
        fault(w, "content", "must not have a NUL in it");
    mr_buf_free(&text);
    return v;
}

/* A time that PostgreSQL will take for sure: the batch that it goes into is not refused for it. */
static bool is_moment(const char *s)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int y, mo, d, h, mi, sec, used = 0;

    if (!mr_call_is_time(s))
        return false;
    if (sscanf(s, "%4d-%2d-%2d%n", &y, &mo, &d, &used) != 3 || y < 1 || mo < 1 || mo > 12 ||
        d < 1 || d > days[mo - 1])
        return false;
    if (mo == 2 && d == 29 && (y % 4 != 0 || (y % 100 == 0 && y % 400 != 0)))
        return false;
    return s[used] == '\0' || (sscanf(s + used + 1, "%2d:%2d:%2d", &h, &mi, &sec) == 3 && h < 24 &&
                               mi < 60 && sec < 60);
}

static struct mr_span take_time(const struct where *w, struct mr_span m)
{
    struct mr_buf text = MR_BUF_INIT(256);
    struct mr_span v = MR_SPAN_NONE;

    if (mr_json_get(m, "created_at", &v) != MR_OK || mr_json_type(v) == MR_JSON_NULL)
        return MR_SPAN_NONE;
    if (mr_json_type(v) != MR_JSON_STRING ||
        mr_json_unescape(mr_json_string_raw(v), &text) != MR_OK || !is_moment(mr_buf_cstr(&text)))
        fault(w, "created_at", "must be a time such as 2026-11-20T22:10:13Z");
    mr_buf_free(&text);
    return v;
}

/* As it goes into the queue. */
static int add_message(const struct where *w, struct mr_span m, struct mr_queue_item *item)
{
    struct mr_span user, channel, content, created;
    char id[MR_UUID_TEXT], now[MR_TIME_TEXT];

    if (mr_json_type(m) != MR_JSON_OBJECT) {
        fault(w, "", "must be an object");
        return MR_OK;
    }
    user = take_id(w, m, "user_id");
    channel = take_id(w, m, "channel_id");
    content = take_content(w, m);
    created = take_time(w, m);
    mr_uuid_format(mr_uuid7(mr_wall_ms()), id);
    mr_buf_add_str(&item->text, "{\"id\":\"");
    mr_buf_add(&item->text, id, sizeof(id) - 1);
    mr_buf_add_str(&item->text, "\",\"user_id\":");
    mr_buf_add_span(&item->text, user);
    mr_buf_add_str(&item->text, ",\"channel_id\":");
    mr_buf_add_span(&item->text, channel);
    mr_buf_add_str(&item->text, ",\"content\":");
    mr_buf_add_span(&item->text, content);
    mr_buf_add_str(&item->text, ",\"created_at\":");
    if (created.ptr) {
        mr_buf_add_span(&item->text, created);
    } else {
        mr_time_format(mr_wall_us(), now);
        mr_buf_add_char(&item->text, '"');
        mr_buf_add_str(&item->text, now);
        mr_buf_add_char(&item->text, '"');
    }
    mr_buf_add_char(&item->text, '}');
    return mr_queue_item_end(item);
}

/* ---- POST /messages ----------------------------------------------------------------------- */

static int take_message(struct mr_call *c, long at, struct mr_span value, void *item)
{
    return add_message(&(struct where){.c = c, .at = at}, value, item);
}

/* [thread: queue] */
static void pushed(void *ctx, const struct mr_pushed *what)
{
    struct mr_call *c = ctx;

    if (what->rc != MR_OK) {
        LOG_DEBUG("messages_refused", F_STR("why", what->why));
        mr_call_header(c, "Retry-After", "1");
        mr_call_answer(c, mr_call_fail(c, MR_E_UNAVAIL, 503, AWAY));
        return;
    }
    c->status = 202;
    mr_buf_add_str(&c->out, "\"queue_length\":");
    mr_buf_add_i64(&c->out, what->length);
    mr_buf_add_char(&c->out, '}');
    mr_call_answer(c, MR_OK);
}

int mr_post_messages(struct mr_call *c)
{
    struct mr_queue_item *item = mr_queue_item();
    int rc;

    if (!item)
        return MR_E_NOMEM;
    rc = mr_call_records(c, MESSAGES_MAX, take_message, item);
    if (rc == MR_OK)
        rc = mr_call_faults(c);
    if (rc == MR_OK && item->n == 0)
        rc = mr_call_fail(c, MR_E_INVAL, 422, "There is no message in the body.");
    if (rc == MR_OK) {
        mr_buf_add_str(&c->out, "{\"status\":\"queued\",");
        if (c->ndjson || mr_json_type(c->body) == MR_JSON_ARRAY)
            mr_buf_addf(&c->out, "\"accepted\":%zu,", item->n);
        item->done = pushed;
        item->ctx = c;
        rc = mr_queue_push(c->api->opt.queue, item);
        if (rc == MR_OK)
            return MR_CALL_LATER;
        mr_buf_clear(&c->out);
        mr_call_header(c, "Retry-After", "1");
        rc = mr_call_fail(c, rc, 503, "Too many messages wait for the queue already; try again.");
    }
    mr_queue_item_free(item);
    return rc;
}

int mr_get_messages(struct mr_call *c)
{
    int64_t limit = mr_call_query_int(c, "limit", 50, 1, 1000);
    struct mr_pg *db = NULL;
    int rc = mr_call_faults(c);

    if (rc == MR_OK)
        rc = mr_call_db(c, &db);
    return rc == MR_OK ? mr_messages_newest(db, limit, &c->out) : rc;
}

/* ---- POST /simulate ----------------------------------------------------------------------- */

/* An integer field of the body; absent: fallback. */
static int64_t take_number(struct mr_call *c, const char *name, int64_t fallback, int64_t min,
                           int64_t max)
{
    struct mr_span v;
    int64_t n;

    if (c->body.len == 0 || mr_json_get(c->body, name, &v) != MR_OK ||
        mr_json_type(v) == MR_JSON_NULL)
        return fallback;
    n = mr_message_number(v) ? strtoll(v.ptr, NULL, 10) : min - 1;
    if (n < min || n > max)
        mr_call_fault(c, name, "must be a whole number from %lld to %lld", (long long)min,
                      (long long)max);
    return n;
}

static void note_simulation(struct mr_call *c, const struct mr_burst *b)
{
    char message[400], details[100];

    (void)snprintf(message, sizeof(message), "a burst of %lld messages was asked for%s%s",
                   (long long)b->count, b->by[0] ? " by " : "", b->by);
    (void)snprintf(details, sizeof(details), "{\"messages\":%lld,\"duration_ms\":%lld}",
                   (long long)b->count, (long long)b->duration_ms);
    mr_activity_note(c->api->opt.activity, &(struct mr_activity_entry){.kind = "simulation",
                                                                       .outcome = "info",
                                                                       .message = message,
                                                                       .details = details});
}

int mr_post_simulate(struct mr_call *c)
{
    struct mr_burst b = {.count = take_number(c, "count", 500, 1, 5000),
                         .duration_ms = take_number(c, "duration_seconds", 0, 0, 3600) * 1000};
    struct mr_buf text = MR_BUF_INIT(4096);
    const char *content = c->body.len > 0
                              ? mr_call_text(c, "template", false, 1, sizeof(b.content) - 1, &text)
                              : NULL;
    int rc;

    if (content && strlen(content) >= sizeof(b.content))
        mr_call_fault(c, "template", "must be of at most %zu bytes", sizeof(b.content) - 1);
    rc = mr_call_faults(c);
    if (rc == MR_OK)
        (void)snprintf(b.content, sizeof(b.content), "%s", content ? content : "");
    mr_buf_free(&text);
    if (rc != MR_OK)
        return rc;
    (void)snprintf(b.by, sizeof(b.by), "%.255s", c->who.username);
    if (!mr_queue_well(c->api->opt.queue)) {
        mr_call_header(c, "Retry-After", "1");
        return mr_call_fail(c, MR_E_UNAVAIL, 503, AWAY);
    }
    if (mr_simulator_add(c->api->opt.simulator, &b) != MR_OK) {
        mr_call_header(c, "Retry-After", "5");
        return mr_call_fail(c, MR_E_AGAIN, 503, "Too many simulations wait already; try again.");
    }
    note_simulation(c, &b);
    c->status = 202;
    mr_buf_addf(&c->out,
                "{\"status\":\"simulation_started\",\"messages_count\":%lld,"
                "\"message\":\"Burst simulation queued - %lld messages will be injected ",
                (long long)b.count, (long long)b.count);
    if (b.duration_ms > 0)
        mr_buf_addf(&c->out, "over %lld seconds\"}", (long long)b.duration_ms / 1000);
    else
        mr_buf_add_str(&c->out, "immediately\"}");
    return MR_OK;
}

/* ---- figures ------------------------------------------------------------------------------ */

int mr_get_stats(struct mr_call *c)
{
    mr_sampler_json(c->api->opt.sampler, &c->out);
    return MR_OK;
}

int mr_get_stats_history(struct mr_call *c)
{
    int64_t points = mr_call_query_int(c, "points", 100, 1, 1540);
    int rc = mr_call_faults(c);

    if (rc == MR_OK)
        mr_sampler_history(c->api->opt.sampler, (size_t)points, &c->out);
    return rc;
}
