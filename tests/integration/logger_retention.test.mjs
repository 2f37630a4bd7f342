// logger_retention.test.mjs - the log's partitions: made ahead, dropped whole, and the counters with
// them; what the log then no longer has is told, not passed over.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { change, tombstone } from '../support/debezium.mjs'
import { countersEqual } from '../support/log.mjs'
import { Millrace } from '../support/millrace.mjs'
import { createPipeline, seedCounts } from '../support/pipelines.mjs'
import { closeServices, createDatabase, createTopics, deleteTopics, produce, uniqueName } from '../support/services.mjs'
import { until } from '../support/until.mjs'

describe('retention', () => {
  const topic = uniqueName('retention.public.orders')
  let db, server, pipeline

  before(async () => {
    db = await createDatabase('retention')
    await createTopics([topic])
    server = new Millrace({ databaseUrl: db.url, env: { MILLRACE_RETENTION_DAYS: '7' } })
    await server.migrate()
    pipeline = await createPipeline(db, { name: 'kept', topics: [topic] })
  })
  after(async () => {
    try {
      await server?.stop()
    } finally {
      await db?.drop()
      await deleteTopics([topic])
      await closeServices()
    }
  })

  const partitions = async () => (await db.rows(`SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'pipeline_runs'::regclass ORDER BY 1`)).map((r) => r.name)
  const day = (n) => new Date(Date.now() + n * 86400000).toISOString().slice(0, 10)
  const named = (n) => `pipeline_runs_${day(n).replaceAll('-', '')}`
  const detail = () => server.log(40)

  it('makes the partitions of today and the next days before the first row', async () => {
    const records = ['c', 'c', 'u', 'd', 'r'].map((op, i) => change(op, { id: i + 1 }))
    await produce(topic, [...records, tombstone({ id: 4 })])
    await server.start()
    await until('they are logged', () => db.one('SELECT count(*) AS n FROM pipeline_runs'), ({ n }) => n === 5, { detail })
    assert.deepEqual(await partitions(), [named(0), named(1), named(2), named(3), 'pipeline_runs_default'].sort())
    assert.equal((await db.one('SELECT count(*) AS n FROM pipeline_runs_default')).n, 0)
    await countersEqual(db, { tombstones: 1 })
  })

  it('drops what is too old, and takes it out of the counters', async () => {
    await server.stop()
    // The same rows, logged nine and three days ago.
    for (const ago of [9, 3]) {
      await db.query(`CREATE TABLE ${named(-ago)} PARTITION OF pipeline_runs FOR VALUES FROM ('${day(-ago)}T00:00:00Z') TO ('${day(1 - ago)}T00:00:00Z')`)
      await db.query(`INSERT INTO pipeline_runs (id, pipeline_id, seq, pipeline_seq, run_type, op_kind, schema_name, table_name, status, started_at, completed_at, run_metadata, event)
        SELECT gen_random_uuid(), pipeline_id, seq, pipeline_seq, run_type, op_kind, schema_name, table_name, status, '${day(-ago)}T12:00:00Z', completed_at, run_metadata, event FROM ${named(0)}`)
      await db.query(`UPDATE pipeline_counters SET insert_count = insert_count + 3, update_count = update_count + 1, delete_count = delete_count + 1,
        snapshot_count = snapshot_count + 1, latency_count = latency_count + 4,
        latency_sum_ms = latency_sum_ms + (SELECT sum((run_metadata->>'latency_ms')::bigint) FROM ${named(0)}), last_pipeline_seq = last_pipeline_seq + 5`)
      await db.query(`INSERT INTO pipeline_minutes SELECT pipeline_id, '${day(-ago)}T12:00:00Z', insert_count, update_count, delete_count, other_count, latency_count, latency_sum_ms, latencies FROM pipeline_minutes LIMIT 1`)
      await db.query(`INSERT INTO table_minutes SELECT pipeline_id, '${day(-ago)}T12:00:00Z', schema_name, table_name, insert_count, update_count, delete_count, other_count FROM table_minutes LIMIT 1`)
    }
    await countersEqual(db)
    assert.equal((await seedCounts(db)).total, 15)
    await server.start()
    await until('the old one is gone', partitions, (names) => !names.includes(named(-9)), { detail })
    assert.ok((await partitions()).includes(named(-3)))
    assert.deepEqual(await seedCounts(db), { insert: 6, update: 2, delete: 2, other: 0, total: 10 })
    const { insert_count: i, update_count: u, delete_count: d, snapshot_count: s, latency_count: l, tombstone_count: t } =
      await db.one('SELECT * FROM pipeline_counters WHERE pipeline_id = $1', [pipeline])
    assert.deepEqual([i, u, d, s, l, t], [6, 2, 2, 2, 8, 1])
    for (const kept of ['pipeline_minutes', 'table_minutes'])
      assert.equal((await db.one(`SELECT min(minute)::date::text AS day FROM ${kept}`)).day, day(-3), kept)
  })

  it('goes on where a day landed in the default partition', async () => {
    await server.stop()
    await db.query(`DROP TABLE ${named(0)}`)
    await db.query(`INSERT INTO pipeline_runs (id, pipeline_id, run_type, status, started_at) VALUES (gen_random_uuid(), $1, 'FULL_LOAD', 'COMPLETED', now())`, [pipeline])
    await server.start()
    await produce(topic, [change('c', { id: 9 })])
    await until('it is logged', () => db.one(`SELECT count(*) AS n FROM pipeline_runs_default WHERE run_type = 'CDC'`), ({ n }) => n === 1, { detail })
  })
})
