// bus_redis.test.mjs - Redis is killed under the bus, again and again, while messages are published and sockets listen:
// what was acknowledged reaches every socket once, in order; and the rest of the server does not notice.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import WebSocket from 'ws'
import { login, request } from '../support/client.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { startRedis } from '../support/redis.mjs'
import { createDatabase } from '../support/services.mjs'
import { pause, until } from '../support/until.mjs'

describe('the bus, and Redis killed under it', { timeout: 120000 }, () => {
  let db, server, token, redis
  const sockets = []
  before(async () => {
    redis = await startRedis()
    db = await createDatabase('bus_redis')
    server = await startMillrace({ databaseUrl: db.url, env: { REDIS_URL: `redis://127.0.0.1:${redis.port}`, MILLRACE_MAX_WS_PER_ADDRESS: '100', MILLRACE_BUS_MAXLEN: '1000' } })
    token = await login(server.url)
  })
  after(async () => {
    for (const s of sockets) s.terminate()
    await server?.stop()
    await redis?.stop()
    await db?.drop()
  })

  const publish = (stream, body) => request(`${server.url}/api/v1/bus/${stream}`, { method: 'POST', token, body, timeout: 8000 })
  async function listen(query) {
    const ws = new WebSocket(`${server.url.replace('http', 'ws')}/ws?token=${token}${query}`)
    ws.all = []
    ws.on('message', (m) => ws.all.push(JSON.parse(m)))
    sockets.push(ws)
    await once(ws, 'open')
    return ws
  }

  it('loses and doubles nothing that was acknowledged', async () => {
    const listeners = await Promise.all(Array.from({ length: 20 }, () => listen('&streams=killed')))
    const acknowledged = []
    let refused = 0, n = 0, going = true
    const publishing = (async () => {
      while (going) {
        const batch = Array.from({ length: 10 }, () => ({ n: n++ }))
        const res = await publish('killed', batch).catch(() => ({ status: 0 }))
        if (res.status === 201) acknowledged.push(...batch.map((m) => m.n))
        else refused++, await pause(50)
      }
    })()
    for (let i = 0; i < 4; i++) {
      const at = acknowledged.length
      await until('messages flow', () => acknowledged.length, (c) => c > at + 200)
      await redis.kill()
      const down = refused
      await until('publishing is refused', () => refused, (c) => c > down)
      assert.equal((await request(`${server.url}/api/v1/pipelines`, { token })).status, 200, 'all else goes on')
      await redis.start()
    }
    const at = acknowledged.length
    await until('messages flow again', () => acknowledged.length, (c) => c > at + 200)
    going = false
    await publishing
    const last = acknowledged.at(-1)
    for (const ws of listeners) {
      await until('the last one has come', () => ws.all.at(-1)?.data?.n, (x) => x >= last)
      const got = ws.all.filter((m) => m.type === 'message').map((m) => m.data.n)
      assert.deepEqual(got.filter((x, i) => i > 0 && x <= got[i - 1]), [], 'in order, none twice')
      const there = new Set(got)
      assert.deepEqual(acknowledged.filter((x) => !there.has(x)), [], 'none is missing')
    }
  })

  it('what others add while the server cannot reach it comes when it can', async () => {
    const ws = await listen('&streams=frozen')
    await publish('frozen', { n: 0 })
    await until('it comes', () => ws.all.length, (c) => c === 2)
    process.kill(server.pid, 'SIGSTOP')
    for (let n = 1; n <= 300; n++) await redis.cli('XADD', 'bus:frozen', '*', 'data', JSON.stringify({ n }))
    await redis.kill()
    await redis.start()
    process.kill(server.pid, 'SIGCONT')
    await until('all of it comes', () => ws.all.length, (c) => c === 302)
    assert.deepEqual(ws.all.slice(1).map((m) => m.data.n), Array.from({ length: 301 }, (_, n) => n))
  })

  it('is trimmed, and a position that is gone is a gap', async () => {
    const ws = await listen('&streams=trimmed')
    const resumed = await listen('&after=trimmed:1-0')
    await publish('trimmed', { n: 0 })
    for (const s of [ws, resumed]) await until('it comes', () => s.all.some((m) => m.data.n === 0))
    process.kill(server.pid, 'SIGSTOP')
    await redis.cli('EVAL', "for i = 1, 5000 do redis.call('XADD', 'bus:trimmed', '*', 'data', '{\"n\":' .. i .. '}') end redis.call('XTRIM', 'bus:trimmed', 'MAXLEN', '100')", '0')
    await redis.cli('CLIENT', 'KILL', 'TYPE', 'normal')
    process.kill(server.pid, 'SIGCONT')
    await until('what is left comes', () => ws.all.at(-1).data.n, (n) => n === 5000)
    const gap = await until('it is said', () => ws.all.filter((m) => m.type === 'gap'), (all) => all.length === 1, { timeout: 20000 })
    assert.equal(gap[0].data.stream, 'trimmed')
    await until('who has resumed it hears of it, too', () => resumed.all.some((m) => m.type === 'gap'))
    for (let i = 0; i < 20; i++) await redis.cli('EVAL', "for i = 1, 500 do redis.call('XADD', 'bus:long', '*', 'data', '1') end", '0')
    await until('a stream is kept short', async () => Number(await redis.cli('XLEN', 'bus:long')), (n) => n <= 1200, { timeout: 20000 })
  })
})
