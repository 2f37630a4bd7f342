// conformance_client.test.mjs - what the official client's own tests ask of a server, by the clients of version 4 and 3:
// every event, namespace and middleware of their test server, over each transport.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import { after, before, describe, it } from 'node:test'
import { Socket as EngineSocket } from 'engine.io-client'
import { io as io4 } from 'socket.io-client'
import { io as io3 } from 'socket.io-client-3'
import { startExample } from '../support/examples.mjs'
import { within } from '../support/until.mjs'

let server
before(async () => { server = await startExample('../tests/conformance/reference_app', ['--mode', 'client-suite']) })
after(async () => assert.equal(await server.stop(), 0))

const versions = { 'socket.io-client 4': io4, 'socket.io-client 3': io3 }
const ways = [['polling'], ['websocket'], ['polling', 'websocket']]

for (const [version, io] of Object.entries(versions)) {
  for (const transports of ways) {
    describe(`${version} over ${transports.join(' then ')}`, () => {
      const sockets = []
      const connect = (nsp = '/', options = {}) => {
        const socket = io(`http://localhost:${server.port}${nsp}`, { forceNew: true, transports, ...options })
        sockets.push(socket)
        return socket
      }
      const connected = async (...args) => {
        const socket = connect(...args)
        await within('it connects', 5000, once(socket, 'connect'))
        return socket
      }
      const ask = (socket, event, ...args) => within(event, 5000, new Promise((resolve) => socket.emit(event, ...args, resolve)))
      const answer = async (socket, event, reply, ...args) => {
        const came = once(socket, reply)
        socket.emit(event, ...args)
        return within(reply, 5000, came)
      }
      after(() => sockets.forEach((s) => s.disconnect()))

      it('connects, and acks in both directions', async () => {
        const socket = await connected()
        assert.deepEqual(await ask(socket, 'echo', { a: [1, 'é', null] }), { a: [1, 'é', null] })
        assert.equal(await ask(socket, 'getId'), socket.id)
        socket.on('ack', (fn) => fn(5, { test: true }))
        await answer(socket, 'ack', 'got it')
      })
      it('brings dates, false and every alphabet', async () => {
        const socket = await connected()
        assert.ok(Math.abs(Date.now() - Date.parse(await ask(socket, 'getAckDate', { test: true }))) < 60000)
        const [date] = await answer(socket, 'getDate', 'takeDate')
        assert.match(date, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
        assert.equal((await answer(socket, 'false', 'false'))[0], false)
        const texts = []
        socket.on('takeUtf8', (text) => texts.push(text))
        socket.emit('getUtf8')
        await ask(socket, 'echo', 0)
        assert.deepEqual(texts, ['てすと', 'Я Б Г Д Ж Й', 'Ä ä Ü ü ß', 'utf8 — string', 'utf8 — string'])
      })
      it('takes and gives binary, alone, inside objects and in order', async () => {
        const socket = await connected()
        const bytes = Buffer.from('asdfasdf')
        await answer(socket, 'buffa', 'buffack', bytes)
        await answer(socket, 'jsonbuff', 'jsonbuff-ack', { hello: 'lol', message: bytes, goodbye: 'gotcha' })
        socket.emit('abuff1', bytes)
        await answer(socket, 'abuff2', 'abuff2-ack', 'please arrive second')
        socket.emit('blob1', bytes)
        socket.emit('blob2', 'second')
        await answer(socket, 'blob3', 'blob3-ack', bytes)
        assert.deepEqual((await answer(socket, 'doge', 'doge'))[0], bytes)
        assert.deepEqual((await answer(socket, 'getbin', 'takebin'))[0], bytes)
      })
      it('has several namespaces, each with its own id, on one connection', async () => {
        const main = await connected('/', { forceNew: false })
        const foo = main.io.socket('/foo')
        sockets.push(foo)
        if (!foo.connected) await within('/foo', 5000, once(foo, 'connect'))
        assert.equal(await ask(foo, 'getId'), foo.id)
        assert.notEqual(foo.id, main.id)
        foo.disconnect()
        assert.equal(await ask(main, 'getId'), main.id)
      })
      it('is refused by a middleware, of the main namespace and of another, and where there is none', async () => {
        for (const [nsp, options, message] of [['/', { query: { fail: true } }, 'Auth failed (main namespace)'],
          ['/no', {}, 'Auth failed (custom namespace)'], ['/nobody', {}, 'Invalid namespace']]) {
          const [error] = await within(message, 5000, once(connect(nsp, options), 'connect_error'))
          assert.equal(error.message, message)
        }
      })
      it('shows its handshake: query, auth and where it came from', async () => {
        const socket = connect('/abc', { query: { '&a': '&=?a', e: 'f' }, auth: { token: 'secret' } })
        const [handshake] = await within('handshake', 5000, once(socket, 'handshake'))
        assert.equal(handshake.query['&a'], '&=?a')
        assert.equal(handshake.query.e, 'f')
        assert.deepEqual(handshake.auth, { token: 'secret' })
        assert.equal(handshake.secure, false)
        assert.ok(Math.abs(Date.now() - handshake.issued) < 60000)
        assert.match(handshake.address, /^(127\.|::1|::ffff:127\.)/)
      })
      it('gives up on a server that takes longer than its timeout', async () => {
        const [error] = await within('timeout', 5000, once(connect('/', { timeout: 1, reconnection: false }).io, 'error'))
        assert.match(error.message, /timeout|websocket error/) // version 3 sees the socket that it closes
      })
    })
  }
}

describe('engine.io-client', () => {
  let engine
  before(async () => { engine = await startExample('../tests/conformance/reference_app', ['--mode', 'engine', '--max-payload', '100']) })
  after(async () => assert.equal(await engine.stop(), 0))
  const url = () => `http://localhost:${engine.port}`
  const first = async (socket, wanted) => within('a message', 5000, new Promise((resolve) => socket.on('message', (data) => wanted(data) && resolve(data))))

  for (const transports of ways) {
    it(`is greeted and gets binary and text back over ${transports.join(' then ')}`, async () => {
      const socket = new EngineSocket(url(), { transports })
      socket.binaryType = 'arraybuffer'
      assert.equal((await within('hi', 5000, once(socket, 'message')))[0], 'hi')
      socket.send('give utf8')
      assert.equal(await first(socket, (d) => typeof d === 'string'), 'пойду спать всем спокойной ночи')
      socket.send('give binary')
      assert.deepEqual([...new Uint8Array(await first(socket, (d) => typeof d !== 'string'))], [0, 1, 2, 3, 4])
      socket.close()
    })
  }
  it('that forces base64 gets its bytes back over WebSocket', async () => {
    const socket = new EngineSocket(url(), { transports: ['websocket'], forceBase64: true })
    socket.binaryType = 'arraybuffer'
    await within('open', 5000, once(socket, 'open'))
    socket.send(new Uint8Array([9, 8, 7]))
    assert.deepEqual([...new Uint8Array(await first(socket, (d) => typeof d !== 'string'))], [9, 8, 7])
    socket.close()
  })
  it('gets the cookies of the first reply, several of one name, and sends them back', async () => {
    const reply = await fetch(`${url()}/engine.io/?EIO=4&transport=polling`)
    const cookies = reply.headers.getSetCookie?.() ?? reply.headers.get('set-cookie').split(/, (?=\d=)/)
    assert.equal(cookies.length, 4)
    const socket = new EngineSocket(url(), { transports: ['polling'], withCredentials: true })
    await within('hi', 5000, once(socket, 'message'))
    socket.send('sendHeaders')
    assert.equal(JSON.parse(await first(socket, (d) => d.startsWith('{'))).cookie, '1=1; 2=2')
    socket.close()
  })
  it('is denied with 403 over polling and 400 over WebSocket when the application says no', async () => {
    const reply = await fetch(`${url()}/engine.io/?EIO=4&transport=polling&deny=1`)
    assert.equal(reply.status, 403)
    assert.deepEqual(await reply.json(), { code: 4, message: 'Forbidden' })
    const [error] = await within('error', 5000, once(new EngineSocket(url(), { transports: ['websocket'], query: { deny: 1 } }), 'error'))
    assert.match(error.description.message, /400/)
  })
  it('learns that a message is too large: 413 without a body, and 1009', async () => {
    const polling = new EngineSocket(url(), { transports: ['polling'] })
    await within('open', 5000, once(polling, 'open'))
    polling.send('a'.repeat(101))
    const [error] = await within('error', 5000, once(polling, 'error'))
    assert.deepEqual([error.description, error.context.responseText], [413, ''])
    const ws = new EngineSocket(url(), { transports: ['websocket'] })
    await within('open', 5000, once(ws, 'open'))
    ws.send('a'.repeat(101))
    const [, details] = await within('close', 5000, once(ws, 'close'))
    assert.equal(details.context.code, 1009)
  })
})

describe('behind a proxy that is trusted', () => {
  let behind
  before(async () => { behind = await startExample('../tests/conformance/reference_app', ['--mode', 'client-suite', '--trusted-proxies', 'loopback']) })
  after(async () => assert.equal(await behind.stop(), 0))
  const request = (method, query, { headers = {}, body } = {}) => within(`${method} ${query}`, 5000, new Promise((resolve, reject) => {
    const req = http.request(`http://localhost:${behind.port}/socket.io/?EIO=4&transport=polling${query}`, { method, headers }, (res) => {
      let text = ''
      res.setEncoding('utf8').on('data', (d) => (text += d)).on('end', () => resolve(text))
    })
    req.on('error', reject)
    req.end(body)
  }))
  const addressOf = async (lines) => {
    const { sid } = JSON.parse((await request('GET', '', { headers: { 'x-forwarded-for': lines } })).slice(1))
    await request('POST', `&sid=${sid}`, { body: '40/abc,' })
    let text = ''
    while (!text.includes('"handshake"')) text += await request('GET', `&sid=${sid}`)
    return /"address":"([^"]*)"/.exec(text)[1]
  }

  it('a client has the address that the proxy names', async () => {
    assert.equal(await addressOf('203.0.113.9'), '203.0.113.9')
    assert.equal(await addressOf('203.0.113.9, 127.0.0.1'), '203.0.113.9')
  })
  it('what stands before that is anybody’s invention, on a line of its own, too', async () => {
    assert.equal(await addressOf('1.1.1.1, 203.0.113.9'), '203.0.113.9')
    assert.equal(await addressOf(['1.1.1.1', '203.0.113.9']), '203.0.113.9')
  })
})
