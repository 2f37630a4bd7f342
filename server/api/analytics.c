/* analytics.c - what was logged over a range of time: for charts, and for whoever asks what changes
 * most. */
#include "store/analytics.h"
#include "api/api.h"
#include "api/grants.h"
#include "api/handlers.h"
#include "base/clock.h"

#define MINUTE_MS     60000
#define RANGE_DEFAULT "1 hour"
#define POINTS_WANTED 120 /* when no step is asked for */
#define KEYS_DEFAULT  20
#define KEYS_MAX      100

/* from, to as they were asked for (NULL: the last hour), in whole minutes: a minute that has only
 * begun is in it. PostgreSQL reads the times, which may be such as do not exist. */
static int resolve(struct mr_call *c, struct mr_pg *db, const char *from, const char *to,
                   struct mr_analytics_range *r)
{
    static const char sql[] =
        "SELECT floor(extract(epoch FROM coalesce($1::timestamptz, x.t - interval '" RANGE_DEFAULT
        "')) / 60)::bigint * 60000, ceil(extract(epoch FROM x.t) / 60)::bigint * 60000 "
        "FROM (SELECT coalesce($2::timestamptz, now()) AS t) x";
    PGresult *res = NULL;
    int rc = mr_pg_exec(db, sql, 2, (const char *[]){from, to}, &res);

    if (rc == MR_E_DATA)
        return mr_call_fail(c, rc, 422, "from or to is not a time that exists.");
    if (rc == MR_OK) {
        r->from_ms = mr_pg_i64(res, 0, 0);
        r->to_ms = mr_pg_i64(res, 0, 1);
    }
    PQclear(res);
    if (rc == MR_OK && r->to_ms <= r->from_ms)
        mr_call_fault(c, "to", "must be after from");
    return rc == MR_OK ? mr_call_faults(c) : rc;
}

/* The shortest of the usual steps that gives no more points than wanted. */
static int64_t usual_step(int64_t range_ms)
{
    static const int64_t minutes[] = {1, 5, 15, 30, 60, 180, 360, 720, 1440, 10080};
    size_t i = 0;

    while (i + 1 < sizeof(minutes) / sizeof(minutes[0]) &&
           range_ms / (minutes[i] * MINUTE_MS) > POINTS_WANTED)
        i++;
    return minutes[i] * MINUTE_MS;
}

/* Who asks for what. The buffers are to be freed in any case. */
struct wish {
    struct mr_buf from, to, hidden;
    char pipeline[MR_UUID_TEXT];
    struct mr_analytics_range range;
    struct mr_pg *db;
};

static int begin(struct mr_call *c, struct wish *w)
{
    const char *from = mr_call_query_time(c, "from", &w->from);
    const char *to = mr_call_query_time(c, "to", &w->to);
    int64_t step = mr_call_query_int(c, "step_seconds", 0, 60, 31LL * 86400);
    int rc;

    mr_buf_init(&w->hidden, 0);
    w->range = (struct mr_analytics_range){.pipeline_id =
                                               mr_call_query_uuid(c, "pipeline_id", w->pipeline)};
    if (step % 60 != 0)
        mr_call_fault(c, "step_seconds", "must be whole minutes");
    rc = mr_call_faults(c);
    if (rc == MR_OK)
        rc = mr_call_look(c, w->range.pipeline_id, &w->db, &w->hidden);
    if (rc == MR_OK)
        rc = resolve(c, w->db, from, to, &w->range);
    w->range.hidden = mr_buf_cstr(&w->hidden);
    w->range.step_ms = step ? step * 1000 : usual_step(w->range.to_ms - w->range.from_ms);
    return rc;
}

static void end(struct wish *w)
{
    mr_buf_free(&w->from);
    mr_buf_free(&w->to);
    mr_buf_free(&w->hidden);
}

static void add_range(struct mr_call *c, const struct mr_analytics_range *r)
{
    char from[MR_TIME_TEXT], to[MR_TIME_TEXT];

    mr_time_format(r->from_ms * 1000, from);
    mr_time_format(r->to_ms * 1000, to);
    mr_buf_addf(&c->out, "{\"from\":\"%s\",\"to\":\"%s\",", from, to);
}

int mr_get_analytics(struct mr_call *c)
{
    struct wish w;
    int rc = begin(c, &w);

    if (rc == MR_OK && (w.range.to_ms - w.range.from_ms) / w.range.step_ms > MR_ANALYTICS_POINTS) {
        mr_call_fault(c, "step_seconds", "gives more than 1500 points: make it longer");
        rc = mr_call_faults(c);
    }
    if (rc == MR_OK) {
        add_range(c, &w.range);
        mr_buf_addf(&c->out, "\"step_seconds\":%lld,", (long long)w.range.step_ms / 1000);
        rc = mr_analytics_read(w.db, &w.range, &c->out);
        mr_buf_add_char(&c->out, '}');
    }
    end(&w);
    return rc;
}

int mr_get_top_keys(struct mr_call *c)
{
    int64_t limit = mr_call_query_int(c, "limit", KEYS_DEFAULT, 1, KEYS_MAX), looked_at = 0;
    struct wish w;
    int rc = begin(c, &w);

    if (rc == MR_OK) {
        add_range(c, &w.range);
        mr_buf_add_str(&c->out, "\"keys\":");
        rc = mr_analytics_keys(w.db, &w.range, limit, &c->out, &looked_at);
        mr_buf_addf(&c->out, ",\"looked_at\":%lld}", (long long)looked_at);
    }
    end(&w);
    return rc;
}
