// Plain WebSockets beside Socket.IO, with the npm client "ws", as examples/relay.c uses them.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { WebSocket } from 'ws'
import { frame, Raw, startExample } from '../support/examples.mjs'
import { until, within } from '../support/until.mjs'

let server

before(async () => {
  server = await startExample('relay', ['--origin', 'http://good.example'])
})
after(async () => {
  assert.equal(await server.stop(), 0, server.log())
})

const origin = 'http://good.example'
const connect = (path, protocols = [], options = {}) => new WebSocket(`ws://127.0.0.1:${server.port}${path}`, protocols, { origin, perMessageDeflate: false, ...options })
const opened = async (...args) => {
  const ws = connect(...args)
  ws.heard = []
  ws.on('message', (data, binary) => ws.heard.push(binary ? data : data.toString()))
  await within('the WebSocket opens', 10000, once(ws, 'open'))
  return ws
}
const refusedWith = async (...args) => {
  const ws = connect(...args)
  ws.on('error', () => {})
  const [, res] = await within('the handshake is refused', 10000, once(ws, 'unexpected-response'))
  res.resume()
  return res.statusCode
}
const closed = (ws) => within('the WebSocket closes', 10000, once(ws, 'close')).then(([code, reason]) => [code, reason.toString()])

test('text and binary come back as they were, at every length of header', async () => {
  const ws = await opened('/echo')
  for (const n of [0, 1, 125, 126, 65535, 65536, 900000]) {
    ws.send('é'.repeat(n / 2))
    ws.send(Buffer.alloc(n, 7))
  }
  await until('all is back', () => ws.heard.length, (n) => n === 14)
  assert.equal(ws.heard[12], 'é'.repeat(450000))
  assert.ok(Buffer.alloc(900000, 7).equals(ws.heard[13]))
  ws.close(4321, 'enough')
  assert.equal((await closed(ws))[0], 4321)
})

test('a message over the limit is 1009', async () => {
  const ws = await opened('/echo')
  ws.send(Buffer.alloc(1000001))
  assert.equal((await closed(ws))[0], 1009)
})

test('the server may close, with a code and a reason', async () => {
  const ws = await opened('/echo')
  ws.send('close')
  assert.deepEqual(await closed(ws), [4000, 'as you wish'])
})

test('pings are answered', async () => {
  const ws = await opened('/echo')
  ws.ping('hello')
  const [data] = await within('a pong comes', 10000, once(ws, 'pong'))
  assert.equal(data.toString(), 'hello')
  ws.terminate()
})

test('whoever has no business here is told so', async () => {
  assert.equal(await refusedWith('/nowhere'), 404)
  assert.equal(await refusedWith('/channels/a'), 401)
  assert.equal(await refusedWith('/channels/a?token=x', [], { origin: 'http://evil.example' }), 403)
})

test('a channel hears its own, in order, and nobody else', async () => {
  const [a, b, other] = await Promise.all(['/channels/one?token=a', '/channels/one?token=b', '/channels/two?token=c'].map((path) => opened(path, ['relay.v0', 'relay.v1'])))
  assert.equal(a.protocol, 'relay.v1')
  for (let i = 0; i < 1000; i++) a.send(`message ${i}`)
  await until('b hears all', () => b.heard.length, (n) => n === 1000)
  assert.deepEqual(b.heard.map((text, i) => text === `message ${i}`).indexOf(false), -1)
  assert.equal(a.heard.length + other.heard.length, 0)
  a.close(3001, 'bye')
  await until('the application hears the code', () => server.log().includes('left one: 3001 bye'), Boolean)
  b.terminate()
  await until('and that a connection was lost', () => server.log().includes('left one: 1006'), Boolean)
  other.close()
  await closed(other)
})

test('frames right behind the request are not lost', async () => {
  const raw = new Raw(server.port)
  raw.say(Buffer.concat([Buffer.from('GET /echo HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n'), frame(1, 'at once')]))
  await raw.hears('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
  await raw.hears('at once')
  raw.destroy()
})
