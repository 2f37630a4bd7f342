/* stats.c - pipeline_stats: once a second, to the room of every pipeline that changed since, its
 * counters as PostgreSQL has them and the rate that the rooms saw. One query for all of them.
 */
#include "base/log.h"
#include "proto/alloc.h"
#include "stream/stream_parts.h"

#define EVERY_MS      1000
#define PIPELINES_MAX 256 /* a tick; the others keep their mark and come with the next one */

#define SQL_COUNTERS                                                                               \
    "SELECT pipeline_id, insert_count + update_count + delete_count + other_count, insert_count,"  \
    " update_count, delete_count, other_count, snapshot_count, failed_count, last_pipeline_seq,"   \
    " CASE WHEN latency_count > 0 THEN round(latency_sum_ms::numeric / latency_count, 1)::text"    \
    " ELSE 'null' END,"                                                                            \
    " COALESCE(to_json(to_char(last_event_at AT TIME ZONE 'UTC',"                                  \
    " 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'))::text, 'null')"                                        \
    " FROM pipeline_counters WHERE pipeline_id = ANY ($1::uuid[])"

struct stats_job {
    struct mr_stream *st;
    struct mr_buf ids; /* "{uuid,uuid}" */
    size_t n;
    struct {
        struct mr_uuid id;
        double per_second;
    } rate[PIPELINES_MAX];
    PGresult *res;
};

static void job_free(struct stats_job *j)
{
    PQclear(j->res);
    mr_buf_free(&j->ids);
    mr_free(j);
}

static double rate_of(const struct stats_job *j, struct mr_uuid id)
{
    for (size_t i = 0; i < j->n; i++)
        if (memcmp(j->rate[i].id.b, id.b, sizeof(id.b)) == 0)
            return j->rate[i].per_second;
    return 0;
}

static void emit_row(const struct stats_job *j, int row)
{
    static const char *const names[] = {
        "total_events",   "insert_count", "update_count", "delete_count",   "other_count",
        "snapshot_count", "failed_count", "pipeline_seq", "avg_latency_ms", "last_event_time"};
    struct mr_buf b = MR_BUF_INIT(2048);
    char room[MR_ROOM_TEXT];
    struct mr_uuid id;

    if (!mr_uuid_parse(mr_pg_span(j->res, row, 0), &id))
        return;
    mr_stream_room(id, room);
    mr_buf_addf(&b, "{\"pipeline_id\":\"%s\",\"seq\":%lld", room + 9, (long long)j->st->delivered);
    for (int i = 0; i < (int)(sizeof(names) / sizeof(*names)); i++)
        mr_buf_addf(&b, ",\"%s\":%s", names[i], PQgetvalue(j->res, row, i + 1));
    mr_buf_addf(&b, ",\"events_per_second\":%.1f}", rate_of(j, id));
    if (mr_buf_err(&b) == MR_OK &&
        mr_emit(j->st->opt.server, "/", room, "pipeline_stats", mr_buf_span(&b)) < 0)
        LOG_WARN("pipeline_stats_failed", F_STR("room", room));
    mr_buf_free(&b);
}

static void stats_done(void *arg) /* [thread: loop] */
{
    struct stats_job *j = arg;
    struct mr_stream *st = j->st;

    st->jobs--;
    st->stats_running = false;
    for (int row = 0; !st->closing && j->res && row < PQntuples(j->res); row++)
        emit_row(j, row);
    job_free(j);
    st_maybe_free(st);
}

static void read_counters(void *arg) /* [thread: worker] */
{
    struct stats_job *j = arg;
    const char *params[] = {mr_buf_cstr(&j->ids)};
    struct mr_pg *c = NULL;

    if (mr_pg_acquire(j->st->opt.pg, EVERY_MS, &c) == MR_OK &&
        mr_pg_exec(c, SQL_COUNTERS, 1, params, &j->res) != MR_OK)
        j->res = NULL; /* this second's figures are left out; the next ones say it all */
    mr_pg_release(j->st->opt.pg, c);
    st_bring_back(j->st, stats_done, j);
}

static void add_pipeline(struct stats_job *j, struct st_pipeline *p, double seconds)
{
    char id[MR_UUID_TEXT];

    mr_uuid_format(p->id, id);
    mr_buf_add_char(&j->ids, j->n ? ',' : '{');
    mr_buf_add_str(&j->ids, id);
    j->rate[j->n].id = p->id;
    j->rate[j->n].per_second = (double)p->events / seconds;
    j->n++;
    p->changed = p->events > 0; /* one more after the last event, which says that the rate is 0 */
    p->events = 0;
}

void st_stats_tick(struct mr_stream *st, uint64_t now_ms)
{
    double seconds = (double)(now_ms - st->stats_at_ms) / 1000;
    struct stats_job *j;

    if (st->stats_running || now_ms - st->stats_at_ms < EVERY_MS)
        return;
    st->stats_at_ms = now_ms;
    if (!st->stats.subscribers || !(j = mr_zalloc(1, sizeof(*j))))
        return;
    j->st = st;
    mr_buf_init(&j->ids, (size_t)PIPELINES_MAX * MR_UUID_TEXT + 16);
    for (size_t b = 0; b < ST_BUCKETS && j->n < PIPELINES_MAX; b++)
        for (struct st_pipeline *p = st->pipelines[b]; p && j->n < PIPELINES_MAX; p = p->next)
            if (p->changed)
                add_pipeline(j, p, seconds);
    mr_buf_add_char(&j->ids, '}');
    if (j->n == 0 || mr_buf_err(&j->ids) != MR_OK ||
        mr_pool_submit(st->opt.pool, read_counters, j) != MR_OK) {
        job_free(j);
        return;
    }
    st->jobs++;
    st->stats_running = true;
}
