// redis_kinds.test.mjs - Redis behind a password, behind TLS, and behind Sentinel, whose primary dies.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import WebSocket from 'ws'
import { login, request } from '../support/client.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { startRedis } from '../support/redis.mjs'
import { createDatabase } from '../support/services.mjs'
import { until } from '../support/until.mjs'

describe('Redis', { timeout: 120000 }, () => {
  const started = []
  let db
  before(async () => {
    db = await createDatabase('redis_kinds')
  })
  after(async () => {
    for (const one of started.reverse()) await one.stop()
    await db?.drop()
  })

  async function serve(redisUrl, env = {}) {
    const server = await startMillrace({ databaseUrl: db.url, env: { REDIS_URL: redisUrl, MILLRACE_INGEST_FLUSH_MS: '100', ...env } })
    started.push(server)
    server.token = await login(server.url)
    return server
  }
  async function redis(options) {
    const one = await startRedis(options)
    started.push(one)
    return one
  }
  const post = (server, content) => request(`${server.url}/messages`, { method: 'POST', token: server.token, body: { user_id: 1, channel_id: 1, content } })
  const isStored = (content) => until(`${content} is stored`, async () => (await db.query('SELECT count(*) AS n FROM messages WHERE content = $1', [content])).rows[0].n, (n) => n === 1, { timeout: 30000 })
  const redisIs = (server, state) => until(`Redis is ${state}`, async () => (await request(`${server.url}/health`)).body.checks.redis.status, (s) => s === state, { timeout: 20000 })

  it('with a password, right and wrong', async () => {
    const one = await redis({ settings: { requirepass: 'p@ss:word' } })
    const server = await serve(`redis://:p%40ss%3Aword@127.0.0.1:${one.port}/2`)
    assert.equal((await post(server, 'with a password')).status, 202)
    await isStored('with a password')
    const wrong = await serve(`redis://:wrong@127.0.0.1:${one.port}`)
    await redisIs(wrong, 'down')
    const res = await post(wrong, 'never')
    assert.equal(res.status, 503)
    assert.equal(res.headers.get('retry-after'), '1')
    assert.doesNotMatch(wrong.log(), /wrong@|p@ss/, 'no password in the log')
  })

  it('over TLS, its certificate verified', async () => {
    const one = await redis({ tls: true })
    const server = await serve(`rediss://localhost:${one.port}`, { SSL_CERT_FILE: one.ca })
    assert.equal((await post(server, 'over TLS')).status, 202)
    await isStored('over TLS')
    const stranger = await serve(`rediss://localhost:${one.port}`)
    await redisIs(stranger, 'down')
    assert.match(JSON.stringify((await request(`${stranger.url}/health`)).body.checks.redis), /certificate/)
    assert.equal((await post(stranger, 'never')).status, 503)
  })

  it('by Sentinel: the primary is killed, and its replica takes over', async () => {
    const primary = await redis()
    const replica = await redis({ settings: { replicaof: `127.0.0.1 ${primary.port}` } })
    await until('the replica follows', () => replica.cli('INFO', 'replication'), (text) => /master_link_status:up/.test(text))
    const sentinels = []
    for (let i = 0; i < 3; i++) sentinels.push(await redis({ sentinel: `sentinel monitor main 127.0.0.1 ${primary.port} 2\nsentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 5000\n` }))
    for (const s of sentinels) await until('the sentinel knows the others', () => s.cli('SENTINEL', 'MASTER', 'main'), (text) => /num-other-sentinels\n2/.test(text) && /num-slaves\n1/.test(text), { timeout: 30000 })
    const server = await serve(`redis-sentinel://${sentinels.map((s) => `127.0.0.1:${s.port}`).join(',')}/main/0`)
    const ws = new WebSocket(`${server.url.replace('http', 'ws')}/ws?token=${server.token}`)
    const seen = []
    ws.on('message', (m) => seen.push(JSON.parse(m)))
    await once(ws, 'open')
    const publish = (n) => request(`${server.url}/api/v1/bus/moved`, { method: 'POST', token: server.token, body: { n } })
    assert.equal((await publish(1)).status, 201)
    await until('it comes', () => seen.some((m) => m.data?.n === 1))
    assert.equal((await post(server, 'before the failover')).status, 202)
    await isStored('before the failover')
    await primary.kill()
    assert.equal((await post(server, 'between')).status, 503, 'nobody takes it')
    assert.equal((await request(`${server.url}/messages`, { token: server.token })).status, 200, 'all else goes on')
    await until('the replica is the primary', () => replica.cli('ROLE'), (text) => text.startsWith('master'), { timeout: 40000 })
    await until('messages are taken again', async () => (await post(server, `after ${Date.now()}`)).status, (s) => s === 202, { timeout: 20000, every: 200 })
    await post(server, 'after the failover')
    await isStored('after the failover')
    assert.equal((await publish(2)).status, 201)
    await until('the bus goes on', () => seen.some((m) => m.data?.n === 2))
    ws.close()
  })
})
