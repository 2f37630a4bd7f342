// Connection state recovery with the unmodified socket.io-client: whatever breaks, it misses nothing
// and hears nothing twice; or it is told that it is somebody new.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { io } from 'socket.io-client'
import { RawWebSocket, frame, startExample } from '../support/examples.mjs'
import { until, within } from '../support/until.mjs'

let board
const open = new Set()

before(async () => {
  board = await startExample('board')
})
after(async () => {
  open.forEach((s) => s.close())
  assert.equal(await board.stop(), 0, board.log())
})

async function person(options = {}, url = board.url) {
  const s = io(url, { forceNew: true, reconnectionDelay: 10, reconnectionDelayMax: 50, ...options })
  open.add(s)
  s.heard = []
  s.on('posted', (text) => s.heard.push(text))
  await connected(s)
  return s
}
const connected = (s) => within('connect', 10000, new Promise((ok) => s.once('connect', ok)))
const ask = (s, ...args) => s.timeout(10000).emitWithAck(...args)
const numbers = (n, from = 0) => Array.from({ length: n }, (_, i) => from + i)

/** Cut the connection below socket.io-client, as a network does, and wait until it is back. */
async function cut(s, meanwhile = async () => {}) {
  const back = connected(s)
  s.io.engine.close()
  await meanwhile()
  await back
}

for (const transports of [['polling'], ['websocket'], ['polling', 'websocket']]) {
  describe(`over ${transports.join(' then ')}`, () => {
    test('who comes back is who it was, and has missed nothing', async () => {
      const a = await person({ transports })
      const b = await person({ transports: ['websocket'] })
      assert.equal(a.recovered, false)
      await ask(a, 'join', 'room')
      await ask(b, 'post', { to: ['room'] }, 'first')
      await until('the first post', () => a.heard.length, (n) => n === 1)
      const { id } = a
      await cut(a, async () => {
        for (const n of numbers(40)) await ask(b, 'post', { to: ['room'] }, n)
        await ask(b, 'post', { to: [id] }, 'direct')
        await ask(b, 'post', { to: ['room'] }, { bytes: Buffer.from([1, 0, 2]) })
        await ask(b, 'post', { except: ['room'] }, 'not for it')
        await ask(b, 'post', { to: ['elsewhere'] }, 'nor that')
      })
      assert.equal(a.recovered, true)
      assert.equal(a.id, id)
      assert.deepEqual(await ask(a, 'again'), { recovered: true })
      assert.deepEqual(await ask(a, 'leave', 'nothing'), [id, 'room'])
      await ask(b, 'post', { to: ['room'] }, 'last')
      await until('the last post', () => a.heard.at(-1), (t) => t === 'last')
      assert.deepEqual(a.heard, ['first', ...numbers(40), 'direct', { bytes: Buffer.from([1, 0, 2]) }, 'last'])
    })

    test('it works any number of times, whatever is under way', async () => {
      const a = await person({ transports })
      const b = await person({ transports: ['websocket'] })
      await ask(a, 'join', 'stream')
      let sent = 0
      let going = true
      const stream = (async () => {
        while (going) await ask(b, 'post', { to: ['stream'] }, sent++)
      })()
      for (let round = 0; round < 12; round++) {
        const had = a.heard.length
        await until('some more', () => a.heard.length, (n) => n > had + 3, { every: 1 })
        await cut(a)
        assert.equal(a.recovered, true)
      }
      going = false
      await stream
      await until('the last one', () => a.heard.length, (n) => n >= sent)
      assert.deepEqual(a.heard, numbers(sent))
    })
  })
}

test('texts at the end of an event do not pass for offsets', async () => {
  const a = await person({ transports: ['websocket'] })
  const b = await person({ transports: ['websocket'] })
  a.on('question', (text, answer) => answer(text))
  await ask(b, 'post', { to: [a.id] }, 'one')
  await ask(b, 'vote', { to: [a.id] }, 'a text')
  await until('a quick one', () => ask(b, 'post', { to: [a.id], quick: true }, 'quick'), (n) => n === 1)
  await until('it came', () => a.heard.at(-1), (t) => t === 'quick')
  const { id } = a
  await cut(a, () => ask(b, 'post', { to: [id] }, 'two'))
  assert.equal(a.recovered, true)
  assert.equal(a.heard.at(-1), 'two')
  assert.equal(a.heard.filter((t) => t === 'one').length, 1)
})

test('a half-open connection is taken over at once', async () => {
  const a = new RawWebSocket(board.port)
  await a.connect()
  const { pid, sid } = JSON.parse(/40(\{[^}]*\})/.exec(a.text)[1])
  const b = await person({ transports: ['websocket'] })
  await ask(b, 'post', { to: [sid] }, 'never read?')
  await a.hears('never read?')
  const again = new RawWebSocket(board.port)
  await again.hears('101 Switching Protocols')
  again.say(frame(1, `40${JSON.stringify({ pid })}`)) // the first connection is still there
  await again.hears(`40{"sid":"${sid}","pid":"${pid}"}`)
  assert.ok(again.text.indexOf('never read?') < again.text.indexOf('40{'), 'missed events come first')
  await a.ends()
  assert.equal((await ask(b, 'who', { to: [sid] })).length, 1)
  again.destroy()
})

test('who says good-bye is new when it comes again', async () => {
  const a = await person()
  const b = await person()
  await ask(b, 'post', { to: [a.id] }, 'x')
  await until('it came', () => a.heard.length, Boolean)
  const { id } = a
  a.disconnect()
  a.connect()
  await connected(a)
  assert.equal(a.recovered, false)
  assert.notEqual(a.id, id)
})

test('after the window, and with another server, a client is new', async () => {
  const brief = await startExample('board', ['--window', '1'])
  const a = await person({ transports: ['websocket'], autoConnect: true }, brief.url)
  await ask(a, 'post', { all: true }, 'x')
  await until('it came', () => a.heard.length, Boolean)
  const { id } = a
  const back = connected(a)
  a.io.reconnectionDelay(100)
  a.io.engine.close()
  await back
  assert.equal(a.recovered, false)
  assert.notEqual(a.id, id)
  a.close()
  assert.equal(await brief.stop(), 0, brief.log())
})

test('switched off, there is no pid', async () => {
  const plain = await startExample('board', ['--no-recovery'])
  const a = new RawWebSocket(plain.port)
  await a.connect()
  assert.ok(!a.text.includes('pid'))
  a.destroy()
  assert.equal(await plain.stop(), 0, plain.log())
})
