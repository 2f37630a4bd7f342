// dead_letters.test.mjs - records that could not be read: looked at, read again after a fix, thrown away; and
// a logger that is asked to begin anew. Nothing is counted twice, whatever is done.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { connect, login, request, subscribe } from '../support/client.mjs'
import { change } from '../support/debezium.mjs'
import { countersEqual } from '../support/log.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createPipeline } from '../support/pipelines.mjs'
import { closeServices, createDatabase, createTopics, deleteTopics, produce, uniqueName } from '../support/services.mjs'
import { until } from '../support/until.mjs'

describe('dead letters', { timeout: 120000 }, () => {
  const prefix = uniqueName('dead')
  const topic = `${prefix}.public.orders`
  let db, server, token, id, viewer
  before(async () => {
    db = await createDatabase('dead_letters')
    await createTopics([topic])
    server = await startMillrace({ databaseUrl: db.url, env: { MILLRACE_KAFKA_SESSION_TIMEOUT_MS: '6000' } })
    token = await login(server.url)
    id = await createPipeline(db, { name: 'shop', prefix })
    await request(`${server.url}/api/v1/users`, { method: 'POST', token, body: { username: 'vera', password: 'looking only', role: 'viewer' } })
    viewer = await login(server.url, { username: 'vera', password: 'looking only' })
    await produce(topic, [change('c', { prefix, id: 1 }), { key: '{"id":2}', value: 'no JSON' }, { key: '{"id":3}', value: 'nor this' }])
    await until('all is counted', () => counters(), (k) => Number(k?.insert_count) === 1 && Number(k?.failed_count) === 2, { timeout: 30000 })
  })
  after(async () => {
    await server?.stop()
    await deleteTopics([topic])
    await db?.drop()
    await closeServices()
  })
  const counters = () => db.rows('SELECT * FROM pipeline_counters WHERE pipeline_id = $1', [id]).then(([k]) => k)
  const call = async (method, path, expect, as = token) => {
    const res = await request(`${server.url}/api/v1/monitoring/${path}`, { method, token: as, timeout: 30000 })
    assert.equal(res.status, expect, `${method} ${path}: ${res.text}`)
    return res.body
  }
  /** As if a mended reader met the record again: a letter whose bytes are a good change. */
  const mend = async (record) => {
    const letter = randomUUID()
    await db.query(`INSERT INTO dead_letters (id, pipeline_id, topic, partition, "offset", record_key, record_value, reason) VALUES ($1, $2, $3, 0, 99, $4, $5, 'an older version could not read it')`,
      [letter, id, topic, Buffer.from(record.key), record.value === null ? null : Buffer.from(record.value)])
    await db.query('UPDATE pipeline_counters SET failed_count = failed_count + 1 WHERE pipeline_id = $1', [id])
    return letter
  }

  it('are looked at with their bytes', async () => {
    const list = await call('GET', `dead-letters?pipeline_id=${id}`, 200, viewer)
    assert.equal(list.length, 2)
    const whole = await call('GET', `dead-letters/${list[1].id}`, 200, viewer)
    assert.equal(Buffer.from(whole.value, 'base64').toString(), 'no JSON')
    assert.equal(Buffer.from(whole.key, 'base64').toString(), '{"id":2}')
    assert.match(whole.reason, /JSON/)
    await call('GET', `dead-letters/${randomUUID()}`, 404)
  })

  it('stay when they can still not be read, and it is said why', async () => {
    const [letter] = await call('GET', 'dead-letters', 200)
    const problem = await call('POST', `dead-letters/${letter.id}/retry`, 422)
    assert.match(problem.detail, /still cannot be logged: .*JSON/)
    assert.equal(Number((await counters()).failed_count), 2)
    await call('POST', `dead-letters/${letter.id}/retry`, 403, viewer)
  })

  it('become events at the head of the log, live, once', async () => {
    const socket = await connect(server.url, token)
    const events = []
    socket.on('replication_event', (e) => events.push(e))
    await subscribe(socket, { pipeline_id: id, after: 0 })
    await until('the first is there', () => events.length, (n) => n === 1)
    const letter = await mend(change('u', { prefix, id: 7 }))
    const both = await Promise.all([0, 1].map(() => request(`${server.url}/api/v1/monitoring/dead-letters/${letter}/retry`, { method: 'POST', token })))
    assert.deepEqual(both.map((r) => r.status).sort(), [204, 404], 'two at once: one does it')
    const e = await until('it comes live', () => events[1], Boolean, { timeout: 10000 })
    assert.deepEqual([e.event_type, e.key.id, e.pipeline_seq, e.seq, e.offset], ['update', 7, 2, 2, 99])
    await countersEqual(db)
    const k = await counters()
    assert.deepEqual([Number(k.update_count), Number(k.failed_count), Number(k.last_pipeline_seq)], [1, 2, 2])
    assert.equal(Number((await db.one('SELECT sum(update_count) AS n FROM table_minutes')).n), 1)
    await produce(topic, [change('c', { prefix, id: 8 })])
    await until('the log goes on behind it', () => events.map((x) => x.seq), (seqs) => seqs.join() === '1,2,3', { timeout: 15000 })
    socket.disconnect()
  })

  it('that are no events are counted as skipped', async () => {
    const letter = await mend({ key: '{"id":9}', value: null })
    const was = Number((await counters()).tombstone_count)
    await call('POST', `dead-letters/${letter}/retry`, 204)
    const k = await counters()
    assert.deepEqual([Number(k.tombstone_count), Number(k.failed_count)], [was + 1, 2])
  })

  it('are read again all at once; those that cannot be stay', async () => {
    for (let i = 0; i < 120; i++) await mend(change('c', { prefix, id: 100 + i }))
    const first = await call('POST', `dead-letters/retry?pipeline_id=${id}`, 200)
    assert.equal(first.done + first.failed, 100)
    assert.ok(first.next)
    const second = await call('POST', `dead-letters/retry?pipeline_id=${id}&after=${first.next}`, 200)
    assert.equal(second.next, null)
    assert.deepEqual([first.done + second.done, first.failed + second.failed], [120, 2])
    await countersEqual(db)
    assert.equal((await call('GET', 'dead-letters', 200)).length, 2)
  })

  it('are thrown away, one and all, and counted as skipped', async () => {
    const [letter] = await call('GET', 'dead-letters', 200)
    const was = Number((await counters()).skipped_count)
    await call('DELETE', `dead-letters/${letter.id}`, 403, viewer)
    await call('DELETE', `dead-letters/${letter.id}`, 204)
    await call('DELETE', `dead-letters/${letter.id}`, 404)
    assert.deepEqual(await call('POST', 'dead-letters/discard', 200), { done: 1, failed: 0, next: null })
    const k = await counters()
    assert.deepEqual([Number(k.failed_count), Number(k.skipped_count)], [0, was + 2])
    const audit = (await request(`${server.url}/api/v1/audit?resource_type=dead_letter&limit=100`, { token })).body.map((a) => a.action)
    for (const action of ['dead_letter.retry', 'dead_letter.retry_all', 'dead_letter.discard', 'dead_letter.discard_all']) assert.ok(audit.includes(action), action)
  })

  it('the logger begins anew, and not one record is missing or twice', async () => {
    const total = Number((await counters()).insert_count)
    let sent = 0
    let going = true
    const flood = (async () => {
      while (going) {
        await produce(topic, Array.from({ length: 50 }, () => change('c', { prefix, id: 1000 + sent++ })))
      }
    })()
    const [a, b] = await Promise.all([call('POST', 'event-logger/restart', 200), call('POST', 'event-logger/restart', 200)])
    assert.ok(a.uptime_seconds < 5 && b.uptime_seconds < 5)
    assert.equal((await request(`${server.url}/health`)).status, 200)
    await call('POST', 'event-logger/restart', 403, viewer)
    await call('POST', 'event-logger/restart', 200)
    going = false
    await flood
    await until('all of them are logged', async () => Number((await counters()).insert_count) - total, (n) => n === sent, { timeout: 40000, detail: () => server.log(30) })
    await countersEqual(db)
    const audit = (await request(`${server.url}/api/v1/audit?action=event_logger.restart`, { token })).body
    assert.equal(audit.length, 3)
  })
})
