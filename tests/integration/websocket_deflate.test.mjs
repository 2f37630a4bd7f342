// permessage-deflate with real clients: "ws" on a plain WebSocket, socket.io-client on Socket.IO.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { io } from 'socket.io-client'
import { WebSocket } from 'ws'
import { startExample } from '../support/examples.mjs'
import { until, within } from '../support/until.mjs'

let server, plain

before(async () => {
  server = await startExample('relay', ['--deflate', '1'])
  plain = await startExample('relay')
})
after(async () => {
  assert.equal(await server.stop(), 0, server.log())
  assert.equal(await plain.stop(), 0, plain.log())
})

const opened = async (where, perMessageDeflate) => {
  const ws = new WebSocket(`ws://127.0.0.1:${where.port}/echo`, { perMessageDeflate })
  ws.heard = []
  ws.on('message', (data, binary) => ws.heard.push(binary ? data : data.toString()))
  await within('the WebSocket opens', 10000, once(ws, 'open'))
  return ws
}

test('it is off unless asked for on both sides', async () => {
  for (const [where, offer] of [[plain, true], [server, false]]) {
    const ws = await opened(where, offer)
    assert.equal(ws.extensions, '')
    ws.terminate()
  }
})

for (const [name, offer] of Object.entries({
  'the default offer': true,
  'a threshold of nothing': { threshold: 0 },
  'a window of our size': { serverMaxWindowBits: 12, clientMaxWindowBits: 9, threshold: 0 },
})) {
  test(`messages come back whole: ${name}`, async () => {
    const ws = await opened(server, offer)
    assert.match(ws.extensions, /permessage-deflate/)
    const sizes = [0, 1, 500, 1024, 20000, 131072, 500000]
    for (const n of sizes) {
      ws.send('abcdéf, '.repeat(n / 8))
      ws.send(Buffer.alloc(n, n & 255))
    }
    await until('all is back', () => ws.heard.length, (n) => n === sizes.length * 2)
    sizes.forEach((n, i) => {
      assert.equal(ws.heard[2 * i], 'abcdéf, '.repeat(n / 8))
      assert.ok(Buffer.alloc(n, n & 255).equals(ws.heard[2 * i + 1]))
    })
    // What is over 128 KiB comes as it is, all else in next to nothing.
    const large = sizes.flatMap((n) => [n, (n / 8 | 0) * 9]).filter((n) => n > 131072).reduce((a, b) => a + b)
    assert.ok(ws._socket.bytesRead < large + 3000, `${ws._socket.bytesRead} bytes were read`)
    ws.close()
    await within('it closes', 10000, once(ws, 'close'))
  })
}

test('a bomb is 1009', async () => {
  const ws = await opened(server, { threshold: 0 })
  ws.send(Buffer.alloc(50000000))
  const [code] = await within('it closes', 10000, once(ws, 'close'))
  assert.equal(code, 1009)
})

test('socket.io clients with it and without it hear the same broadcast', async () => {
  const clients = [true, false, true].map((perMessageDeflate) => io(server.url, { transports: ['websocket'], perMessageDeflate, forceNew: true }))
  try {
    await within('all connect', 10000, Promise.all(clients.map((c) => once(c, 'connect'))))
    assert.equal(clients[0].io.engine.transport.ws.extensions, 'permessage-deflate')
    const heard = clients.map((c) => new Promise((ok) => c.on('said', ok)))
    const text = 'what is said '.repeat(1000)
    clients[0].emit('say', text)
    assert.deepEqual(await within('all hear it', 10000, Promise.all(heard)), [text, text, text])
  } finally {
    clients.forEach((c) => c.disconnect())
  }
})
