// feeds.test.mjs - figures over plain WebSockets, with the clients' own library.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import WebSocket from 'ws'
import { login, request } from '../support/client.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { redisDatabase } from '../support/redis.mjs'
import { createDatabase } from '../support/services.mjs'
import { until } from '../support/until.mjs'

describe('feeds', () => {
  const redis = redisDatabase(11)
  let db, server, token
  const sockets = []
  before(async () => {
    await redis.clear()
    db = await createDatabase('feeds')
    server = await startMillrace({ databaseUrl: db.url, env: { REDIS_URL: redis.url, MILLRACE_INGEST_FLUSH_MS: '100', MILLRACE_MAX_WS: '12' } })
    token = await login(server.url)
  })
  after(async () => {
    for (const s of sockets) s.terminate()
    await server?.stop()
    await db?.drop()
  })

  function open(path, options = {}) {
    const ws = new WebSocket(server.url.replace('http', 'ws') + path, options)
    ws.messages = []
    ws.on('message', (m) => ws.messages.push({ at: Date.now(), ...JSON.parse(m) }))
    ws.on('error', () => {})
    sockets.push(ws)
    return ws
  }
  const refused = async (path, options) => {
    const [, res] = await once(open(path, options), 'unexpected-response')
    return res.statusCode
  }
  const several = (ws, n) => until(`${n} messages`, () => ws.messages.length, (c) => c >= n, { timeout: 15000 })
  const over = async (ws) => (ws.close(), once(ws, 'close'))

  it('/ws/stats sends the figures twice a second, the first at once', async () => {
    const ws = open(`/ws/stats?token=${token}`)
    await several(ws, 5)
    const { at, ...first } = ws.messages[0]
    assert.deepEqual(Object.keys(first), ['total_messages', 'current_rps', 'messages_per_second', 'queue_depth', 'queue_length', 'total_batches', 'avg_batch_size', 'timestamp', 'p50_latency_ms', 'p95_latency_ms', 'p99_latency_ms', 'batch_ms'])
    const took = ws.messages[4].at - ws.messages[0].at
    assert.ok(took > 1500 && took < 3500, `four intervals in ${took} ms`)
    await request(`${server.url}/messages`, { method: 'POST', token, body: Array.from({ length: 30 }, (_, i) => ({ user_id: i, channel_id: 1, content: `f${i}` })) })
    await until('the total moves', () => ws.messages.at(-1).total_messages, (n) => n === 30)
    const { p50_latency_ms: p50, p99_latency_ms: p99, batch_ms: batch } = await until('latencies are known', () => ws.messages.at(-1), (m) => m.batch_ms > 0)
    assert.ok(p50 > 0 && p50 <= p99 && p99 < 10000 && batch < 10000, `p50 ${p50} p99 ${p99} batch ${batch}`)
    await over(ws)
  })

  it('as often as it is asked for', async () => {
    const ws = open('/ws/stats?interval_ms=100', { headers: { authorization: `Bearer ${token}` } })
    await several(ws, 11)
    const took = ws.messages[10].at - ws.messages[0].at
    assert.ok(took > 700 && took < 2500, `ten intervals in ${took} ms`)
    await over(ws)
  })

  it('/api/v1/ws/dashboard acknowledges, then sends what /api/v1/stats says', async () => {
    const ws = open(`/api/v1/ws/dashboard?token=${token}&interval_ms=300`)
    await several(ws, 3)
    assert.deepEqual(ws.messages.slice(0, 3).map((m) => m.type), ['connection_ack', 'stats_update', 'stats_update'])
    assert.match(ws.messages[1].timestamp, /Z$/)
    await until('both say the same', async () => {
      const { body } = await request(`${server.url}/api/v1/stats`, { token })
      return ws.messages.some((m) => m.type === 'stats_update' && JSON.stringify(m.data) === JSON.stringify(body))
    }, Boolean, { every: 20 })
    await over(ws)
  })

  it('answers a ping, and says so of what it does not take, and stays', async () => {
    const ws = open(`/api/v1/ws/dashboard?token=${token}`)
    await once(ws, 'open')
    for (const m of ['{nonsense', '[]', '{"type":"subscribe"}', '"x"']) ws.send(m)
    ws.send(Buffer.from([1, 2, 3]))
    ws.send(JSON.stringify({ type: 'ping', data: { sent: 7 } }))
    await until('all are answered', () => ws.messages.filter((m) => m.type === 'error').length, (n) => n === 5)
    const pong = await until('the ping, too', () => ws.messages.find((m) => m.type === 'pong'))
    assert.deepEqual(pong.data, { sent: 7 })
    assert.equal(ws.readyState, WebSocket.OPEN)
    await over(ws)
  })

  it('is for those who may, as many as may', async () => {
    assert.equal(await refused('/ws/stats'), 401)
    assert.equal(await refused('/ws/stats?token=wrong'), 401)
    for (const bad of ['99', '60001', 'x', '']) assert.equal(await refused(`/ws/stats?token=${token}&interval_ms=${bad}`), 422, bad)
    const ten = Array.from({ length: 10 }, (_, i) => open(`${i % 2 ? '/ws/stats' : '/api/v1/ws/dashboard'}?token=${token}`))
    await Promise.all(ten.map((ws) => once(ws, 'open')))
    assert.equal(await refused(`/ws/stats?token=${token}`), 503, 'the eleventh of an address')
    await over(ten.pop())
    const again = open(`/ws/stats?token=${token}`)
    await once(again, 'open')
    await Promise.all([...ten, again].map(over))
  })

  it('takes API keys with a scope for it, and tokens until they end', async () => {
    const key = async (scopes) => (await request(`${server.url}/api/v1/api-keys`, { method: 'POST', token, body: { name: `k${scopes}`, scopes } })).body.key
    const [stats, bus, other] = [await key(['stats:read']), await key(['bus:read']), await key(['users:read'])]
    for (const [path, k, options] of [[`/ws/stats?token=${stats}`], ['/api/v1/ws/dashboard', stats, { headers: { 'x-api-key': stats } }], ['/ws', bus, { headers: { authorization: `Bearer ${bus}` } }]]) {
      const ws = open(path, options)
      await several(ws, 1)
      await over(ws)
    }
    assert.equal(await refused(`/ws?token=${stats}`), 403)
    assert.equal(await refused(`/ws/stats?token=${other}`), 403)
    assert.equal(await refused(`/ws/stats?token=mr_${'x'.repeat(43)}`), 401)
    const short = await startMillrace({ databaseUrl: db.url, env: { REDIS_URL: redis.url, MILLRACE_ACCESS_TOKEN_SECONDS: '10' } })
    const ws = new WebSocket(`${short.url.replace('http', 'ws')}/ws/stats?token=${await login(short.url)}`)
    sockets.push(ws)
    const [code, reason] = await once(ws, 'close')
    assert.deepEqual([code, String(reason)], [1008, 'the access token has expired'])
    await short.stop()
  })

  it('says good-bye when the server stops', async () => {
    const ws = open(`/ws/stats?token=${token}`)
    await several(ws, 1)
    const closed = once(ws, 'close')
    await server.stop()
    assert.equal((await closed)[0], 1001)
    await server.start()
  })
})
