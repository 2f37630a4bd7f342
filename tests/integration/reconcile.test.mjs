// reconcile.test.mjs - each offset that Kafka gave is in one count, and the counts are what the log holds. The
// endpoint says so itself; that it would also say otherwise is tried by breaking each of its sums.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { login, request } from '../support/client.mjs'
import { change, tombstone } from '../support/debezium.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createPipeline } from '../support/pipelines.mjs'
import { closeServices, createDatabase, createTopics, deleteTopics, kafka, produce, topicOffsets, uniqueName } from '../support/services.mjs'
import { until } from '../support/until.mjs'

describe('reconciliation', { timeout: 120000 }, () => {
  const prefix = uniqueName('ledger')
  const orders = `${prefix}.public.orders`
  const other = `${prefix}.public.other`
  let db, server, token, id
  before(async () => {
    db = await createDatabase('reconcile')
    await createTopics([orders], 2)
    await createTopics([other])
    server = await startMillrace({ databaseUrl: db.url, env: { MILLRACE_KAFKA_SESSION_TIMEOUT_MS: '6000' } })
    token = await login(server.url)
    id = await createPipeline(db, { name: 'shop', prefix })
  })
  after(async () => {
    try {
      await server?.stop()
    } finally {
      await deleteTopics([orders, other])
      await db?.drop()
      await closeServices()
    }
  })
  const reconcile = async (query = 'rows=true', as = token) => {
    const res = await request(`${server.url}/api/v1/monitoring/reconcile?${query}`, { token: as })
    assert.equal(res.status, 200, res.text)
    return res.body
  }
  const consumed = async () => {
    const ends = (await topicOffsets([orders, other])).reduce((n, p) => n + p.high, 0)
    return until('all is consumed', reconcile, (r) => r.offsets >= ends, { timeout: 30000 })
  }

  it('finds each kind of record, and the offsets without one, in its count', async () => {
    const json = (value) => ({ key: null, value: JSON.stringify(value), partition: 1 })
    const source = { connector: 'mysql', name: prefix, db: 'shop', table: 'orders', ts_ms: 1 }
    await produce(orders, [
      { ...change('c', { prefix, id: 1 }), partition: 0 },
      { ...change('r', { prefix, id: 2 }), partition: 0 },
      { ...change('u', { prefix, id: 1 }), partition: 0 },
      { ...change('d', { prefix, id: 2 }), partition: 0 },
      { ...tombstone({ prefix, id: 2 }), partition: 0 },
      json({ source, op: 't', ts_ms: 1 }),
      json({ source, op: 'm', message: { prefix: 'note', content: 'aGk=' }, ts_ms: 1 }),
      json({ id: 7, customer: 'a row without its operation' }),
      { key: '{"serverName":"x"}', value: '{"ts_ms":1}', partition: 1 },
      json({ status: 'BEGIN', id: '1:2', ts_ms: 1, event_count: null, data_collections: null }),
      json({ source, databaseName: 'shop', ddl: 'ALTER TABLE orders ADD x int', tableChanges: [] }),
      json({ id: 'n', aggregate_type: 'Initial Snapshot', type: 'COMPLETED', additional_data: {}, timestamp: 1 }),
      { key: null, value: 'no JSON', partition: 1 },
    ])
    // A transaction that is rolled back, and one that is not: records and markers that nobody is given.
    const producer = kafka().producer({ transactionalId: uniqueName('tx'), maxInFlightRequests: 1, idempotent: true })
    await producer.connect()
    for (const commit of [false, true]) {
      const tx = await producer.transaction()
      await tx.send({ topic: other, messages: [3, 4].map((n) => change('c', { prefix, table: 'other', id: n + (commit ? 10 : 0) })) })
      await (commit ? tx.commit() : tx.abort())
    }
    await producer.disconnect()
    await produce(other, [change('c', { prefix, table: 'other', id: 20 })])

    const r = await consumed()
    assert.equal(r.balanced, true, JSON.stringify(r))
    assert.deepEqual(r.counts, {
      insert: 5, update: 1, delete: 1, truncate: 1, message: 1, other: 1, tombstone: 1, heartbeat: 1, transaction: 1, schema: 1,
      notification: 1, dead_letter: 1, gap: 4, known: 0,
    })
    assert.deepEqual([r.offsets, r.counted, r.difference, r.dead_letters_waiting], [20, 20, 0, 1])
    assert.deepEqual(r.log, { last_seq: 10, of_offsets: 10, of_none: 0, difference: 0 })
    assert.deepEqual(r.pipelines, [{ pipeline_id: id, last_pipeline_seq: 10, counted: 10, removed: 0, difference: 0, rows: 10, rows_difference: 0 }])
    assert.deepEqual(r.partitions.map((p) => [p.topic, p.partition, p.first_offset, p.next_offset, p.counts.gap, p.difference, p.pipeline_id]),
      [[orders, 0, 0, 5, 0, 0, id], [orders, 1, 0, 8, 0, 0, id], [other, 0, 0, 7, 4, 0, id]])
    assert.equal((await reconcile('')).pipelines[0].rows, null)
  })

  it('is not fooled: a row, a count or an offset that is not what it was is found', async () => {
    const broken = async (what, sql, undo, look) => {
      await db.query(sql)
      const r = await reconcile()
      assert.equal(r.balanced, false, what)
      look(r)
      await db.query(undo)
      assert.equal((await reconcile()).balanced, true, `${what}, undone`)
    }
    await broken('a row that is gone', "UPDATE pipeline_runs SET run_type = 'FULL_LOAD' WHERE seq = 3", "UPDATE pipeline_runs SET run_type = 'CDC' WHERE seq = 3",
      (r) => assert.equal(r.pipelines[0].rows_difference, -1))
    await broken('an offset that was passed over', `UPDATE consumer_offsets SET next_offset = next_offset + 1 WHERE topic = '${other}'`,
      `UPDATE consumer_offsets SET next_offset = next_offset - 1 WHERE topic = '${other}'`,
      (r) => assert.deepEqual([r.partitions[0].topic, r.partitions[0].difference, r.difference], [other, -1, -1], 'what does not balance comes first'))
    await broken('an event that no offset stands for', 'UPDATE event_log_head SET last_seq = last_seq + 1', 'UPDATE event_log_head SET last_seq = last_seq - 1',
      (r) => assert.equal(r.log.difference, 1))
    await broken('a counter that is too high', 'UPDATE pipeline_counters SET insert_count = insert_count + 1', 'UPDATE pipeline_counters SET insert_count = insert_count - 1',
      (r) => assert.deepEqual([r.pipelines[0].difference, r.pipelines[0].rows_difference], [-1, -1]))
  })

  it('goes on to balance when a letter is read again, and when a topic is made anew', async () => {
    const good = change('u', { prefix, id: 1 })
    await db.query('UPDATE dead_letters SET record_key = $1, record_value = $2', [Buffer.from(good.key), Buffer.from(good.value)])
    const [letter] = await db.rows('SELECT id FROM dead_letters')
    assert.equal((await request(`${server.url}/api/v1/monitoring/dead-letters/${letter.id}/retry`, { method: 'POST', token })).status, 204)
    const read = await reconcile()
    assert.equal(read.balanced, true, JSON.stringify(read))
    assert.deepEqual([read.log.of_offsets, read.log.of_none, read.counts.dead_letter, read.dead_letters_waiting], [10, 1, 1, 0])

    await deleteTopics([other])
    await until('its name is free', () => createTopics([other]).then(() => true, () => false), Boolean, { timeout: 20000 })
    await produce(other, [31, 32, 33].map((n) => change('c', { prefix, table: 'other', id: n })))
    const anew = await until('the new topic is logged', reconcile, (r) => r.log.last_seq === 14, { timeout: 45000 })
    assert.equal(anew.balanced, true, JSON.stringify(anew))
    const old = anew.partitions.find((p) => p.ended_at)
    assert.deepEqual([old.topic, old.next_offset, old.counts.insert], [other, 7, 3])
    assert.equal(anew.log.last_seq, 14)
  })

  it('shows nobody what is hidden from them', async () => {
    await request(`${server.url}/api/v1/users`, { method: 'POST', token, body: { username: 'vera', password: 'looking only', role: 'viewer' } })
    const vera = await login(server.url, { username: 'vera', password: 'looking only' })
    assert.equal((await reconcile('', vera)).partitions_total, 4)
    const users = (await request(`${server.url}/api/v1/users`, { token })).body
    const hide = { grants: [{ user_id: (users.items ?? users).find((u) => u.username === 'vera').id, role: 'none' }] }
    await request(`${server.url}/api/v1/pipelines/${id}/permissions`, { method: 'PUT', token, body: hide })
    const r = await reconcile('', vera)
    assert.deepEqual([r.partitions_total, r.offsets, r.log, r.pipelines], [0, 0, null, []])
    assert.equal((await request(`${server.url}/api/v1/monitoring/reconcile?pipeline_id=${id}`, { token: vera })).status, 404)
    assert.equal((await request(`${server.url}/api/v1/monitoring/reconcile?pipeline_id=${randomUUID()}`, { token })).status, 404)
  })
})
