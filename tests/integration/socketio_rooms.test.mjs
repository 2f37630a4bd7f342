// Rooms and broadcasts as socket.io-client sees them: who is reached, who answers, who is moved about.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { io } from 'socket.io-client'
import { startExample } from '../support/examples.mjs'
import { until, within } from '../support/until.mjs'

let board
let people = []

before(async () => {
  board = await startExample('board', ['--no-recovery'])
})
after(async () => {
  people.forEach((p) => p.close())
  assert.equal(await board.stop(), 0, board.log())
})

/** Four clients, each with what it was told: p.posted. */
async function gather(transports) {
  people.forEach((p) => p.close())
  people = [0, 1, 2, 3].map(() => io(board.url, { forceNew: true, reconnection: false, transports }))
  for (const p of people) {
    p.posted = []
    p.on('posted', (text) => p.posted.push(text))
  }
  const connected = people.map((p) => new Promise((ok, no) => p.once('connect', ok).once('connect_error', no)))
  await within('connect', 10000, Promise.all(connected))
}
const ask = (p, ...args) => p.timeout(10000).emitWithAck(...args)

/** Who has been told text, once those have who should: '0 2'. */
async function told(text, whom) {
  const have = () => people.flatMap((p, i) => p.posted.filter((t) => t === text).map(() => i)).join(' ')
  await until(`${text} reaches ${whom}`, have, (h) => h === whom, { every: 5 })
  // what came too far would have come before the answer to a later question
  for (const p of people.filter((each) => each.connected)) await ask(p, 'again')
  assert.equal(have(), whom)
}

for (const transports of [['polling'], ['websocket']]) {
  describe(`over ${transports}`, () => {
    beforeEach(() => gather(transports))

    test('a post reaches the union of rooms, each once, less the exceptions and the poster', async () => {
      const [a, b, c, d] = people
      assert.deepEqual(await ask(a, 'join', 'x'), [a.id, 'x'])
      await ask(b, 'join', 'x')
      assert.deepEqual(await ask(b, 'join', 'y'), [b.id, 'x', 'y'])
      await ask(c, 'join', 'y')
      assert.equal(await ask(d, 'post', { to: ['x', 'y'] }, 'union'), 3)
      await told('union', '0 1 2')
      assert.equal(await ask(a, 'post', { to: ['x'] }, 'others'), 1)
      await told('others', '1')
      assert.equal(await ask(a, 'post', { to: ['x', 'y'], except: ['x'] }, 'except'), 1)
      await told('except', '2')
      assert.equal(await ask(a, 'post', { except: ['y'], all: true }, 'all but y'), 2)
      await told('all but y', '0 3')
      assert.equal(await ask(a, 'post', { to: [d.id] }, 'to one'), 1)
      await told('to one', '3')
      assert.equal(await ask(a, 'post', { to: ['nowhere'] }, 'to none'), 0)
      assert.deepEqual(await ask(b, 'leave', 'x'), [b.id, 'y'])
      assert.equal(await ask(d, 'post', { to: ['x'] }, 'after leaving'), 1)
      await told('after leaving', '0')
    })

    test('binary goes to many as it goes to one', async () => {
      const [a, b, c] = people
      await Promise.all([b, c].map((p) => ask(p, 'join', 'bytes')))
      const value = { one: Buffer.from([0, 1, 255]), list: [Buffer.alloc(3000, 7), 'text'] }
      assert.equal(await ask(a, 'post', { to: ['bytes'] }, value), 2)
      for (const p of [b, c]) assert.deepEqual(await until('bytes', () => p.posted[0]), value)
    })

    test('a vote has one result: every answer, or who is missing', async () => {
      const [a, b, c] = people
      await Promise.all([a, b, c].map((p) => ask(p, 'join', 'jury')))
      a.on('question', (q, answer) => answer(`${q} a`))
      b.on('question', (q, answer) => answer({ b: q }))
      const full = ask(a, 'vote', { to: ['jury'] }, 'who?')
      const c1 = await within('c is asked', 10000, new Promise((ok) => c.once('question', (...args) => ok(args))))
      c1[1](3)
      const { answers, ...rest } = await full
      assert.deepEqual(rest, { err: 'ok', asked: 3 })
      assert.deepEqual(new Set(answers.map((x) => JSON.stringify(x))), new Set(['"who? a"', '{"b":"who?"}', '3']))
      const part = await ask(a, 'vote', { to: ['jury'], ms: 200 }, 'late?')
      assert.equal(part.err, 'timeout')
      assert.equal(part.answers.length, 2)
      const gone = ask(a, 'vote', { to: ['jury'] }, 'gone?')
      await within('c is asked', 10000, new Promise((ok) => c.once('question', ok)))
      c.close()
      assert.equal((await gone).err, 'closed')
      assert.deepEqual(await ask(a, 'vote', { to: ['nobody'] }, 'x'), { err: 'ok', asked: 0, answers: [] })
    })

    test('many are found, moved and sent away', async () => {
      const [a, b, c, d] = people
      await ask(a, 'herd', { except: [a.id] }, 'pen')
      const there = await ask(a, 'who', { to: ['pen'] })
      assert.deepEqual(new Set(there.map((p) => p.id)), new Set([b.id, c.id, d.id]))
      there.forEach((p) => assert.deepEqual(p.rooms, [p.id, 'pen']))
      await ask(a, 'scatter', { to: [b.id] }, 'pen')
      assert.deepEqual(await ask(b, 'leave', 'nothing'), [b.id])
      const reasons = new Map()
      people.forEach((p) => p.on('disconnect', (why) => reasons.set(p, why)))
      await ask(a, 'kick', { to: ['pen'], except: [d.id] })
      await until('c is sent away', () => reasons.get(c), (why) => why === 'io server disconnect')
      await ask(a, 'kick', { to: ['pen'], close: true })
      await until('d is sent away', () => reasons.get(d), (why) => why === 'io server disconnect')
      assert.equal(reasons.size, 2)
      assert.equal((await ask(a, 'who', {})).length, 2)
    })

    test('a quick post reaches who can take it now, and never comes late', async () => {
      const [a, b] = people
      await ask(b, 'join', 'q')
      // over polling b may be between two requests; then it is left out, and that is the meaning
      await until('a quick post reaches b', () => ask(a, 'post', { to: ['q'], quick: true }, 'quick'), (n) => n === 1)
      await told('quick', '1')
    })
  })
}
