/* watch_verdict.c - which rung of the ladder is stuck, if any, and how that is told. From the top:
 * what is stuck above explains what is late below. */
#include "base/clock.h"
#include "pipelines/watch.h"
#include <stdarg.h>
#include <stdio.h>

void watch_ring_add(struct watch_ring *r, int64_t value)
{
    r->at_ms[r->n % WATCH_SAMPLES] = mr_mono_ms();
    r->value[r->n % WATCH_SAMPLES] = value;
    r->n++;
}

int64_t watch_ring_age_ms(const struct watch_ring *r, int64_t value)
{
    size_t kept = r->n < WATCH_SAMPLES ? r->n : WATCH_SAMPLES;
    uint64_t since = 0;

    /* Back from now: the oldest sample that is past the value was taken just after it was passed.
     */
    for (size_t i = 1; i <= kept; i++) {
        size_t at = (r->n - i) % WATCH_SAMPLES;

        if (r->value[at] <= value)
            return since == 0 ? 0 : (int64_t)(mr_mono_ms() - since);
        since = r->at_ms[at];
    }
    return -1;
}

void watch_moved(struct watch_mover *m, int64_t value)
{
    if (m->moved_ms == 0 || m->value != value) {
        m->value = value;
        m->moved_ms = mr_mono_ms();
    }
}

static bool still(const struct watch_mover *m, int64_t ms)
{
    return m->moved_ms != 0 && mr_mono_ms() - m->moved_ms >= (uint64_t)ms;
}

static void stuck(struct seen *s, const char *rung, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void stuck(struct seen *s, const char *rung, const char *fmt, ...)
{
    va_list args;

    if (s->stuck[0])
        return;
    (void)snprintf(s->stuck, sizeof(s->stuck), "%s", rung);
    va_start(args, fmt);
    (void)vsnprintf(s->reason, sizeof(s->reason), fmt, args);
    va_end(args);
}

static void judge_connector(struct seen *s, const char *rung, const char *name,
                            const struct mr_connector_status *c)
{
    if (!s->connect_answers)
        return;
    if (!c->state[0])
        stuck(s, rung, "Kafka Connect has no connector %s: start the pipeline again.", name);
    else if (strcmp(c->worst, "FAILED") == 0)
        stuck(s, rung, "Connector %s has failed: %s", name, c->cause);
    else if (strcmp(c->worst, "RUNNING") != 0)
        stuck(s, rung, "Connector %s is %s%s.", name, c->worst,
              c->tasks == 0 && strcmp(c->state, "RUNNING") == 0 ? ": it has no task" : "");
}

static void judge_source(struct watched *p, const struct mr_plan *plan, struct seen *s,
                         int64_t stale)
{
    if (!s->source_answers)
        stuck(s, "wal", "The source does not answer: %s", s->source_why);
    if (strcmp(plan->source.opened.db.type, "postgresql") == 0 && s->source_answers) {
        if (!s->slot.there)
            stuck(s, "slot", "The slot %s is gone: the pipeline has to be resynchronised.",
                  plan->slot);
        else if (strcmp(s->slot.wal_status, "lost") == 0)
            stuck(s, "slot", "The source has given up the slot %s: resynchronise the pipeline.",
                  plan->slot);
    }
    judge_connector(s, "slot", plan->source_connector, &s->source);
    if (s->slot.there && !s->slot.active)
        stuck(s, "slot", "Nothing reads the slot %s.", plan->slot);
    if (s->slot.there && s->kafka_answers && s->slot.lag_bytes > 0 && still(&p->slot, stale) &&
        still(&p->kafka, stale))
        stuck(s, "slot", "The slot %s does not move, and the WAL grows.", plan->slot);
}

void watch_judge(struct watch *w, struct watched *p, const struct mr_plan *plan, struct seen *s)
{
    int64_t stale = w->m->env.cfg->stale_ms;
    /* Elsewhere a heartbeat comes with the source's own changes only: none is no evidence. */
    bool beats = strcmp(plan->source.opened.db.type, "postgresql") == 0 && !s->loading;
    bool late = beats && (s->heartbeat_age_ms < 0 || s->heartbeat_age_ms > stale);

    if (!s->running)
        return;
    if (!s->kafka_answers && w->m->env.cfg->kafka_brokers[0])
        stuck(s, "kafka", "Kafka does not answer: %s.", s->kafka_why);
    if (!s->connect_answers)
        stuck(s, "slot", "%s",
              w->connect_why[0] ? w->connect_why : "Kafka Connect does not answer.");
    judge_source(p, plan, s, stale);
    if (s->logger_lag > 0 && still(&p->logger, stale))
        stuck(s, "logger", "The event logger does not move: %lld records wait for it.",
              (long long)s->logger_lag);
    judge_connector(s, "sink", plan->sink_connector, &s->sink);
    if (s->sink_lag > 0 && still(&p->sink, stale))
        stuck(s, "sink", "The sink does not move: %lld records wait for it.",
              (long long)s->sink_lag);
    if (late && s->heartbeat_age_ms < 0)
        stuck(s, "kafka", "No heartbeat has come through yet.");
    if (late)
        stuck(s, s->logger_lag > 0 ? "logger" : "kafka",
              "The last heartbeat came through %lld s ago.", (long long)s->heartbeat_age_ms / 1000);
}

/* ---- telling ------------------------------------------------------------------------------ */

static void add_number(struct mr_buf *b, const char *name, int64_t value)
{
    if (value < 0)
        mr_buf_addf(b, ",\"%s\":null", name);
    else
        mr_buf_addf(b, ",\"%s\":%lld", name, (long long)value);
}

static void add_seconds(struct mr_buf *b, const char *name, int64_t ms)
{
    if (ms < 0)
        mr_buf_addf(b, ",\"%s\":null", name);
    else
        mr_buf_addf(b, ",\"%s\":%.3f", name, (double)ms / 1000);
}

static void add_connector(struct mr_buf *b, const char *name, const struct mr_connector_status *c)
{
    mr_buf_add_str(b, "{\"name\":");
    mr_json_add_string(b, mr_span_str(name));
    mr_json_add_member(b, "state", c->state);
    mr_json_add_member(b, "health", c->worst);
    mr_buf_addf(b, ",\"tasks\":%d,\"running\":%d,\"failed\":%d", c->tasks, c->running, c->failed);
    mr_json_add_member(b, "trace", c->trace);
    mr_buf_add_char(b, '}');
}

static void add_rung(struct mr_buf *b, const struct seen *s, const char *rung, const char *position,
                     const char *unit, int64_t lag, int64_t ms)
{
    bool is = strcmp(s->stuck, rung) == 0;

    mr_buf_addf(b, "%s{\"rung\":\"%s\"", strcmp(rung, "wal") == 0 ? "" : ",", rung);
    mr_json_add_member(b, "position", position);
    if (unit)
        add_number(b, unit, lag);
    add_seconds(b, "lag_seconds", ms);
    mr_buf_addf(b, ",\"stuck\":%s", is ? "true" : "false");
    mr_json_add_member(b, "reason", is ? s->reason : "");
    mr_buf_add_char(b, '}');
}

static void add_ladder(struct mr_buf *b, const struct watched *p, const struct seen *s)
{
    char high[24] = "", logger[24] = "", sink[24] = "";

    if (s->high >= 0) {
        (void)snprintf(high, sizeof(high), "%lld", (long long)s->high);
        (void)snprintf(logger, sizeof(logger), "%lld", (long long)p->logger.value);
        (void)snprintf(sink, sizeof(sink), "%lld", (long long)p->sink.value);
    }
    mr_buf_add_str(b, ",\"ladder\":[");
    add_rung(b, s, "wal", s->slot.current, "lag_bytes", s->source_answers ? 0 : -1,
             s->source_answers ? 0 : -1);
    add_rung(b, s, "slot", s->slot.confirmed, "lag_bytes", s->slot.there ? s->slot.lag_bytes : -1,
             s->wal_seconds_ms);
    add_rung(b, s, "kafka", high, "lag_records", s->high < 0 ? -1 : 0, s->high < 0 ? -1 : 0);
    add_rung(b, s, "logger", logger, "lag_records", s->logger_lag, s->logger_lag_ms);
    add_rung(b, s, "sink", sink, "lag_records", s->sink_lag, s->sink_lag_ms);
    mr_buf_add_char(b, ']');
}

static void add_slot(struct mr_buf *b, const struct mr_plan *plan, const struct seen *s)
{
    char when[64] = "";

    if (s->lost_in_s >= 0)
        (void)snprintf(when, sizeof(when), "lost in %lld h %lld m", (long long)s->lost_in_s / 3600,
                       (long long)s->lost_in_s / 60 % 60);
    mr_buf_add_str(b, ",\"slot\":{\"name\":");
    mr_json_add_string(b, mr_span_str(plan->slot));
    mr_buf_addf(b, ",\"exists\":%s,\"active\":%s", s->slot.there ? "true" : "false",
                s->slot.active ? "true" : "false");
    mr_json_add_member(b, "wal_status", s->slot.wal_status);
    mr_json_add_member(b, "current", s->slot.current);
    mr_json_add_member(b, "confirmed", s->slot.confirmed);
    add_number(b, "lag_bytes", s->slot.there ? s->slot.lag_bytes : -1);
    add_number(b, "retained_bytes", s->slot.there ? s->slot.retained_bytes : -1);
    add_number(b, "safe_bytes", s->slot.there ? s->slot.safe_bytes : -1);
    add_number(b, "lost_in_seconds", s->lost_in_s);
    mr_json_add_member(b, "forecast", when);
    mr_buf_add_char(b, '}');
}

void watch_write(struct watched *p, const struct mr_plan *plan, struct seen *s, struct mr_buf *body)
{
    int64_t worst = s->wal_seconds_ms;

    worst = s->logger_lag_ms > worst ? s->logger_lag_ms : worst;
    worst = s->sink_lag_ms > worst ? s->sink_lag_ms : worst;
    mr_buf_add_str(body, "{\"connectors\":{\"source\":");
    add_connector(body, plan->source_connector, &s->source);
    mr_buf_add_str(body, ",\"sink\":");
    add_connector(body, plan->sink_connector, &s->sink);
    mr_buf_add_char(body, '}');
    mr_json_add_member(body, "stuck", s->stuck);
    mr_json_add_member(body, "error", s->reason);
    add_number(body, "restarts", p->restarts);
    add_number(body, "lag_bytes", s->slot.there ? s->slot.lag_bytes : -1);
    add_seconds(body, "lag_seconds", worst);
    if (s->slot.current[0])
        add_slot(body, plan, s);
    add_ladder(body, p, s);
    mr_buf_add_str(body, ",\"topics\":[");
    mr_buf_add_span(body, mr_buf_span(&s->topics));
    mr_buf_add_str(body, "]}");
    mr_buf_free(&s->topics);
}
