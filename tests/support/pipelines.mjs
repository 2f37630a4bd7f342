// pipelines.mjs - pipelines that somebody else's connector feeds (engine external), written straight
// to the table, and the counts that the dashboard must agree with.
import { randomUUID } from 'node:crypto'

/**
 * Make a pipeline over exact topics or a prefix; a running logger picks it up by the table's trigger.
 * Returns its id.
 */
export async function createPipeline(db, { name, topics = [], prefix = null, status = 'RUNNING', id = randomUUID() } = {}) {
  await db.query(
    `INSERT INTO pipelines (id, name, mode, engine, status, cdc_status, kafka_topics, topic_prefix, created_by)
     VALUES ($1, $2, 'cdc_only', 'external', $3, $4, $5, $6, 'admin')`,
    [id, name ?? `pipeline ${id}`, status, status === 'RUNNING' ? 'RUNNING' : 'STOPPED', JSON.stringify(topics), prefix],
  )
  return id
}

// The aggregation that existing dashboards run, word for word. That it gives the right answer here is
// a promise of the schema (no column of ours may be called event_type).
export const SEED_COUNTS_SQL = `SELECT 
  CASE 
    WHEN run_metadata->>'event_type' IN ('insert', 'i', 'c', 'create', 'r') THEN 'insert'
    WHEN run_metadata->>'event_type' IN ('update', 'u') THEN 'update'
    WHEN run_metadata->>'event_type' IN ('delete', 'd', 'remove') THEN 'delete'
  END as event_type,
  COUNT(*) as count
FROM pipeline_runs
WHERE run_type='CDC' AND deleted_at IS NULL
GROUP BY event_type`

/** {insert, update, delete, other, total} as that SQL counts them over the whole database. */
export async function seedCounts(db) {
  const out = { insert: 0, update: 0, delete: 0, other: 0, total: 0 }
  for (const row of await db.rows(SEED_COUNTS_SQL)) {
    out[row.event_type ?? 'other'] = Number(row.count)
    out.total += Number(row.count)
  }
  return out
}
