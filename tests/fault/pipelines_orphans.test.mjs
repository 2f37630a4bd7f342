// pipelines_orphans.test.mjs - what a delete leaves while its source is away, and what belongs to no pipeline.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import pg from 'pg'
import { login, request } from '../support/client.mjs'
import { connectors, createFlow, createPair, flowEnv } from '../support/copies.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createDatabase, createTopics, deleteTopics, topicsWith, uniqueName } from '../support/services.mjs'
import { until } from '../support/until.mjs'

describe('what is left behind', () => {
  let db, server, token, pair, flow
  before(async () => {
    db = await createDatabase('orphans')
    server = await startMillrace({ databaseUrl: db.url, env: flowEnv() })
    token = await login(server.url)
    pair = await createPair()
    await pair.source.query('CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (1)')
    flow = await createFlow(server, token, pair)
    await flow.start()
  })
  after(async () => {
    await flow?.removed()
    await server?.stop()
    await pair?.drop()
    await db?.drop()
  })

  const scan = () => flow.call('GET', '/monitoring/orphans')
  const names = (o) => o.orphans.map((x) => `${x.kind} ${x.name}`)
  const drop = async (query) => (await request(`${server.url}/api/v1/monitoring/orphans?${new URLSearchParams(query)}`, { method: 'DELETE', token, timeout: 40000 })).status
  const slots = async () => (await pair.source.query('SELECT slot_name FROM pg_replication_slots WHERE database = current_database() ORDER BY 1')).rows.map((r) => r.slot_name)

  it('nothing of a living pipeline is an orphan, or can be dropped as one', async () => {
    const own = `mr_${flow.id.slice(-12)}`
    assert.deepEqual(names(await scan()).filter((n) => n.includes(own)), [])
    assert.equal(await drop({ kind: 'slot', name: own, connection_id: flow.source.id }), 409)
    assert.equal(await drop({ kind: 'connector', name: `${own}_source` }), 409)
    assert.equal(await drop({ kind: 'topic', name: `${own}.public.items` }), 409)
    assert.deepEqual(await slots(), [own])
  })

  it('what no pipeline has is listed, and dropped one by one', async () => {
    const name = uniqueName('mr_lost')
    await pair.source.query(`SELECT pg_create_logical_replication_slot('${name}', 'pgoutput'); CREATE PUBLICATION ${name} FOR TABLE items`)
    await createTopics([`${name}.public.t`])
    await connectors(`/${name}_sink/config`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name: `${name}_sink`, 'connector.class': 'io.debezium.connector.jdbc.JdbcSinkConnector', topics: `${name}.public.t`, 'connection.url': 'jdbc:postgresql://127.0.0.1:1/none', 'connection.username': 'x', 'connection.password': 'x' }) })
    try {
      const found = await until('all are listed', scan, (o) => names(o).filter((n) => n.includes(name)).length >= 4, { timeout: 20000 })
      const slot = found.orphans.find((o) => o.kind === 'slot' && o.name === name)
      assert.equal(slot.connection_id, flow.source.id)
      assert.match(slot.detail, /^retains \d+ bytes of WAL$/)
      assert.equal(await drop({ kind: 'slot', name, connection_id: flow.source.id }), 204)
      assert.equal(await drop({ kind: 'publication', name, connection_id: flow.source.id }), 204)
      assert.equal(await drop({ kind: 'connector', name: `${name}_sink` }), 204)
      await until('its group can go', () => drop({ kind: 'group', name: `connect-${name}_sink` }), (s) => s === 204, { timeout: 20000, every: 500 })
      assert.equal(await drop({ kind: 'topic', name: `${name}.public.t` }), 204)
      await until('nothing of it is left', scan, (o) => !names(o).some((n) => n.includes(name)), { timeout: 20000 })
      assert.deepEqual((await topicsWith(name)).length + (await slots()).filter((s) => s === name).length, 0)
    } finally {
      await deleteTopics([`${name}.public.t`]).catch(() => {})
    }
  })

  it('only what is called mr_.. can be dropped', async () => {
    assert.equal(await drop({ kind: 'topic', name: 'shop.public.orders' }), 422)
    assert.equal(await drop({ kind: 'group', name: 'mr_x' }), 422)
    assert.equal(await drop({ kind: 'slot', name: 'mr_x' }), 422)
    assert.equal(await drop({ kind: 'database', name: 'mr_x' }), 422)
    assert.equal(await drop({ kind: 'slot', name: 'mr_x', connection_id: '00000000-0000-7000-8000-000000000000' }), 404)
  })

  it('a delete whose source is away is pending until it is back', async () => {
    const owner = new pg.Client(pair.source.serverUrl)
    await owner.connect()
    const name = pair.source.name
    await owner.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`)
    await pair.source.pool.end()
    await owner.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name])
    try {
      await flow.delete()
      const o = await until('its clean-up is pending', scan, (x) => x.pending_cleanup.some((p) => p.pipeline_id === flow.id && p.attempts > 1 && p.step === 'drop_slot' && p.error), { timeout: 40000 })
      assert.match(o.pending_cleanup[0].error, /not currently accepting connections/)
      assert.ok(o.unreachable.some((u) => u.where === flow.source.name))
      // Its connection is still needed.
      const res = await request(`${server.url}/api/v1/connections/${flow.source.id}`, { method: 'DELETE', token })
      assert.equal(res.status, 409)
    } finally {
      await owner.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`)
      await owner.end()
      pair.source.open()
    }
    await until('it is cleaned up', scan, (o) => o.pending_cleanup.length === 0, { timeout: 40000 })
    assert.deepEqual(await slots(), [])
    assert.equal((await request(`${server.url}/api/v1/connections/${flow.source.id}`, { method: 'DELETE', token, timeout: 40000 })).status, 204)
  })
})
