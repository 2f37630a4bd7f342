/* reconcile.c - one statement, hence one snapshot: a batch that is being committed is in all of the
 * sums or in none. */
#include "store/reconcile.h"
#include "store/rows.h"
#include <stdio.h>

/* clang-format off */

#define EVENTS(X) X("insert") X("update") X("delete") X("truncate") X("message") X("other")
#define OTHERS(X)                                                                                  \
    X("tombstone") X("heartbeat") X("transaction") X("schema") X("notification")                   \
    X("dead_letter") X("gap")
#define COLUMN(fate)     ", " fate "_count"
#define PLUS(fate)       " + " fate "_count"
#define MEMBER(fate)     "'" fate "', " fate "_count, "
#define SUM_MEMBER(fate) "'" fate "', coalesce(sum(" fate "_count), 0), "

#define PLACE "topic, partition, pipeline_id, first_offset, next_offset" EVENTS(COLUMN) OTHERS(COLUMN) ", known_count"
#define COUNTS(M, known) "json_build_object(" EVENTS(M) OTHERS(M) "'known', " known ")"

static const char SQL[] =
    "WITH places AS ("
    "  SELECT " PLACE ", NULL::timestamptz AS ended_at FROM consumer_offsets"
    "  UNION ALL SELECT " PLACE ", ended_at FROM consumer_offsets_ended), "
    "sums AS (SELECT p.*, next_offset - first_offset AS offsets, 0" EVENTS(PLUS) " AS events, "
    "  known_count" EVENTS(PLUS) OTHERS(PLUS) " AS counted FROM places p), "
    "seen AS (SELECT * FROM sums WHERE ($1::uuid IS NULL OR pipeline_id = $1::uuid) "
    "  AND (pipeline_id IS NULL OR pipeline_id <> ALL ($2::uuid[]))), "
    "listed AS (SELECT * FROM seen ORDER BY counted = offsets, topic, partition, ended_at LIMIT $4::bigint), "
    "kept AS (SELECT k.pipeline_id, k.last_pipeline_seq, k.removed_count AS removed, "
    "  k.insert_count + k.update_count + k.delete_count + k.other_count AS counted, "
    "  CASE WHEN $3::boolean THEN (SELECT count(*) FROM pipeline_runs r WHERE r.pipeline_id = k.pipeline_id "
    "    AND r.run_type = 'CDC' AND r.deleted_at IS NULL AND r.event IS NOT NULL) END AS rows "
    "  FROM pipeline_counters k WHERE ($1::uuid IS NULL OR k.pipeline_id = $1::uuid) "
    "  AND k.pipeline_id <> ALL ($2::uuid[])), "
    "judged AS (SELECT *, last_pipeline_seq - counted - removed AS difference, rows - counted AS rows_difference FROM kept), "
    "log AS (SELECT h.last_seq, h.uncounted, s.events, h.last_seq - h.uncounted - s.events AS difference "
    "  FROM event_log_head h, (SELECT coalesce(sum(events), 0)::bigint AS events FROM sums) s "
    "  WHERE $1::uuid IS NULL AND $2::uuid[] = '{}') "
    "SELECT json_build_object("
    "'balanced', NOT EXISTS (SELECT FROM seen WHERE counted <> offsets) "
    "  AND NOT EXISTS (SELECT FROM judged WHERE difference <> 0 OR rows_difference <> 0) "
    "  AND NOT EXISTS (SELECT FROM log WHERE difference <> 0), "
    "'as_of', " MR_SQL_TIME("now()") ", "
    "'offsets', t.offsets, 'counted', t.counted, 'difference', t.counted - t.offsets, "
    "'counts', t.counts, "
    "'log', (SELECT json_build_object('last_seq', last_seq, 'of_offsets', events, 'of_none', uncounted, "
    "  'difference', difference) FROM log), "
    "'dead_letters_waiting', (SELECT count(*) FROM dead_letters d "
    "  WHERE ($1::uuid IS NULL OR d.pipeline_id = $1::uuid) AND d.pipeline_id <> ALL ($2::uuid[])), "
    "'pipelines', coalesce((SELECT json_agg(json_build_object('pipeline_id', pipeline_id, "
    "  'last_pipeline_seq', last_pipeline_seq, 'counted', counted, 'removed', removed, 'difference', difference, "
    "  'rows', rows, 'rows_difference', rows_difference) ORDER BY pipeline_id) FROM judged), '[]'), "
    "'partitions_total', t.places, "
    "'partitions', coalesce((SELECT json_agg(json_build_object('topic', topic, 'partition', partition, "
    "  'pipeline_id', pipeline_id, 'first_offset', first_offset, 'next_offset', next_offset, "
    "  'offsets', offsets, 'counted', counted, 'difference', counted - offsets, "
    "  'ended_at', " MR_SQL_TIME("ended_at") ", 'counts', " COUNTS(MEMBER, "known_count") ") "
    "  ORDER BY counted = offsets, topic, partition, ended_at) FROM listed), '[]')) "
    "FROM (SELECT coalesce(sum(offsets), 0) AS offsets, coalesce(sum(counted), 0) AS counted, "
    "  count(*) AS places, " COUNTS(SUM_MEMBER, "coalesce(sum(known_count), 0)") " AS counts FROM seen) t";
/* clang-format on */

int mr_reconcile(struct mr_pg *c, const char *pipeline_id, const char *hidden, bool rows,
                 int64_t limit, struct mr_buf *json)
{
    char max[24];
    const char *params[] = {pipeline_id, hidden, rows ? "t" : "f", max};
    PGresult *res = NULL;
    int rc;

    (void)snprintf(max, sizeof(max), "%lld", (long long)limit);
    rc = mr_pg_exec(c, SQL, 4, params, &res);
    return mr_rows_object(rc, res, json, NULL);
}
