// HTTP beside Socket.IO on one port, as examples/http.c uses it: routes, streams both ways, files,
// other origins, compressed replies.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import http from 'node:http'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import zlib from 'node:zlib'
import { io } from 'socket.io-client'
import { Raw, startExample } from '../support/examples.mjs'
import { until, within } from '../support/until.mjs'

const support = fileURLToPath(new URL('../support', import.meta.url))
let server

before(async () => {
  server = await startExample('http', ['--files', support, '--cors', 're:https://[a-z]+\\.example, http://b.example:1'])
})
after(async () => {
  assert.equal(await server.stop(), 0, server.log())
})

const at = (where) => `${server.url}${where}`
const add = (text) => fetch(at('/notes'), { method: 'POST', body: text })

/** A reply as it came, without what fetch does to it. */
const raw = (where, headers = {}, method = 'GET') => new Promise((ok, no) => {
  http.request(at(where), { method, headers, agent: false }, (res) => {
    const parts = []
    res.on('data', (d) => parts.push(d))
    res.on('end', () => ok({ status: res.statusCode, headers: res.headers, body: Buffer.concat(parts) }))
    res.on('error', no)
  }).on('error', no).end()
})

test('routes take their methods and parameters', async () => {
  const made = await add('first')
  assert.equal(made.status, 201)
  const place = made.headers.get('location')
  assert.deepEqual(await (await fetch(at(place))).json(), { id: Number(place.split('/')[2]), text: 'first' })
  assert.ok((await (await fetch(at('/notes'))).json()).some((n) => n.text === 'first'))
  assert.equal((await fetch(at(place), { method: 'HEAD' })).headers.get('content-length'), '23')
  assert.equal((await fetch(at(place), { method: 'DELETE' })).status, 204)
  assert.equal((await fetch(at(place))).status, 404)
  const put = await fetch(at(place), { method: 'PUT', body: 'x' })
  assert.equal(put.status, 405)
  assert.deepEqual(put.headers.get('allow').split(', ').sort(), ['DELETE', 'GET', 'HEAD', 'OPTIONS'])
  assert.equal((await fetch(at('/notes'), { method: 'OPTIONS' })).status, 204)
  assert.equal((await fetch(at('/nowhere'))).status, 404)
})

test('a note reaches the sockets and the event stream', async () => {
  const socket = io(server.url, { reconnection: false })
  const leave = new AbortController()
  await within('connect', 10000, new Promise((ok) => socket.once('connect', ok)))
  const heard = new Promise((ok) => socket.once('note', ok))
  const events = await fetch(at('/events'), { signal: leave.signal })
  assert.equal(events.headers.get('content-type'), 'text/event-stream')
  const reader = events.body.getReader()
  let text = ''
  const listen = async (what) => {
    while (!text.includes(what)) text += new TextDecoder().decode((await within(what, 10000, reader.read())).value)
  }
  await listen(': welcome')
  await add('for all')
  assert.equal(await within('the event', 10000, heard), 'for all')
  await listen('"text":"for all"}\n\n')
  await add('again')
  await listen('again')
  leave.abort()
  socket.close()
  await add('nobody listens any more')
})

test('an upload is counted without being kept', async () => {
  const size = 20_000_000
  async function* pieces() {
    for (let left = size; left > 0; left -= 100_000) yield Buffer.alloc(100_000)
  }
  const counted = await fetch(at('/count'), { method: 'POST', body: pieces(), duplex: 'half' })
  assert.deepEqual(await counted.json(), { bytes: size })
  const known = await fetch(at('/count'), { method: 'POST', body: Buffer.alloc(3_000_000) })
  assert.deepEqual(await known.json(), { bytes: 3_000_000 })
  assert.deepEqual(await (await fetch(at('/count'), { method: 'POST' })).json(), { bytes: 0 })
  const large = new Raw(server.port).say('POST /count HTTP/1.1\r\nHost: h\r\nContent-Length: 67108865\r\n\r\n')
  assert.match(await large.ends(), /^HTTP\/1.1 413 /)
})

test('a long reply comes at the pace of its reader', async () => {
  const n = 1_000_000
  const lines = (await (await fetch(at(`/numbers/${n}`))).text()).split('\n')
  assert.equal(lines.length, n + 1)
  assert.equal(lines[n - 1], String(n))
  // One that does not read costs nobody anything, and may leave.
  const idle = http.get(at('/numbers/100000000'), { agent: false })
  const res = await within('its head', 10000, new Promise((ok) => idle.on('response', ok)))
  assert.equal((await fetch(at('/numbers/3'))).status, 200)
  res.destroy()
  // HTTP/1.0 knows no chunks: the end of the connection is the end of the reply.
  const old = await new Raw(server.port).say('GET /numbers/3 HTTP/1.0\r\n\r\n').ends()
  assert.match(old, /Connection: close\r\n\r\n1\n2\n3\n$/)
  assert.doesNotMatch(old, /Transfer-Encoding/)
})

test('files come with what caches and players need', async () => {
  const bytes = await readFile(path.join(support, 'until.mjs'))
  const whole = await raw('/files/until.mjs')
  assert.equal(whole.status, 200)
  assert.equal(whole.headers['content-type'], 'text/javascript; charset=utf-8')
  assert.deepEqual(whole.body, bytes)
  const known = await raw('/files/until.mjs', { 'If-None-Match': `"x", ${whole.headers.etag}` })
  assert.equal(known.status, 304)
  const part = await raw('/files/until.mjs', { Range: 'bytes=10-19' })
  assert.equal(part.status, 206)
  assert.deepEqual(part.body, bytes.subarray(10, 20))
  for (const out of ['/files/../http_example.test.mjs', '/files/%2e%2e/package.json', '/files//etc/passwd'])
    assert.match(await new Raw(server.port).say(`GET ${out} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`).ends(), /^HTTP\/1.1 404 /, out)
})

test('text is compressed for who accepts it', async () => {
  for (let i = 0; i < 8; i++) await add('long '.repeat(40))
  const all = await raw('/notes')
  assert.equal(all.headers['content-encoding'], undefined)
  assert.match(all.headers.vary, /Accept-Encoding/)
  for (const [accept, coding, undo] of [['gzip', 'gzip', zlib.gunzipSync], ['deflate, gzip;q=0.5', 'deflate', zlib.inflateSync]]) {
    const packed = await raw('/notes', { 'Accept-Encoding': accept })
    assert.equal(packed.headers['content-encoding'], coding)
    assert.ok(packed.body.length < all.body.length / 4)
    assert.deepEqual(undo(packed.body), all.body)
  }
  assert.equal((await raw('/notes', { 'Accept-Encoding': 'gzip;q=0' })).headers['content-encoding'], undefined)
})

test('so are the packets of the polling transport', async () => {
  const polling = '/socket.io/?EIO=4&transport=polling'
  const open = await raw(polling, { 'Accept-Encoding': 'gzip' })
  assert.equal(open.headers['content-encoding'], undefined, 'a handshake is too small')
  const mine = `${polling}&sid=${JSON.parse(open.body.toString().slice(1)).sid}`
  await fetch(at(mine), { method: 'POST', body: '40' })
  assert.match((await raw(mine)).body.toString(), /^40/)
  for (let i = 0; i < 12; i++) await add(`note ${i} `.repeat(20))
  const packed = await raw(mine, { 'Accept-Encoding': 'gzip' })
  assert.equal(packed.headers['content-encoding'], 'gzip')
  assert.match(packed.headers.vary, /Accept-Encoding/)
  const packets = zlib.gunzipSync(packed.body).toString().split('\x1e')
  assert.equal(packets.length, 12)
  assert.match(packets[11], /^42\["note","note 11 /)
})

test('pages of other origins may come if they are in the list', async () => {
  const ask = (where, origin, more = {}) => raw(where, { Origin: origin, ...more })
  const polling = '/socket.io/?EIO=4&transport=polling'
  for (const where of ['/notes', polling]) {
    const good = await ask(where, 'https://app.example')
    assert.equal(good.headers['access-control-allow-origin'], 'https://app.example')
    assert.equal(good.headers['access-control-allow-credentials'], 'true')
    assert.match(good.headers.vary, /Origin/)
    for (const origin of ['https://app.example.evil', 'http://app.example', 'null'])
      assert.equal((await ask(where, origin)).headers['access-control-allow-origin'], undefined, origin)
    const asked = { Origin: 'http://b.example:1', 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'x-y' }
    const preflight = await raw(where, asked, 'OPTIONS')
    assert.equal(preflight.status, 204)
    assert.equal(preflight.headers['access-control-allow-headers'], 'x-y')
    assert.match(preflight.headers['access-control-allow-methods'], /POST/)
  }
})

test('the page brings its own client', async (t) => {
  assert.match(await (await fetch(server.url)).text(), /socket.io.min.js/)
  const got = await raw('/socket.io/socket.io.min.js', { 'Accept-Encoding': 'gzip' })
  if (got.status === 400) return t.skip('built without the socket.io-client package')
  assert.equal(got.headers['content-type'], 'application/javascript; charset=utf-8')
  assert.equal(got.headers['cache-control'], 'public, max-age=0')
  assert.match(zlib.gunzipSync(got.body).toString(), /Socket\.IO v4/)
  assert.equal((await raw('/socket.io/socket.io.min.js', { 'If-None-Match': got.headers.etag })).status, 304)
})

test('a stream under way ends when the server does', async () => {
  const other = await startExample('http')
  const res = await fetch(`${other.url}/events`)
  const reader = res.body.getReader()
  await reader.read()
  const from = Date.now()
  assert.equal(await other.stop(), 0, other.log())
  assert.ok(Date.now() - from < 3000, 'it did not wait for the listener')
  await until('the stream ends', () => reader.read().then((r) => r.done, () => true))
})
