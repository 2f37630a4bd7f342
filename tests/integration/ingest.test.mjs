// ingest.test.mjs - messages by REST and by redis-cli, through Redis into PostgreSQL; bursts; figures.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { login, request } from '../support/client.mjs'
import { ingest, startMillrace } from '../support/millrace.mjs'
import { redisDatabase } from '../support/redis.mjs'
import { createDatabase } from '../support/services.mjs'
import { until } from '../support/until.mjs'

describe('messages', () => {
  const redis = redisDatabase(9)
  let db, server, token
  before(async () => {
    await redis.clear()
    db = await createDatabase('ingest')
    server = await startMillrace({ databaseUrl: db.url, env: { REDIS_URL: redis.url, MILLRACE_INGEST_FLUSH_MS: '200' } })
    token = await login(server.url)
  })
  after(async () => {
    await server?.stop()
    await db?.drop()
  })

  const post = (body, headers = {}, path = '/messages') => request(`${server.url}${path}`, { method: 'POST', token, body, headers })
  const get = async (path) => {
    const res = await request(`${server.url}${path}`, { token })
    assert.equal(res.status, 200, res.text)
    return res.body
  }
  const stored = async () => (await db.query('SELECT count(*) AS n FROM messages')).rows[0].n
  const arrive = (n) => until(`${n} messages are stored`, stored, (c) => c === n, { timeout: 20000, detail: () => server.log(10) })

  it('takes one, and has it back as the newest', async () => {
    const res = await post({ user_id: 1, channel_id: 2, content: 'Grüße "x" \\ \u{1f600}' })
    assert.equal(res.status, 202, res.text)
    assert.equal(res.body.status, 'queued')
    assert.equal(typeof res.body.queue_length, 'number')
    await arrive(1)
    const [m] = await get('/messages?limit=50')
    assert.deepEqual(Object.keys(m), ['id', 'user_id', 'channel_id', 'content', 'created_at', 'inserted_at'])
    assert.deepEqual([m.user_id, m.channel_id, m.content], [1, 2, 'Grüße "x" \\ \u{1f600}'])
    assert.match(m.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
  })

  it('takes an array, and lines of JSON', async () => {
    const before = await stored()
    let res = await post(Array.from({ length: 120 }, (_, i) => ({ user_id: i, channel_id: 1, content: `a${i}`, created_at: '2026-01-02T03:04:05.5+01:00' })))
    assert.deepEqual([res.status, res.body.accepted], [202, 120])
    res = await post('{"user_id":1,"channel_id":1,"content":"l1"}\n\n{"user_id":2,"channel_id":1,"content":"l2"}\r\n', { 'content-type': 'application/x-ndjson' }, '/api/v1/messages')
    assert.deepEqual([res.status, res.body.accepted], [202, 2], res.text)
    await arrive(before + 122)
    assert.equal((await db.query("SELECT created_at = '2026-01-02T02:04:05.5Z' AS same FROM messages WHERE content = 'a5'")).rows[0].same, true)
    assert.deepEqual((await get('/messages?limit=2')).map((m) => m.content), ['l2', 'l1'])
  })

  it('says by field what is wrong, and takes nothing then', async () => {
    const before = await stored()
    const fields = async (body, headers) => {
      const res = await post(body, headers)
      assert.equal(res.status, 422, res.text)
      return res.body.errors.map((e) => e.field).sort()
    }
    assert.deepEqual(await fields({}), ['channel_id', 'content', 'user_id'])
    assert.deepEqual(await fields({ user_id: '1', channel_id: 1.5, content: '' }), ['channel_id', 'content', 'user_id'])
    assert.deepEqual(await fields({ user_id: 1, channel_id: 1, content: 'x'.repeat(10001) }), ['content'])
    assert.deepEqual(await fields({ user_id: 1, channel_id: 1, content: 'a\u0000b' }), ['content'])
    assert.deepEqual(await fields({ user_id: 1, channel_id: 1, content: 'x', created_at: '2026-02-30T00:00:00Z' }), ['created_at'])
    assert.deepEqual(await fields([{ user_id: 1, channel_id: 1, content: 'good' }, { user_id: 1, channel_id: 1 }, 7]), ['1.content', '2'])
    assert.deepEqual(await fields('{"user_id":1,"channel_id":1,"content":"x"}\n{nonsense', { 'content-type': 'application/x-ndjson' }), ['1'])
    assert.equal((await post(Array.from({ length: 1001 }, () => ({ user_id: 1, channel_id: 1, content: 'x' })))).status, 422)
    assert.equal((await post([])).status, 422)
    assert.equal((await post('{"user_id":', { 'content-type': 'application/json' })).status, 400)
    assert.equal((await post({ user_id: 1, channel_id: 1, content: 'x'.repeat(10000) })).status, 202)
    await arrive(before + 1)
    assert.equal((await request(`${server.url}/messages?limit=0`, { token })).status, 422)
    assert.equal((await request(`${server.url}/messages`, { method: 'POST', body: {} })).status, 401)
  })

  it('takes what others push themselves, and buries what is no message', async () => {
    const before = await stored()
    await redis.cli('LPUSH', 'pending_messages', JSON.stringify({ user_id: 7, channel_id: 8, content: 'from redis-cli', created_at: '2026-03-04T05:06:07.123456' }))
    await redis.cli('LPUSH', 'pending_messages', 'no json at all', '{"user_id":1}', '{"user_id":1,"channel_id":2,"content":"bad time","created_at":"yesterday-ish"}', '{"user_id":1,"channel_id":2,"content":"good after bad"}')
    await arrive(before + 2)
    const dead = (await db.query("SELECT convert_from(payload, 'UTF8') AS p, reason FROM ingest_dead_letters ORDER BY id")).rows
    assert.deepEqual(dead.map((d) => d.p.slice(0, 14)).sort(), ['no json at all', '{"user_id":1,"', '{"user_id":1}'])
    assert.ok(dead.every((d) => d.reason.length > 5))
    assert.equal((await db.query("SELECT created_at = '2026-03-04T05:06:07.123456Z' AS same FROM messages WHERE content = 'from redis-cli'")).rows[0].same, true, 'a time without a zone is UTC')
    assert.equal(await redis.cli('KEYS', 'millrace:ingest:batch:*'), '', 'no batch is left')
  })

  it('counts what is stored, here and in Redis', async () => {
    const n = await stored()
    const s = await until('the sampler has seen it', () => get('/stats'), (x) => x.total_messages === n)
    assert.deepEqual(Object.keys(s), ['total_messages', 'current_rps', 'messages_per_second', 'queue_depth', 'queue_length', 'total_batches', 'avg_batch_size', 'timestamp', 'p50_latency_ms', 'p95_latency_ms', 'p99_latency_ms', 'batch_ms'])
    assert.equal(s.current_rps, s.messages_per_second)
    assert.equal(s.queue_depth, 0)
    assert.ok(Math.abs(s.avg_batch_size - n / s.total_batches) < 0.01)
    assert.equal(await redis.cli('GET', 'total_messages'), String(n))
    assert.equal(await redis.cli('GET', 'total_batches'), String(s.total_batches))
    const history = await get('/api/v1/stats/history?points=5')
    assert.ok(history.length >= 1 && history.length <= 5)
    assert.deepEqual([...history].sort((a, b) => (a.timestamp < b.timestamp ? -1 : 1)), history)
  })

  it('bursts: 202 at once, drained soon, the rate seen and gone again', async () => {
    const before = await stored()
    const from = Date.now()
    const res = await request(`${server.url}/simulate`, { method: 'POST', token })
    const took = Date.now() - from
    assert.equal(res.status, 202, res.text)
    assert.deepEqual(res.body, { status: 'simulation_started', messages_count: 500, message: 'Burst simulation queued - 500 messages will be injected immediately' })
    assert.ok(took < 500, `${took} ms`)
    await arrive(before + 500)
    await until('the rate is seen', () => get('/stats'), (s) => s.current_rps > 20)
    const small = await request(`${server.url}/api/v1/simulate`, { method: 'POST', token, body: { count: 10, duration_seconds: 1, template: 'made up {i} of {n}' } })
    assert.equal(small.status, 202)
    await arrive(before + 510)
    assert.equal((await get('/messages?limit=1'))[0].content, 'made up 10 of 10')
    assert.equal((await request(`${server.url}/simulate`, { method: 'POST', token, body: { count: 5001 } })).status, 422)
    await until('the rate decays', () => get('/stats'), (s) => s.current_rps === 0, { timeout: 20000, every: 500 })
  })

  it('another process works on the same queue', async () => {
    const before = await stored()
    const other = ingest(db.url, redis.url)
    try {
      await until('it has begun', () => redis.cli('KEYS', 'millrace:ingest:worker:*'), (k) => k.split('\n').length === 2)
      for (let i = 0; i < 5; i++) assert.equal((await post(Array.from({ length: 400 }, (_, k) => ({ user_id: k, channel_id: 1, content: `s${i}.${k}` })))).status, 202)
      await arrive(before + 2000)
    } finally {
      assert.equal(await other.stop(), 0)
    }
    assert.equal((await redis.cli('KEYS', 'millrace:ingest:worker:*')).split('\n').length, 1, 'it has said goodbye')
  })
})
