// badinput_socket.test.mjs - packets that no client should send. Who breaks the protocol loses the
// connection, who asks for what does not exist is told so, and nobody else notices.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { randomUUID } from 'node:crypto'
import { Bystander } from '../support/bystander.mjs'
import { ask, connect, open, request } from '../support/client.mjs'
import { metrics, sum } from '../support/metrics.mjs'
import { RawSocket, forge, rawFrames } from '../support/raw.mjs'
import { within } from '../support/until.mjs'

describe('bad packets', () => {
  let b
  before(async () => (b = await Bystander.start('bad_socket')))
  after(() => b?.close())
  afterEach(() => b.undisturbed())

  const secret = 'a test key of more than thirty-two characters'
  const now = () => Math.floor(Date.now() / 1000)
  const counted = async (pattern) => sum(await metrics(b.url, b.token), pattern)

  describe('Engine.IO over HTTP', () => {
    const eio = (query, options) => request(`${b.url}/socket.io/?${query}`, options)
    const handshake = async () => JSON.parse((await eio('EIO=4&transport=polling')).text.slice(1)).sid

    it('answers with the code that socket.io answers with', async () => {
      const rows = [
        [0, 'Transport unknown', 'EIO=4'],
        [0, 'Transport unknown', 'EIO=4&transport=pigeon'],
        [1, 'Session ID unknown', 'EIO=4&transport=polling&sid=nobody'],
        [1, 'Session ID unknown', `EIO=4&transport=polling&sid=${'x'.repeat(3000)}`],
        [2, 'Bad handshake method', 'EIO=4&transport=polling', { method: 'POST', body: '40' }],
        [3, 'Bad request', 'EIO=4&transport=websocket'],
        [5, 'Unsupported protocol version', 'EIO=3&transport=polling'],
        [5, 'Unsupported protocol version', 'transport=polling'],
      ]
      for (const [code, message, query, options] of rows) {
        const res = await eio(query, options)
        assert.equal(res.status, 400, `${query.slice(0, 60)}: ${res.text}`)
        assert.deepEqual(res.body, { code, message }, query.slice(0, 60))
      }
    })

    it('ends the session of a malformed body', async () => {
      for (const body of ['9', '4', '40\u001e', '\u001e40', '40\u001e9', '49', '40{"token":', '42["before CONNECT"]', 'b!!!']) {
        const sid = await handshake()
        const posted = await eio(`EIO=4&transport=polling&sid=${sid}`, { method: 'POST', body })
        assert.ok([200, 400].includes(posted.status), `${JSON.stringify(body)}: ${posted.status}`)
        if (body === '4') continue // an empty message is legal Engine.IO, though no Socket.IO packet
        const polled = await eio(`EIO=4&transport=polling&sid=${sid}`)
        assert.ok(polled.status === 400 || /^(1|6)/.test(polled.text), `${JSON.stringify(body)} left the session open: ${polled.text}`)
      }
    })

    it('refuses a body over maxPayload with 413', async () => {
      const sid = await handshake()
      const res = await eio(`EIO=4&transport=polling&sid=${sid}`, { method: 'POST', body: `4${'x'.repeat(1000001)}` })
      assert.equal(res.status, 413)
    })

    it('ends a session that polls twice at once', async () => {
      const sid = await handshake()
      const url = `EIO=4&transport=polling&sid=${sid}`
      await eio(url, { method: 'POST', body: `40${JSON.stringify({ token: b.token })}` })
      await eio(url) // the CONNECT's answer
      const both = await Promise.all([eio(url), eio(url)])
      assert.deepEqual(both.map((r) => r.status).sort(), [200, 400])
      assert.equal((await eio(url)).status, 400)
    })
  })

  describe('WebSocket frames', () => {
    const frame = (first, payload, { mask = true, length = payload.length } = {}) => {
      const head = length < 126 ? [first, (mask ? 0x80 : 0) | length] : [first, (mask ? 0x80 : 0) | 126, length >> 8, length & 255]
      return Buffer.concat([Buffer.from(head), mask ? Buffer.alloc(4) : Buffer.alloc(0), payload])
    }
    const rows = [
      ['an unmasked frame', frame(0x81, Buffer.from('40'), { mask: false })],
      ['a reserved opcode', frame(0x83, Buffer.from('40'))],
      ['reserved bits', frame(0xf1, Buffer.from('40'))],
      ['a continuation of nothing', frame(0x80, Buffer.from('40'))],
      ['text that is not UTF-8', frame(0x81, Buffer.from([0x34, 0x32, 0xff, 0xfe]))],
      ['a fragmented ping', frame(0x09, Buffer.from('x'))],
      ['a length beyond all limits', Buffer.from([0x81, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0])],
    ]
    for (const [what, bytes] of rows) it(`closes the connection of ${what}`, () => rawFrames(b.server.port, bytes))
  })

  describe('packets', () => {
    const deep = (n) => `42["echo",${'['.repeat(n)}${']'.repeat(n)}]`
    const fatal = [
      ['an unknown Engine.IO type', '9'],
      ['a ping from the client', '2'],
      ['an unknown Socket.IO type', '49'],
      ['an empty Socket.IO packet', '4'],
      ['an event that is no array', '42{"a":1}'],
      ['an event without a name', '42[]'],
      ['an event whose name is an object', '42[{}]'],
      ['broken JSON', '42["a",'],
      ['JSON with something after it', '42["a"]x'],
      ['a reserved event', '42["disconnect"]'],
      ['a reserved event of the server', '42["connect_error",{}]'],
      ['a connect_error from the client', '44{"message":"no"}'],
      ['a second CONNECT', '40{}'],
      ['an event in a namespace not joined', '42/elsewhere,["a"]'],
      ['an ack in a namespace not joined', '43/elsewhere,1[]'],
      ['an ack id that is too long', '4299999999999999999999999999["a"]'],
      ['attachments beyond the limit', '45999999-["a",{"_placeholder":true,"num":0}]'],
      ['text while attachments are pending', '451-["a",{"_placeholder":true,"num":0}]', '42["b"]'],
      ['binary that nobody announced', Buffer.from('x')],
      ['nesting without end', deep(50000)],
      ['a packet over maxPayload', `42["a","${'x'.repeat(1000001)}"]`],
    ]
    for (const [what, ...packets] of fatal) {
      it(`closes the connection of ${what}`, async () => {
        const before = await counted(/parse_errors|bad_packets/)
        const s = await RawSocket.open(b.url, { connect: { token: b.token } })
        packets.forEach((p) => s.say(p))
        const { code } = await within('the server closes', 10000, s.closed)
        if (/maxPayload/.test(what)) assert.equal(code, 1009)
        else assert.ok((await counted(/parse_errors|bad_packets/)) > before, 'it is counted')
      })
    }

    it('closes the connection of one who speaks before CONNECT', async () => {
      const s = await RawSocket.open(b.url)
      s.say('42["subscribe_pipeline","x"]')
      await within('the server closes', 10000, s.closed)
    })

    const harmless = [
      ['an ack that nobody waits for', '43123456["x"]'],
      ['an event that nobody handles', '42["no_such_event",{"a":[1,2,3]}]'],
      ['an event without arguments', '42["subscribe_pipeline"]'],
      ['a noop', '6'],
    ]
    for (const [what, packet] of harmless) {
      it(`bears ${what}`, async () => {
        const s = await RawSocket.open(b.url, { connect: { token: b.token } })
        s.say(packet)
        s.say(`427["unsubscribe_pipeline",{"pipeline_id":"${b.pipeline}"}]`)
        let answer
        do answer = await within('the next event is answered', 10000, s.next())
        while (answer !== undefined && !answer.startsWith('437'))
        assert.ok(answer, `the connection was closed: ${JSON.stringify(s.end)}`)
        s.close()
      })
    }

    it('refuses a namespace that does not exist and keeps the connection', async () => {
      const s = await RawSocket.open(b.url, { connect: { token: b.token } })
      s.say('40/nowhere,{}')
      assert.equal(await within('an answer', 10000, s.next()), '44/nowhere,{"message":"Invalid namespace"}')
      s.say('420["unsubscribe_pipeline"]')
      assert.match(await within('an answer', 10000, s.next()), /^430\[/)
      s.close()
    })
  })

  describe('who may come in', () => {
    it('refuses a CONNECT with a bad token, as socket.io-client reports it', async () => {
      const rows = [
        ['none', undefined],
        ['empty', ''],
        ['noise', 'noise'],
        ['a number', 7],
        ['an object', { a: 1 }],
        ['another key', forge(b.token, { secret: 'some other key that is long enough, too' })],
        ['unsigned', forge(b.token, { alg: 'none' })],
        ['expired', forge(b.token, { secret, claims: { exp: now() - 5 } })],
      ]
      for (const [what, token] of rows) {
        const socket = open(b.url, token)
        const error = await within(`${what}: connect_error`, 10000, new Promise((resolve, reject) => {
          socket.once('connect_error', resolve)
          socket.once('connect', () => reject(new Error(`${what}: it was let in`)))
        }))
        socket.close()
        assert.equal(error.message, 'unauthorized', what)
        assert.ok(error.data?.code, `${what}: data.code in ${JSON.stringify(error.data)}`)
      }
    })

    it('refuses an auth payload that is no object', async () => {
      for (const auth of ['"token"', '7', '[]', 'null', '{"token":']) {
        const s = await RawSocket.open(b.url)
        s.say(`40${auth}`)
        const answer = await within('an answer or the end', 10000, s.next())
        assert.ok(answer === undefined || answer.startsWith('44'), `${auth}: ${answer}`)
        s.close()
      }
    })

    it('disconnects a socket when its token expires', async () => {
      const socket = await connect(b.url, forge(b.token, { secret, claims: { exp: now() + 2 } }))
      const why = await within('it is disconnected', 10000, new Promise((resolve) => socket.once('disconnect', resolve)))
      assert.equal(why, 'io server disconnect')
    })
  })

  describe('subscribe_pipeline', () => {
    let socket
    before(async () => (socket = await connect(b.url, b.token)))
    after(() => socket.close())

    it('says which pipeline it does not know', async () => {
      for (const id of [randomUUID(), 'nonsense', '', 'x'.repeat(10000), "'; DROP TABLE pipelines; --", '\u0000']) {
        for (const arg of [id, { pipeline_id: id }]) {
          const ack = await ask(socket, 'subscribe_pipeline', arg)
          assert.equal(ack.ok, false, JSON.stringify(arg).slice(0, 80))
          assert.ok(ack.error, 'it says why')
        }
      }
    })

    it('refuses arguments of another shape', async () => {
      const id = b.pipeline
      const rows = [
        null, 7, true, [], {}, { pipeline_id: null }, { pipeline_id: 7 }, { pipeline_id: [id] },
        { pipeline_id: id, after: -1 }, { pipeline_id: id, after: 'x' }, { pipeline_id: id, after: 1.5 }, { pipeline_id: id, after: {} },
        { pipeline_id: id, after: 1e30 },
      ]
      for (const arg of rows) {
        const ack = await ask(socket, 'subscribe_pipeline', arg)
        assert.equal(ack.ok, false, JSON.stringify(arg))
        assert.ok(ack.error, JSON.stringify(arg))
      }
      assert.equal((await ask(socket, 'subscribe_pipeline', { pipeline_id: id })).ok, true, 'and then takes a good one')
      await ask(socket, 'unsubscribe_pipeline', { pipeline_id: id })
    })
  })
})
