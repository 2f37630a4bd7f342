// raw.mjs - bytes on a TCP connection, for what well-behaved clients never send, and the Engine.IO
// conversation by hand.
import net from 'node:net'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import WebSocket from 'ws'
import { until, within } from './until.mjs'

/**
 * Send bytes (or a list of pieces) to a port and read until the server has answered once, or closes.
 * Returns {status, head, body, closed}; status 0: the connection ended without an answer.
 */
export async function rawHttp(port, bytes, { timeout = 15000, end = false } = {}) {
  const socket = net.connect(port, '127.0.0.1')
  socket.on('error', () => {}) // a reset is an answer, too: "closed"
  let got = Buffer.alloc(0)
  let closed = false
  socket.on('data', (d) => (got = Buffer.concat([got, d])))
  socket.on('close', () => (closed = true))
  await once(socket, 'connect')
  for (const piece of Array.isArray(bytes) ? bytes : [bytes]) {
    if (!closed) socket.write(piece)
  }
  if (end) socket.end()
  try {
    await until('the server answers or closes', () => closed || complete(got), Boolean, { timeout, every: 10 })
  } finally {
    socket.destroy()
  }
  const text = got.toString('latin1')
  const cut = text.indexOf('\r\n\r\n')
  return {
    status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? 0),
    head: cut < 0 ? text : text.slice(0, cut).toLowerCase(),
    body: cut < 0 ? '' : got.subarray(cut + 4).toString('utf8'),
    closed,
  }
}

function complete(buffer) {
  const cut = buffer.indexOf('\r\n\r\n')
  if (cut < 0) return false
  const head = buffer.subarray(0, cut).toString('latin1')
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)
  if (length) return buffer.length >= cut + 4 + Number(length[1])
  return /^HTTP\/1\.[01] (1\d\d|204|304)/.test(head) || /\r\n0\r\n\r\n$/.test(buffer.subarray(cut).toString('latin1'))
}

/** A token with other claims (or another key, or algorithm) than the server would give. */
export function forge(token, { claims = {}, secret, alg = 'HS256' } = {}) {
  const enc = (o) => Buffer.from(JSON.stringify(o)).toString('base64url')
  const payload = { ...JSON.parse(Buffer.from(token.split('.')[1], 'base64url')), ...claims }
  const signed = `${enc({ alg, typ: 'JWT' })}.${enc(payload)}`
  const sign = alg === 'none' ? '' : createHmac('sha256', secret).update(signed).digest('base64url')
  return `${signed}.${sign}`
}

/** An Engine.IO session over a bare WebSocket: say(text|Buffer), next(), closed → {code, reason}. */
export class RawSocket {
  static async open(url, { connect } = {}) {
    const s = new RawSocket()
    s.ws = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`)
    s.queue = []
    s.waiting = []
    s.closed = new Promise((resolve) => s.ws.on('close', (code, reason) => {
      s.end = { code, reason: reason.toString() }
      s.waiting.splice(0).forEach((w) => w(undefined))
      resolve(s.end)
    }))
    s.ws.on('error', () => {})
    s.ws.on('message', (data, binary) => {
      const packet = binary ? data : data.toString()
      if (packet === '2') return s.ws.send('3')
      const w = s.waiting.shift()
      w ? w(packet) : s.queue.push(packet)
    })
    const first = await within('the server opens the session', 10000, s.next())
    s.handshake = JSON.parse(first.slice(1))
    if (connect) {
      s.say(`40${connect === true ? '' : JSON.stringify(connect)}`)
      const answer = await within('the namespace answers', 10000, s.next())
      if (!answer?.startsWith('40')) throw new Error(`CONNECT was answered with ${answer}`)
    }
    return s
  }

  say(packet) {
    this.ws.send(packet)
  }

  /** The next packet; undefined once the connection is closed. */
  next() {
    if (this.queue.length) return Promise.resolve(this.queue.shift())
    if (this.end) return Promise.resolve(undefined)
    return new Promise((resolve) => this.waiting.push(resolve))
  }

  close() {
    this.ws.terminate()
  }
}

/** Bytes after a WebSocket handshake by hand: resolves to what came back once the server closed. */
export async function rawFrames(port, frames, { timeout = 15000 } = {}) {
  const socket = net.connect(port, '127.0.0.1')
  socket.on('error', () => {})
  let got = Buffer.alloc(0)
  let closed = false
  socket.on('data', (d) => (got = Buffer.concat([got, d])))
  socket.on('close', () => (closed = true))
  socket.write('GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n')
  try {
    await until('the server upgrades', () => got.includes('"sid"') || closed, Boolean, { timeout, every: 10 })
    socket.write(frames)
    await until('the server closes the connection', () => closed, Boolean, { timeout, every: 10 })
  } finally {
    socket.destroy()
  }
  return got
}
