// analytics.test.mjs - what was logged over a range of time: equal to what can be counted, by minute, table
// and pipeline; why records could not be read; which rows changed most.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { login, request } from '../support/client.mjs'
import { change } from '../support/debezium.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createPipeline } from '../support/pipelines.mjs'
import { closeServices, createDatabase, createTopics, deleteTopics, produce, uniqueName } from '../support/services.mjs'
import { until } from '../support/until.mjs'

describe('analytics', { timeout: 120000 }, () => {
  const prefix = uniqueName('an')
  const topics = ['orders', 'customers'].map((t) => `${prefix}.public.${t}`)
  let db, server, token, id, other
  before(async () => {
    db = await createDatabase('analytics')
    await createTopics(topics)
    server = await startMillrace({ databaseUrl: db.url })
    token = await login(server.url)
    id = await createPipeline(db, { name: 'shop', prefix })
    other = await createPipeline(db, { name: 'quiet', topics: [`${prefix}-none`] })
    const row = (op, n, table) => change(op, { prefix, id: n, table })
    await produce(topics[0], Array.from({ length: 300 }, (_, i) => row(i % 3 ? 'u' : 'c', i % 10 === 0 ? 7 : i, 'orders')), { batch: 100 })
    await produce(topics[1], [...Array.from({ length: 40 }, (_, i) => row('d', i, 'customers')), { key: '{"id":1}', value: 'no JSON at all' }, { key: '{"id":2}', value: 'nor this' }])
    await until('all is logged', async () => (await db.one('SELECT coalesce(sum(insert_count + update_count + delete_count + failed_count), 0)::int AS n FROM pipeline_counters')).n, (n) => n === 342, { timeout: 60000 })
  })
  after(async () => {
    await server?.stop()
    await deleteTopics(topics)
    await db?.drop()
    await closeServices()
  })
  const get = async (path, expect = 200) => {
    const res = await request(`${server.url}/api/v1/monitoring/${path}`, { token })
    assert.equal(res.status, expect, res.text)
    return res.body
  }
  const sum = (list, key) => list.reduce((n, x) => n + x[key], 0)

  it('adds up to the counters, by point, by pipeline and by table', async () => {
    const a = await get('analytics')
    const d = await get('dashboard')
    for (const key of ['insert_count', 'update_count', 'delete_count', 'total_events']) {
      assert.equal(sum(a.points, key), d[key], key)
      assert.equal(sum(a.pipelines, key), d[key], key)
      assert.equal(sum(a.tables, key), d[key], key)
    }
    assert.deepEqual(a.tables.map((t) => [t.schema_name, t.table_name, t.insert_count, t.update_count, t.delete_count]), [['public', 'orders', 100, 200, 0], ['public', 'customers', 0, 0, 40]])
    assert.deepEqual(a.pipelines.map((p) => p.pipeline_id), [id])
    assert.equal(a.step_seconds, 60)
  })

  it('has the percentiles of the latencies that were logged, to an eighth', async () => {
    const a = await get(`analytics?pipeline_id=${id}`)
    const exact = await db.one("SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY (run_metadata->>'latency_ms')::float8) AS p95, avg((run_metadata->>'latency_ms')::float8) AS mean FROM pipeline_runs WHERE run_type = 'CDC' AND run_metadata->>'latency_ms' IS NOT NULL")
    const [p] = a.pipelines
    assert.ok(Math.abs(p.avg_latency_ms - exact.mean) <= 0.1, `${p.avg_latency_ms} ${exact.mean}`)
    assert.ok(p.p95_latency_ms >= exact.p95 * 0.87 - 1 && p.p95_latency_ms <= exact.p95 * 1.13 + 1, `${p.p95_latency_ms} ${exact.p95}`)
    assert.ok(p.p50_latency_ms <= p.p95_latency_ms && p.p95_latency_ms <= p.p99_latency_ms)
  })

  it('is of the range and of the pipeline that were asked for', async () => {
    assert.deepEqual((await get(`analytics?pipeline_id=${other}`)).tables, [])
    const past = await get('analytics?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z')
    assert.deepEqual([past.points, past.tables, past.pipelines, past.errors], [[], [], [], []])
    assert.equal(past.step_seconds, 900)
    const wide = await get(`analytics?from=2020-01-01&to=2040-01-01&step_seconds=${31 * 86400}`)
    assert.equal(sum(wide.points, 'total_events'), 340)
    assert.equal(wide.points.length, 1)
  })

  it('says why records could not be read, and how often', async () => {
    const { errors } = await get('analytics')
    assert.equal(sum(errors, 'count'), 2)
    assert.match(errors[0].reason, /JSON/)
  })

  it('says which rows changed most', async () => {
    const { keys, looked_at } = await get('top-keys?limit=3')
    assert.equal(looked_at, 340)
    assert.equal(keys.length, 3)
    assert.deepEqual([keys[0].table_name, keys[0].key.id, keys[0].count], ['orders', 7, 31])
    assert.equal((await get('top-keys?from=2020-01-01&to=2020-01-02')).looked_at, 0)
    assert.deepEqual((await get(`top-keys?pipeline_id=${other}`)).keys, [])
  })

  it('refuses ranges that are none', async () => {
    for (const query of ['from=2026-01-02&to=2026-01-01', 'from=yesterday', 'step_seconds=90', 'step_seconds=1', 'from=2000-01-01&step_seconds=60', 'from=2026-02-31T00:00:00Z']) await get(`analytics?${query}`, 422)
    await get('analytics?pipeline_id=00000000-0000-7000-8000-000000000000', 404)
    await get('top-keys?limit=101', 422)
  })
})
