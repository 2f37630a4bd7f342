// ingest_killed.test.mjs - 100,000 messages while everything on their way is killed with SIGKILL: the server that takes
// them, workers, Redis, PostgreSQL. What was acknowledged is stored, once; what was not may be, once.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { login, request } from '../support/client.mjs'
import { ingest, startMillrace } from '../support/millrace.mjs'
import { redisDatabase } from '../support/redis.mjs'
import { createDatabase } from '../support/services.mjs'
import { stack } from '../support/stack.mjs'
import { pause, until } from '../support/until.mjs'

const MESSAGES = 100000
const REQUEST = 50
const env = { MILLRACE_INGEST_BATCH: '200', MILLRACE_INGEST_FLUSH_MS: '100' }

describe('killed on the way', { timeout: 300000 }, () => {
  const redis = redisDatabase(10)
  let db, server, token
  const workers = []
  before(async () => {
    await redis.clear()
    db = await createDatabase('ingest_killed')
    server = await startMillrace({ databaseUrl: db.url, env: { REDIS_URL: redis.url, MILLRACE_KAFKA_SESSION_TIMEOUT_MS: '1500', ...env } })
    token = await login(server.url)
    for (let i = 0; i < 2; i++) workers.push(ingest(db.url, redis.url, env))
  })
  after(async () => {
    for (const w of workers) await w.stop()
    await server?.stop()
    await db?.drop()
  })

  it('loses none that was acknowledged, and doubles none', async () => {
    const acknowledged = new Set()
    const unknown = new Set()
    let next = 0
    const send = async () => {
      while (next < MESSAGES) {
        const from = next
        next += REQUEST
        const batch = Array.from({ length: REQUEST }, (_, i) => ({ user_id: from + i, channel_id: 1, content: `m${from + i}` }))
        const res = await request(`${server.url}/messages`, { method: 'POST', token, body: batch, timeout: 8000 }).catch((e) => ({ error: e }))
        for (const m of batch) (res.status === 202 ? acknowledged : unknown).add(m.content)
        if (res.status !== 202) await pause(100)
        else if (res.body.queue_length > 20000) await pause(50)
      }
    }
    const senders = Array.from({ length: 4 }, send)
    const at = (n) => until(`${n} have been sent`, () => next, (x) => x >= n, { timeout: 120000, every: 5 })
    for (let i = 1; i <= 9; i++) {
      await at((MESSAGES / 12) * i)
      const what = i % 3
      if (i === 4) {
        await stack('kill', 'redis')
        await pause(300)
        await stack('start', 'redis')
      } else if (i === 7) {
        await stack('kill', 'postgres')
        await stack('start', 'postgres')
      } else if (what === 0) {
        await server.kill9()
        await server.start()
      } else {
        await workers[what - 1].kill9()
        workers[what - 1] = ingest(db.url, redis.url, env)
      }
    }
    await Promise.all(senders)
    await until('the queue is empty and no batch is under way', () => redis.cli('EVAL', "return redis.call('LLEN', 'pending_messages') + #redis.call('KEYS', 'millrace:ingest:batch:*')", '0'), (n) => n === '0', { timeout: 90000, every: 250, detail: () => server.log(20) })

    const rows = (await db.query('SELECT content, count(*) AS n FROM messages GROUP BY 1')).rows
    assert.deepEqual(rows.filter((r) => r.n !== 1).slice(0, 5), [], 'none is there twice')
    const there = new Set(rows.map((r) => r.content))
    assert.deepEqual([...acknowledged].filter((m) => !there.has(m)).slice(0, 5), [], 'none that was acknowledged is missing')
    assert.deepEqual([...there].filter((m) => !acknowledged.has(m) && !unknown.has(m)), [])
    assert.ok(acknowledged.size > MESSAGES * 0.8, `${acknowledged.size} acknowledged, ${unknown.size} not`)
    assert.ok(unknown.size > 0, 'something was killed while it was used')
    const counters = (await db.query('SELECT total_messages AS n, total_failed AS f FROM ingest_counters')).rows[0]
    assert.deepEqual(counters, { n: there.size, f: 0 })
    await until('Redis says the same', () => redis.cli('GET', 'total_messages'), (n) => n === String(there.size))
  })

  it('without Redis, messages and bursts are refused, and everything else goes on', async () => {
    const ask = (method, path, body) => request(`${server.url}${path}`, { method, token, body, timeout: 8000 })
    await stack('stop', 'redis')
    try {
      const one = { user_id: 1, channel_id: 1, content: 'while away' }
      const res = await until('a message is refused', () => ask('POST', '/messages', one), (r) => r.status === 503)
      assert.match(res.body.detail, /queue is not available/)
      await until('a burst is refused', () => ask('POST', '/simulate', {}), (r) => r.status === 503)
      assert.equal((await ask('GET', '/messages?limit=1')).status, 200)
      assert.equal((await ask('GET', '/stats')).status, 200)
      assert.equal((await ask('GET', '/api/v1/pipelines')).status, 200)
      assert.equal((await ask('GET', '/health')).status, 200)
    } finally {
      await stack('start', 'redis')
    }
    await until('messages are taken again', () => ask('POST', '/messages', { user_id: 1, channel_id: 1, content: 'back' }), (r) => r.status === 202)
    await until('and stored', async () => (await ask('GET', '/messages?limit=1')).body[0].content, (c) => c === 'back')
  })
})
