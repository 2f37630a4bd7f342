// What no client should send: libmillrace refuses it by its proper status, and nobody else notices.
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { io } from 'socket.io-client'
import { Raw, RawWebSocket, frame, startExample } from '../support/examples.mjs'
import { until, within } from '../support/until.mjs'

let server
let witness // a well-behaved client: after each test it is still connected and served

before(async () => {
  server = await startExample('fanout', ['--max-payload', '10000', '--ping-interval', '600', '--ping-timeout', '400'])
  witness = io(server.url, { transports: ['websocket'], reconnection: false })
  await within('connect', 10000, new Promise((ok, no) => witness.once('connect', ok).once('connect_error', no)))
})
afterEach(async () => {
  assert.equal(await witness.timeout(10000).emitWithAck('echo', 'still here'), 'still here')
})
after(async () => {
  witness.close()
  assert.equal(await server.stop(), 0, server.log())
})

const polling = (query = '') => `${server.url}/socket.io/?EIO=4&transport=polling${query}`
async function session() {
  const text = await (await fetch(polling())).text()
  return JSON.parse(text.slice(1)).sid
}
const answerTo = async (text) => {
  const raw = new Raw(server.port).say(text)
  return raw.ends()
}

test('engine.io refuses by its own codes', async () => {
  const cases = [
    ['/socket.io/', {}, 400, 0, 'Transport unknown'],
    ['/socket.io/?EIO=4', {}, 400, 0, 'Transport unknown'],
    ['/socket.io/?EIO=4&transport=carrier-pigeon', {}, 400, 0, 'Transport unknown'],
    ['/socket.io/?EIO=4&transport=polling&sid=nobody', {}, 400, 1, 'Session ID unknown'],
    ['/socket.io/?EIO=4&transport=polling', { method: 'POST', body: '40' }, 400, 2, 'Bad handshake method'],
    ['/socket.io/?EIO=4&transport=polling', { method: 'DELETE' }, 400, 2, 'Bad handshake method'],
    ['/socket.io/?EIO=4&transport=polling', { method: 'OPTIONS' }, 400, 2, 'Bad handshake method'],
    ['/socket.io/?EIO=4&transport=websocket', {}, 400, 3, 'Bad request'],
    ['/socket.io/?EIO=3&transport=polling', {}, 400, 5, 'Unsupported protocol version'],
    ['/socket.io/?transport=polling', {}, 400, 5, 'Unsupported protocol version'],
  ]
  for (const [path, init, status, code, message] of cases) {
    const res = await fetch(server.url + path, init)
    assert.equal(res.status, status, path)
    assert.match(res.headers.get('content-type'), /^application\/json/)
    assert.deepEqual(await res.json(), { code, message }, path)
  }
})

test('a malformed HTTP request gets 400 and a clean close', async () => {
  const bad = ['GARBAGE\r\n\r\n', 'GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n', 'GET /\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\n', '\x16\x03\x01\x00\xa5', '\0\0\0\0',
    'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n']
  for (const text of bad) {
    const raw = new Raw(server.port).say(Buffer.from(text, 'latin1'))
    assert.match(await raw.ends(), /^HTTP\/1\.1 400 Bad Request\r\n/, JSON.stringify(text))
    assert.equal(raw.error, null)
  }
})

test('heads that are too large get 431 or 414, even while they are still being sent', async () => {
  assert.match(await answerTo(`GET / HTTP/1.1\r\nHost: h\r\nX: ${'a'.repeat(200000)}\r\n\r\n`), /^HTTP\/1\.1 431 /)
  assert.match(await answerTo(`GET / HTTP/1.1\r\nHost: h\r\n${'X: 1\r\n'.repeat(200)}\r\n`), /^HTTP\/1\.1 431 /)
  assert.match(await answerTo(`GET /${'a'.repeat(9000)} HTTP/1.1\r\nHost: h\r\n\r\n`), /^HTTP\/1\.1 414 /)
})

test('a polling body over maxPayload gets 413, announced or not, and the session lives', async () => {
  const sid = await session()
  const announced = await fetch(polling(`&sid=${sid}`), { method: 'POST', body: `4${'x'.repeat(10000)}` })
  assert.equal(announced.status, 413)
  const far = await fetch(polling(`&sid=${sid}`), { method: 'POST', body: `4${'x'.repeat(20000000)}` })
  assert.equal(far.status, 413)
  const raw = new Raw(server.port).say(`POST /socket.io/?EIO=4&transport=polling&sid=${sid} HTTP/1.1\r\nHost: h\r\n` +
    `Transfer-Encoding: chunked\r\n\r\n${`3e8\r\n${'x'.repeat(1000)}\r\n`.repeat(11)}`)
  assert.match(await raw.ends(), /^HTTP\/1\.1 413 /)
  assert.equal(await (await fetch(polling(`&sid=${sid}`), { method: 'POST', body: '40' })).text(), 'ok')
})

test('rubbish in a polling body gets 400 and ends that session', async () => {
  for (const body of ['abc', '9', '4\x1e', '\x1e4', 'b!!!!', Buffer.from([0x34, 0xff, 0xfe]), '42["e"]', '4', '']) {
    const sid = await session()
    const res = await fetch(polling(`&sid=${sid}`), { method: 'POST', body })
    assert.equal(res.status, 400, JSON.stringify(String(body)))
    assert.deepEqual(await res.json(), { code: 3, message: 'Bad request' })
    assert.equal((await fetch(polling(`&sid=${sid}`))).status, 400)
  }
})

test('a held GET that is aborted ends the session before the next request arrives', async () => {
  for (let i = 0; i < 20; i++) {
    const sid = await session()
    const raw = new Raw(server.port).say(`GET /socket.io/?EIO=4&transport=polling&sid=${sid} HTTP/1.1\r\nHost: h\r\n\r\n`)
    await new Promise((ok) => raw.socket.once('ready', ok))
    await fetch(polling()) // the server has read what came before this
    raw.destroy()
    assert.equal((await fetch(polling(`&sid=${sid}`))).status, 400)
  }
})

test('a WebSocket message over maxPayload closes with 1009, from its header alone', async () => {
  const whole = await new RawWebSocket(server.port).connect()
  whole.say(frame(1, '4'.repeat(10001)))
  assert.equal(await whole.closeStatus(), 1009)
  const header = await new RawWebSocket(server.port).connect()
  header.say(Buffer.from([0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]))
  assert.equal(await header.closeStatus(), 1009)
  const fragments = await new RawWebSocket(server.port).connect()
  fragments.say(frame(1, '4'.repeat(6000), { fin: false })).say(frame(0, '4'.repeat(6000)))
  assert.equal(await fragments.closeStatus(), 1009)
})

test('fragments under the limit are put together', async () => {
  const ws = await new RawWebSocket(server.port).connect()
  const text = `421["echo","${'é'.repeat(2000)}"]`
  const bytes = Buffer.from(text)
  ws.say(frame(1, bytes.subarray(0, 13), { fin: false })) // cuts a letter in two
  ws.say(frame(9, 'between')).say(frame(0, bytes.subarray(13, 15), { fin: false })).say(frame(0, bytes.subarray(15)))
  await ws.hears('431["')
  await until('all of it comes', () => ws.heard.indexOf(Buffer.from(`431["${'é'.repeat(2000)}"]`)), (at) => at > 0)
  assert.ok(ws.text.includes('between'), 'the ping was answered')
  ws.destroy()
})

test('broken framing closes with the status for it', async () => {
  const cases = [
    ['text that is not UTF-8', frame(1, Buffer.from([0x34, 0xff])), 1007],
    ['an unmasked frame', frame(1, '40', { mask: false }), 1002],
    ['a reserved bit', Buffer.concat([Buffer.from([0xc1, 0x80, 0, 0, 0, 0])]), 1002],
    ['an unknown opcode', frame(3, ''), 1002],
    ['a continuation of nothing', frame(0, 'x'), 1002],
    ['a ping that is too long', frame(9, 'x'.repeat(126)), 1002],
  ]
  for (const [what, bytes, status] of cases) {
    const ws = await new RawWebSocket(server.port).connect()
    ws.say(bytes)
    assert.equal(await ws.closeStatus(), status, what)
  }
})

test('broken packets close that connection', async () => {
  const deep = '['.repeat(100) + ']'.repeat(100)
  const packets = ['', 'abc', '2', '4', '47', '42', '42{}', '42[1', '42["disconnect"]', '42["a"]x', '41x', '44{"message":"x"}',
    '40', '42/nowhere,["e"]', '451-["a",{"_placeholder":true,"num":5}]', '4511-["a"]', '499', '42999999999999999999["e"]',
    `42["e",${deep}]`, '42["e",\u0001]', '42["e","\\ud800x\\u12"]']
  for (const packet of packets) {
    const ws = await new RawWebSocket(server.port).connect()
    ws.say(frame(1, packet))
    assert.ok((await ws.closeStatus()) !== null, JSON.stringify(packet))
  }
  for (const [what, opcode] of [['binary that nobody announced', 2]]) {
    const ws = await new RawWebSocket(server.port).connect()
    ws.say(frame(opcode, 'x'))
    assert.ok((await ws.closeStatus()) !== null, what)
  }
})

test('a WebSocket handshake that is not one is refused', async () => {
  const ask = (lines, path = '/socket.io/?EIO=4&transport=websocket') =>
    answerTo(`GET ${path} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${lines}\r\n`)
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
  assert.match(await ask(`${key}Sec-WebSocket-Version: 8\r\n`), /^HTTP\/1\.1 426 [^]*Sec-WebSocket-Version: 13\r\n/)
  assert.match(await ask('Sec-WebSocket-Version: 13\r\n'), /^HTTP\/1\.1 400 /)
  assert.match(await ask('Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n'), /^HTTP\/1\.1 400 /)
  assert.match(await ask(`${key}Sec-WebSocket-Version: 13\r\n`, '/elsewhere'), /^HTTP\/1\.1 404 /)
  const refusals = [
    ['/socket.io/?EIO=4', 'Transport unknown'],
    ['/socket.io/?EIO=4&transport=websocket&sid=nobody', 'Session ID unknown'],
    ['/socket.io/?EIO=3&transport=websocket', 'Unsupported protocol version'],
    ['/socket.io/?EIO=4&transport=polling', 'Bad request'],
  ]
  for (const [path, message] of refusals) {
    const answer = await ask(`${key}Sec-WebSocket-Version: 13\r\n`, path)
    assert.match(answer, /^HTTP\/1\.1 400 [^]*Content-Type: text\/html\r\n/)
    assert.ok(answer.endsWith(`\r\n\r\n${message}`), answer)
  }
})

test('no pong: the session is gone when interval and timeout have passed', async () => {
  const sid = await session()
  const from = Date.now()
  assert.equal(await (await fetch(polling(`&sid=${sid}`))).text(), '2')
  assert.ok(Date.now() - from >= 590, 'the ping comes after its interval')
  const ended = await (await fetch(polling(`&sid=${sid}`))).text()
  assert.equal(ended, '1')
  assert.ok(Date.now() - from >= 990 && Date.now() - from < 1500, `${Date.now() - from} ms`)
  const ws = await new RawWebSocket(server.port).connect()
  await ws.ends(3000)
})

test('who does not read is cut off as a slow consumer, and the others go on', async () => {
  const slow = await new RawWebSocket(server.port).connect()
  slow.say(frame(1, '420["subscribe_pipeline","slow"]'))
  await slow.hears('430[')
  slow.socket.pause()
  const event = { text: 'x'.repeat(9000) }
  let reached = 1
  await until('the slow one is dropped', async () => {
    for (let i = 0; i < 200 && reached > 0; i++) reached = await witness.timeout(10000).emitWithAck('publish', { pipeline_id: 'slow', event })
    return reached
  }, (n) => n === 0, { timeout: 30000, every: 0 })
  slow.socket.resume()
  await slow.ends()
})

test('slow and silent connections do not keep others waiting', async () => {
  const silent = Array.from({ length: 50 }, () => new Raw(server.port))
  const dripping = Array.from({ length: 50 }, () => new Raw(server.port).say('GET /socket.io/?EIO=4'))
  const from = Date.now()
  assert.equal(await witness.timeout(5000).emitWithAck('echo', 1), 1)
  assert.equal((await fetch(`${server.url}/nowhere`)).status, 404)
  assert.ok(Date.now() - from < 2000)
  ;[...silent, ...dripping].forEach((r) => r.destroy())
})
