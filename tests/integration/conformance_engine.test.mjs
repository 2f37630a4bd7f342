// conformance_engine.test.mjs - a bare Engine.IO server, by the npm client: what goes in comes back.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { Socket } from 'engine.io-client'
import { startExample } from '../support/examples.mjs'
import { until, within } from '../support/until.mjs'

describe('a bare Engine.IO server', () => {
  let server
  before(async () => {
    server = await startExample('../tests/conformance/reference_app', ['--mode', 'engine', '--ping-interval', '100', '--ping-timeout=200', '--max-payload', '50000'])
  })
  after(async () => assert.equal(await server.stop(), 0))
  const open = async (transports) => {
    const socket = new Socket(`http://localhost:${server.port}`, { transports })
    await within('it opens', 5000, once(socket, 'open'))
    return socket
  }
  const closed = async (socket) => {
    const end = once(socket, 'close')
    socket.close()
    await within('it closes', 5000, end)
  }

  for (const transports of [['polling'], ['websocket'], ['polling', 'websocket']]) {
    it(`gives back what it is sent, in order: ${transports.join(' then ')}`, async () => {
      const socket = await open(transports)
      const seen = []
      socket.binaryType = 'nodebuffer'
      socket.on('data', (d) => seen.push(d))
      const sent = []
      for (let i = 0; i < 200; i++) {
        sent.push(i % 3 ? `text ${i} – ü 🙂` : Buffer.from([i, 0, 255, 4, 30]))
        socket.send(sent.at(-1))
      }
      await until('all is back', () => seen.length, (n) => n === sent.length)
      assert.deepEqual(seen.map((d) => (typeof d === 'string' ? d : Buffer.from(d))), sent)
      await closed(socket)
    })
  }

  it('keeps a client that answers its pings', async () => {
    const socket = await open(['websocket'])
    let pings = 0
    socket.on('ping', () => pings++)
    await until('five pings', () => pings, (n) => n >= 5)
    assert.equal(socket.readyState, 'open')
    await closed(socket)
  })

  it('ends a client that sends more than it may', async () => {
    for (const transports of [['polling'], ['websocket']]) {
      const socket = await open(transports)
      socket.on('error', () => {}) // over polling it hears of the 413, too
      const end = new Promise((resolve) => socket.on('close', resolve))
      socket.send('x'.repeat(60000))
      await within(`${transports}: it is closed`, 5000, end)
    }
  })

  it('is not found on another path, nor by an unknown session', async () => {
    const at = (path) => fetch(`http://localhost:${server.port}${path}`)
    assert.equal((await at('/engine.io/?EIO=4&transport=polling')).status, 200)
    assert.deepEqual(await (await at('/engine.io/?EIO=4&transport=polling&sid=nobody')).json(), { code: 1, message: 'Session ID unknown' })
    assert.deepEqual(await (await at('/engine.io/?EIO=3&transport=polling')).json(), { code: 5, message: 'Unsupported protocol version' })
    assert.equal((await at('/elsewhere/?EIO=4&transport=polling')).status, 404)
  })
})
