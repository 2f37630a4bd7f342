// log.mjs - Kafka's records and PostgreSQL's rows held against each other, one by one. Both are read
// whole, from their own side; nothing that millrace says of itself is asked.
import assert from 'node:assert/strict'
import { seedCounts } from './pipelines.mjs'
import { readTopics, topicOffsets } from './services.mjs'

const KINDS = { c: 'insert', r: 'insert', u: 'update', d: 'delete' }
const place = (r) => `${r.topic}/${r.partition}@${r.offset}`

/** The CDC rows of a pipeline (or of all) in seq order, with their events parsed. */
export async function logRows(db, pipeline = null) {
  const rows = await db.rows(
    `SELECT seq, pipeline_seq, id, pipeline_id, op_kind, started_at, event, run_metadata FROM pipeline_runs
     WHERE run_type = 'CDC' AND ($1::uuid IS NULL OR pipeline_id = $1) ORDER BY seq`,
    [pipeline],
  )
  return rows.map((row) => ({ ...row, e: JSON.parse(row.event) }))
}

/** Every record of the topics is one row, one dead letter or a tombstone: exactly one of them. */
export async function equalsKafka(db, topics) {
  const records = await readTopics(topics, { timeout: 60000 })
  const rows = (await logRows(db)).filter((r) => topics.includes(r.e.topic))
  const byPlace = new Map()
  for (const row of rows) {
    assert.ok(!byPlace.has(place(row.e)), `${place(row.e)} is logged twice: seq ${byPlace.get(place(row.e))?.seq} and ${row.seq}`)
    byPlace.set(place(row.e), row)
  }
  const dead = new Set((await db.rows('SELECT topic, partition, "offset" FROM dead_letters')).map(place))
  let events = 0
  const missing = []
  for (const r of records) {
    const row = byPlace.get(place(r))
    if (r.value === null || dead.has(place(r))) {
      assert.ok(!row, `${place(r)} is an event too`)
      continue
    }
    events++
    if (!row) {
      missing.push(place(r))
      continue
    }
    const payload = JSON.parse(r.value)
    const { op, before, after } = payload.payload ?? payload
    const said = { kind: row.op_kind, op: row.run_metadata.op, key: row.run_metadata.key, before: row.run_metadata.before, after: row.run_metadata.after }
    const key = JSON.parse(r.key)
    assert.deepEqual(said, { kind: KINDS[op], op, key: key.payload ?? key, before, after }, `${place(r)} as seq ${row.seq}`)
  }
  assert.deepEqual(missing.slice(0, 20), [], `${missing.length} of ${events} records are missing`)
  assert.equal(rows.length, events, 'rows that no record stands for')
  for (const { topic, partition, high } of await topicOffsets(topics)) {
    const stored = await db.one('SELECT next_offset FROM consumer_offsets WHERE topic = $1 AND partition = $2', [topic, partition])
    if (high > 0) assert.equal(stored?.next_offset, high, `consumer_offsets of ${topic}/${partition}`)
  }
  return { records, rows }
}

/** seq is 1..n, each pipeline_seq is 1..n, and each partition is in the order of its offsets. */
export async function isInOrder(db) {
  const rows = await logRows(db)
  const { last_seq: head } = await db.one('SELECT last_seq FROM event_log_head')
  assert.equal(head, rows.length, 'the head is the number of rows')
  const next = new Map()
  const offsets = new Map()
  rows.forEach((row, i) => {
    assert.equal(row.seq, i + 1, 'seq has no gap')
    assert.deepEqual([row.e.seq, row.e.pipeline_seq, row.e.id, row.e.pipeline_id], [row.seq, row.pipeline_seq, row.id, row.pipeline_id])
    const n = (next.get(row.pipeline_id) ?? 0) + 1
    assert.equal(row.pipeline_seq, n, `pipeline_seq has no gap (seq ${row.seq})`)
    next.set(row.pipeline_id, n)
    const p = `${row.e.topic}/${row.e.partition}`
    assert.ok(row.e.offset > (offsets.get(p) ?? -1), `${p} is in order (seq ${row.seq})`)
    offsets.set(p, row.e.offset)
  })
  return rows
}

/** pipeline_counters are what the rows are, by the aggregation that existing dashboards run. */
export async function countersEqual(db, { tombstones } = {}) {
  const sum = await db.one(`SELECT coalesce(sum(insert_count), 0)::bigint AS insert, coalesce(sum(update_count), 0)::bigint AS update,
    coalesce(sum(delete_count), 0)::bigint AS delete, coalesce(sum(other_count), 0)::bigint AS other,
    coalesce(sum(insert_count + update_count + delete_count + other_count), 0)::bigint AS total FROM pipeline_counters`)
  assert.deepEqual(sum, await seedCounts(db))
  if (tombstones !== undefined) {
    assert.equal((await db.one('SELECT sum(tombstone_count)::bigint AS n FROM pipeline_counters')).n, tombstones)
  }
  const each = await db.rows(`SELECT k.pipeline_id, last_pipeline_seq AS last, insert_count + update_count + delete_count + other_count AS total,
    snapshot_count AS snapshot, latency_count AS latencies, latency_sum_ms AS latency,
    (SELECT count(*) FROM pipeline_runs r WHERE r.pipeline_id = k.pipeline_id AND run_type = 'CDC') AS rows,
    (SELECT count(*) FROM pipeline_runs r WHERE r.pipeline_id = k.pipeline_id AND op_kind = 'insert' AND run_metadata->'source'->>'snapshot' <> 'false') AS snapshots,
    (SELECT count(run_metadata->>'latency_ms') FROM pipeline_runs r WHERE r.pipeline_id = k.pipeline_id) AS with_latency,
    (SELECT coalesce(sum((run_metadata->>'latency_ms')::bigint), 0)::bigint FROM pipeline_runs r WHERE r.pipeline_id = k.pipeline_id) AS latency_sum
    FROM pipeline_counters k`)
  for (const c of each) {
    assert.deepEqual([c.last, c.total, c.snapshot, c.latencies, c.latency], [c.rows, c.rows, c.snapshots, c.with_latency, c.latency_sum], `counters of ${c.pipeline_id}`)
  }
}
