// The unmodified socket.io-client against libmillrace: every transport, acks both ways, rooms, order.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { io } from 'socket.io-client'
import { startExample } from '../support/examples.mjs'
import { until, within } from '../support/until.mjs'

let fanout
let chat
const open = new Set()

before(async () => {
  fanout = await startExample('fanout')
  chat = await startExample('chat')
})
after(async () => {
  open.forEach((s) => s.close())
  assert.equal(await fanout.stop(), 0, fanout.log())
  assert.equal(await chat.stop(), 0, chat.log())
})

async function connect(url, options = {}) {
  const s = io(url, { forceNew: true, reconnection: false, ...options })
  open.add(s)
  await within('connect', 10000, new Promise((ok, no) => s.once('connect', ok).once('connect_error', no)))
  return s
}
const ask = (s, ...args) => s.timeout(10000).emitWithAck(...args)
const next = (s, event) => within(event, 10000, new Promise((ok) => s.once(event, (...args) => ok(args))))

for (const transports of [['polling'], ['websocket'], ['polling', 'websocket']]) {
  describe(`transports ${transports.join(' then ')}`, () => {
    test('arguments come back as they were sent', async () => {
      const s = await connect(fanout.url, { transports })
      const value = { n: 1, list: [true, null, -1.5e3], text: 'é "quoted" \u0000 \u2028 😀', deep: { er: {} } }
      assert.deepEqual(await ask(s, 'echo', value), value)
      assert.equal(await ask(s, 'echo'), undefined)
      assert.equal(await ask(s, 'echo', ''), '')
      s.close()
    })

    test('binary arguments come back as they were sent', async () => {
      const s = await connect(fanout.url, { transports })
      const back = await ask(s, 'echo', { a: Buffer.from([0, 1, 255]), list: [Buffer.alloc(0), Buffer.alloc(70000, 7)] })
      assert.deepEqual(back, { a: Buffer.from([0, 1, 255]), list: [Buffer.alloc(0), Buffer.alloc(70000, 7)] })
      s.close()
    })

    test('a message just under maxPayload passes', async () => {
      const s = await connect(fanout.url, { transports })
      const text = 'x'.repeat(999000)
      assert.equal(await ask(s, 'echo', text), text)
      s.close()
    })

    test('events arrive in the order in which they were published, none missing', async () => {
      const s = await connect(fanout.url, { transports })
      const publisher = await connect(fanout.url, { transports: ['websocket'] })
      const seen = []
      s.on('replication_event', (e) => seen.push(e.n))
      const id = `order-${transports.join()}`
      await ask(s, 'subscribe_pipeline', { pipeline_id: id })
      for (let n = 0; n < 2000; n++) publisher.emit('publish', { pipeline_id: id, event: { n } })
      await until('all 2000 arrive', () => seen.length, (n) => n >= 2000)
      assert.deepEqual(seen, Array.from({ length: 2000 }, (_, n) => n))
      s.close()
      publisher.close()
    })
  })
}

test('nothing is lost, repeated or reordered while the transport is upgraded', async () => {
  const publisher = await connect(fanout.url, { transports: ['websocket'] })
  for (let round = 0; round < 5; round++) {
    const s = io(fanout.url, { forceNew: true, reconnection: false })
    open.add(s)
    const seen = []
    s.on('replication_event', (e) => seen.push(e.n))
    const upgraded = new Promise((ok) => s.io.engine.once('upgrade', ok))
    await next(s, 'connect')
    await ask(s, 'subscribe_pipeline', `upgrade-${round}`)
    let n = 0
    let running = true
    const publishing = (async () => {
      while (running || n < 300) {
        publisher.emit('publish', { pipeline_id: `upgrade-${round}`, event: { n: n++ } })
        if (n % 20 === 0) await new Promise(setImmediate)
        if (n > 100000) break
      }
    })()
    await within('upgrade', 10000, upgraded)
    assert.equal(s.io.engine.transport.name, 'websocket')
    running = false
    await publishing
    await until('all arrive', () => seen.length, (len) => len >= n)
    assert.ok(seen.every((v, i) => v === i), 'in order')
    assert.equal(seen.length, n)
    s.close()
  }
  publisher.close()
})

test('200 clients in one room each get everything, in order', async () => {
  const clients = await Promise.all(Array.from({ length: 200 }, (_, i) =>
    connect(fanout.url, { transports: i % 10 === 0 ? ['polling'] : ['websocket'] })))
  const publisher = await connect(fanout.url, { transports: ['websocket'] })
  const seen = clients.map(() => [])
  clients.forEach((c, i) => c.on('replication_event', (e) => seen[i].push(e.n)))
  await Promise.all(clients.map((c) => ask(c, 'subscribe_pipeline', { pipeline_id: 'all' })))
  for (let n = 0; n < 100; n++) publisher.emit('publish', { pipeline_id: 'all', event: { n } })
  assert.equal(await ask(publisher, 'publish', { pipeline_id: 'all', event: { n: 100 } }), 200)
  await until('all arrive', () => seen.filter((s) => s.length === 101).length, (n) => n === 200, { timeout: 30000 })
  const want = Array.from({ length: 101 }, (_, n) => n)
  seen.forEach((s) => assert.deepEqual(s, want))
  clients.forEach((c) => c.close())
  publisher.close()
})

test('a room is for its members only, until they leave or go', async () => {
  const [ann, bob, eve] = await Promise.all(['websocket', 'polling', 'websocket'].map((t) => connect(chat.url, { transports: [t] })))
  assert.deepEqual(await ask(ann, 'join', { room: 'a', name: 'Ann' }), { ok: true, members: 1 })
  const joined = next(ann, 'joined')
  assert.deepEqual(await ask(bob, 'join', { room: 'a', name: 'Bob "B"' }), { ok: true, members: 2 })
  assert.deepEqual(await joined, ['Bob "B"'])
  await ask(eve, 'join', { room: 'b', name: 'Eve' })
  eve.on('said', () => assert.fail('Eve is in another room'))
  const heard = [next(ann, 'said'), next(bob, 'said')]
  assert.equal(await ask(bob, 'say', { text: ['any', 'JSON'] }), 2)
  assert.deepEqual(await Promise.all(heard), [['Bob "B"', { text: ['any', 'JSON'] }], ['Bob "B"', { text: ['any', 'JSON'] }]])
  const left = next(ann, 'left')
  bob.close()
  assert.deepEqual(await left, ['Bob "B"'])
  assert.equal(await ask(ann, 'say', 'alone'), 1)
  ann.close()
  eve.close()
})

test('the server asks and the client acknowledges', async () => {
  for (const transport of ['polling', 'websocket']) {
    const s = await connect(chat.url, { transports: [transport] })
    s.on('are-you-there', (answer) => answer('yes'))
    const ms = await ask(s, 'latency')
    assert.ok(ms >= 0 && ms < 5000, `${ms}`)
    s.close()
  }
})

test('a refused connection says why, and data', async () => {
  const s = io(chat.url, { forceNew: true, reconnection: false, auth: { banned: true } })
  open.add(s)
  const [error] = await next(s, 'connect_error')
  assert.equal(error.message, 'go away')
  assert.deepEqual(error.data, { code: 'banned' })
  s.close()
})

test('an unknown namespace is refused and its neighbour works', async () => {
  const s = await connect(`${fanout.url}/`, { transports: ['websocket'] })
  const other = s.io.socket('/no-such')
  const refused = next(other, 'connect_error')
  other.connect()
  assert.equal((await refused)[0].message, 'Invalid namespace')
  assert.equal(await ask(s, 'echo', 1), 1)
  s.close()
})

test('a client reconnects by itself, with a new id, and can join again', async () => {
  const s = await connect(fanout.url, { transports: ['websocket'], reconnection: true, reconnectionDelay: 10 })
  const before = s.id
  const again = next(s, 'connect')
  s.io.engine.close()
  await again
  assert.notEqual(s.id, before)
  assert.deepEqual(await ask(s, 'subscribe_pipeline', 'p'), { ok: true })
  s.close()
})

test('HTTP and Socket.IO share the port', async () => {
  const s = await connect(chat.url, { transports: ['websocket'] })
  await ask(s, 'join', { room: 'lobby', name: 'Ann' })
  const said = next(s, 'said')
  const res = await fetch(`${chat.url}/rooms/lobby`, { method: 'POST', body: '"hello"' })
  assert.deepEqual(await res.json(), { members: 1 })
  assert.deepEqual(await said, ['the house', 'hello'])
  assert.equal((await fetch(`${chat.url}/nowhere`)).status, 404)
  assert.equal((await fetch(`${chat.url}/rooms/lobby`, { method: 'POST', body: 'not JSON' })).status, 400)
  s.close()
})

test('a server that shuts down tells its clients', async () => {
  const server = await startExample('fanout')
  const polling = await connect(server.url, { transports: ['polling'] })
  const websocket = await connect(server.url, { transports: ['websocket'] })
  const gone = [next(polling, 'disconnect'), next(websocket, 'disconnect')]
  assert.equal(await server.stop(), 0, server.log())
  assert.deepEqual((await Promise.all(gone)).map(([reason]) => reason), ['transport close', 'transport close'])
})
