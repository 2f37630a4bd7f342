// bus.test.mjs - the message bus: Redis streams, made by REST and by redis-cli, at plain WebSockets.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import WebSocket from 'ws'
import { login, request } from '../support/client.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { redisDatabase } from '../support/redis.mjs'
import { createDatabase } from '../support/services.mjs'
import { until } from '../support/until.mjs'

describe('the message bus', () => {
  const redis = redisDatabase(8)
  let db, server, token
  const sockets = []
  before(async () => {
    await redis.clear()
    await redis.cli('XADD', 'bus:old', '*', 'data', '"from before"')
    db = await createDatabase('bus')
    server = await startMillrace({ databaseUrl: db.url, env: { REDIS_URL: redis.url, MILLRACE_MAX_WS_PER_ADDRESS: '600' } })
    token = await login(server.url)
    await until('the bus is read', async () => (await status()).connected)
  })
  after(async () => {
    for (const s of sockets) s.terminate()
    await server?.stop()
    await db?.drop()
  })

  async function open(query = '') {
    const ws = new WebSocket(`${server.url.replace('http', 'ws')}/ws?token=${token}${query}`)
    ws.all = []
    ws.on('message', (m) => ws.all.push(JSON.parse(m)))
    ws.on('error', () => {})
    ws.of = (type) => ws.all.filter((m) => m.type === type)
    ws.say = (m) => ws.send(JSON.stringify(m))
    ws.gets = (type, n = 1) => until(`${n} of ${type}`, () => ws.of(type), (all) => all.length >= n, { detail: () => JSON.stringify(ws.all.slice(-5)) })
    sockets.push(ws)
    await once(ws, 'open')
    await ws.gets('connection_ack')
    return ws
  }
  const publish = (stream, body, headers = {}) => request(`${server.url}/api/v1/bus/${stream}`, { method: 'POST', token, body, headers })
  const status = async () => (await request(`${server.url}/api/v1/bus/status`, { token })).body
  const over = async (ws) => (ws.close(), once(ws, 'close'))
  const many = (n, from = 0) => Array.from({ length: n }, (_, i) => ({ n: from + i }))

  it('brings what is published to everyone, with stream, id and the server\'s time', async () => {
    const [a, b] = [await open(), await open()]
    const res = await publish('orders', { price: 12 })
    assert.equal(res.status, 201)
    assert.deepEqual(Object.keys(res.body), ['status', 'stream', 'accepted', 'id'])
    for (const ws of [a, b]) {
      const [m] = await ws.gets('message')
      assert.deepEqual({ ...m, timestamp: 0 }, { type: 'message', stream: 'orders', channel: 'orders', id: res.body.id, data: { price: 12 }, timestamp: 0 })
      assert.ok(Math.abs(Date.now() - Date.parse(m.timestamp)) < 5000)
    }
    assert.deepEqual(a.of('message').map((m) => m.stream), ['orders'], 'nothing from before')
    await Promise.all([over(a), over(b)])
  })

  it('takes the envelope, arrays and lines, and keeps their order', async () => {
    const ws = await open('&streams=forms')
    await publish('forms', { type: 'tick', data: [1, 'two', null] })
    const array = await publish('forms', many(500))
    assert.equal(array.body.accepted, 500)
    await publish('forms', many(300, 500).map((m) => JSON.stringify(m)).join('\n'), { 'content-type': 'application/x-ndjson' })
    assert.deepEqual((await ws.gets('tick'))[0].data, [1, 'two', null])
    const all = await ws.gets('message', 800)
    assert.deepEqual(all.map((m) => m.data.n), many(800).map((m) => m.n))
    assert.equal(all[499].id, array.body.id)
    await over(ws)
  })

  it('says what it does not take, and publishes none of it', async () => {
    const seen = await open('&streams=refused')
    for (const [stream, body, want] of [
      ['not%20a%20name', { a: 1 }, 422],
      ['x'.repeat(129), { a: 1 }, 422],
      ['refused', [], 422],
      ['refused', many(1001), 422],
      ['refused', { type: 'pong', data: 1 }, 422],
      ['refused', { type: 7, data: 1 }, 422],
      ['refused', { data: 'x'.repeat(1100000) }, 413],
    ]) assert.equal((await publish(stream, body)).status, want, `${stream.slice(0, 20)} ${JSON.stringify(body).slice(0, 60)}`)
    await redis.cli('SET', 'bus:text', 'is no stream')
    assert.equal((await publish('text', { a: 1 })).status, 409)
    assert.equal((await request(`${server.url}/api/v1/bus/refused`, { method: 'POST', body: { a: 1 } })).status, 401)
    await publish('refused', { last: true })
    assert.deepEqual((await seen.gets('message')).map((m) => m.data), [{ last: true }])
    await over(seen)
  })

  it('reads what others add with XADD, whatever it looks like', async () => {
    const ws = await open()
    await redis.cli('XADD', 'bus:foreign', '*', 'symbol', 'ACME', 'price', '12.5')
    await redis.cli('XADD', 'bus:foreign', '*', 'data', '{"a":[1]}')
    await redis.cli('XADD', 'bus:foreign', '*', 'data', 'plain text')
    await redis.cli('XADD', 'bus:foreign', '*', 'data', '1', 'type', 'error')
    await redis.cli('XADD', 'other', '*', 'data', '"not of the bus"')
    assert.deepEqual((await ws.gets('message', 4)).map((m) => m.data), [{ symbol: 'ACME', price: '12.5' }, { a: [1] }, 'plain text', 1])
    assert.equal(ws.of('error').length, 0)
    await over(ws)
  })

  it('is subscribed to by stream, and left', async () => {
    const ws = await open()
    await publish('left', { n: 0 })
    await ws.gets('message')
    ws.say({ type: 'unsubscribe', stream: 'left' })
    assert.deepEqual((await ws.gets('unsubscribed'))[0].data, { streams: '*', but: ['left'] })
    await publish('left', { n: 1 })
    await publish('stays', { n: 2 })
    await ws.gets('message', 2)
    ws.say({ type: 'subscribe', data: { streams: ['left', 'new-one'] } })
    assert.deepEqual((await ws.gets('subscribed'))[0].data, { streams: ['left', 'new-one'] })
    await publish('stays', { n: 3 })
    await publish('new-one', { n: 4 })
    await publish('left', { n: 5 })
    await ws.gets('message', 4)
    assert.deepEqual(ws.of('message').map((m) => m.data.n).sort(), [0, 2, 4, 5])
    ws.say({ type: 'subscribe', stream: '*' })
    await ws.gets('subscribed', 2)
    await publish('stays', { n: 6 })
    await ws.gets('message', 5)
    await over(ws)
  })

  it('answers ping and test, and complains of the rest without closing', async () => {
    const ws = await open()
    ws.say({ type: 'ping', data: { sent: 1 } })
    ws.say({ type: 'test', data: 'hello' })
    assert.deepEqual((await ws.gets('pong'))[0].data, { sent: 1 })
    assert.equal((await ws.gets('test'))[0].data, 'hello')
    const bad = ['{', '[]', '{}', '{"type":7}', '{"type":"nonsense"}', '{"type":"subscribe"}', '{"type":"subscribe","stream":"a b"}', '{"type":"subscribe","stream":7}',
      '{"type":"subscribe","streams":[]}', '{"type":"subscribe","stream":"a","after":"x"}', '{"type":"subscribe","streams":["a","b"],"after":"1-0"}', JSON.stringify({ type: 'subscribe', streams: Array.from({ length: 65 }, (_, i) => `s${i}`) })]
    for (const m of bad) ws.send(m)
    await ws.gets('error', bad.length)
    assert.equal(ws.of('subscribed').length, 0)
    assert.equal(ws.readyState, WebSocket.OPEN)
    const closed = once(ws, 'close')
    ws.send('x'.repeat(70000))
    assert.equal((await closed)[0], 1009, '64 KiB at most')
  })

  it('gives who was away what they have missed, then what is new, each once', async () => {
    await publish('missed', many(350))
    const first = await open('&streams=missed')
    await publish('missed', { n: 350 })
    const [seen] = await first.gets('message')
    await over(first)
    await publish('missed', many(400, 351))
    const back = await open('&streams=none')
    let next = 751
    const more = setInterval(() => publish('missed', { n: next++ }).catch(() => {}), 2)
    back.say({ type: 'subscribe', stream: 'missed', after: seen.id })
    const replayed = await back.gets('replayed')
    assert.deepEqual(replayed[0].data.stream, 'missed')
    await back.gets('message', 600)
    clearInterval(more)
    const rest = () => next - 1 - seen.data.n
    await until('all are there', () => back.of('message').length, (n) => n === rest())
    assert.equal(new Set(back.of('message').map((m) => m.data.n)).size, rest(), 'each once')
    assert.deepEqual(back.of('message').slice(0, 400).map((m) => m.data.n), many(400, seen.data.n + 1).map((m) => m.n))
    await over(back)
  })

  it('resumes from the address: all streams, one of them after an id, and each message once', async () => {
    const { body } = await publish('resumed', many(300))
    const first = (await redis.cli('XRANGE', 'bus:resumed', '-', '+', 'COUNT', '10')).split('\n').filter((l) => /^\d+-\d+$/.test(l))[9]
    let next = 300
    const more = setInterval(() => publish('resumed', { n: next++ }).catch(() => {}), 2)
    for (let i = 0; i < 5; i++) {
      const ws = await open(`&after=resumed:${first},never:5-0`)
      const at = next
      await until('it is live', () => ws.of('message').some((m) => m.data.n > at + 20))
      const ids = ws.of('message').filter((m) => m.stream === 'resumed').map((m) => m.id)
      assert.equal(new Set(ids).size, ids.length, 'none twice')
      assert.deepEqual(ws.of('message').filter((m) => m.stream === 'resumed').slice(0, 290).map((m) => m.data.n), many(290, 10).map((m) => m.n))
      await over(ws)
    }
    clearInterval(more)
    const [a, b] = [first, body.id].map((id) => id.split('-').map(Number)) // as Redis orders them, not as text
    assert.ok(b[0] > a[0] || (b[0] === a[0] && b[1] > a[1]), `${body.id} is after ${first}`)
    const ws = await open('&streams=resumed,other')
    ws.say({ type: 'subscribe', stream: '*', after: { resumed: first } })
    await ws.gets('replayed')
    assert.ok(ws.of('message').length >= 290)
    await publish('other', { n: -1 })
    await until('the others come, too', () => ws.of('message').some((m) => m.stream === 'other'))
    await over(ws)
    for (const bad of ['&after=x', '&after=a:b', '&after=a:1-0,', '&streams=a&after=b:1-0', '&streams=a,', '&after=a%20b:1-0', `&streams=${'x'.repeat(600)}`])
      assert.equal((await once(new WebSocket(`${server.url.replace('http', 'ws')}/ws?token=${token}${bad}`).on('error', () => {}), 'unexpected-response'))[1].statusCode, 422, bad)
  })

  it('says so when what was missed is gone', async () => {
    const { body } = await publish('short', { n: 0 })
    await publish('short', many(20, 1))
    await redis.cli('XTRIM', 'bus:short', 'MAXLEN', '5')
    const ws = await open('&streams=none')
    ws.say({ type: 'subscribe', stream: 'short', after: body.id })
    assert.equal((await ws.gets('gap'))[0].data.after, body.id)
    await ws.gets('replayed')
    assert.deepEqual(ws.of('message').map((m) => m.data.n), [16, 17, 18, 19, 20])
    await over(ws)
  })

  it('paces who asks for it, and counts what is left out', async () => {
    const ws = await open('&streams=fast&max_rate=50')
    await publish('fast', many(1000))
    const from = Date.now()
    const told = await ws.gets('coalesced')
    assert.deepEqual(Object.keys(told[0].data), ['count', 'total', 'streams'])
    const messages = () => ws.of('message')
    await until('the last one has come', () => messages().at(-1).data.n, (n) => n === 999)
    const took = Date.now() - from
    assert.ok(took > 1500 && took < 6000, `100 messages at 50 a second in ${took} ms`)
    assert.equal(ws.of('coalesced').reduce((sum, m) => sum + m.data.count, 0) + messages().length, 1000, 'sent or counted')
    assert.deepEqual(messages().map((m) => m.data.n), messages().map((m) => m.data.n).sort((a, b) => a - b))
    assert.equal((await status()).coalesced, 1000 - messages().length)
    const { from: first, to, count } = told[0].data.streams[0]
    const there = (await redis.cli('XRANGE', 'bus:fast', first, to)).split('\n').filter((line) => line === 'data')
    assert.equal(there.length, count, 'what was left out is named by its ids')
    await over(ws)
  })

  it('loses nothing for 100 sockets at 2,000 a second', async () => {
    const all = await Promise.all(Array.from({ length: 100 }, () => open('&streams=load')))
    const from = Date.now()
    for (let i = 0; i < 4000; i += 100) {
      await publish('load', many(100, i))
      await new Promise((r) => setTimeout(r, Math.max(0, from + i / 2 - Date.now())))
    }
    for (const ws of all) {
      const got = await ws.gets('message', 4000)
      assert.ok(got.every((m, i) => m.data.n === i), 'in order, each once')
      assert.equal(ws.of('coalesced').length, 0)
    }
    await Promise.all(all.map(over))
  })

  it('goes on where it was when the connection to Redis breaks', async () => {
    const ws = await open('&streams=broken')
    await publish('broken', { n: 0 })
    await ws.gets('message')
    await redis.cli('CLIENT', 'KILL', 'TYPE', 'normal')
    for (let n = 1; n <= 50; n++) await redis.cli('XADD', 'bus:broken', '*', 'data', JSON.stringify({ n }))
    await ws.gets('message', 51)
    assert.deepEqual(ws.of('message').map((m) => m.data.n), many(51).map((m) => m.n))
    await over(ws)
  })

  it('tells how it is', async () => {
    const ws = await open()
    const s = await status()
    assert.equal(s.connected, true)
    const orders = s.streams.find((x) => x.name === 'orders')
    assert.deepEqual([orders.key, orders.messages], ['bus:orders', 1])
    assert.ok(!s.streams.some((x) => x.name === 'text'))
    assert.equal((await until('the others are gone', status, (x) => x.sockets === 1)).waiting, 0)
    await over(ws)
  })
})
