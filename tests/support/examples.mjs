// examples.mjs - libmillrace's example servers as processes under test, and clients below socket.io:
// a raw TCP connection, and a WebSocket whose frames are written by hand.
//
//   const server = await startExample('fanout', ['--ping-interval', '300'])
//   server.url  server.port  server.pid  await server.stop()
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import path from 'node:path'
import { buildDir } from './services.mjs'
import { until, within } from './until.mjs'

const alive = new Set()
process.on('exit', () => alive.forEach((child) => child.kill('SIGKILL')))

/** Start build/<..>/bin/<name> on a free port. */
export async function startExample(name, args = []) {
  const child = spawn(path.join(buildDir(), 'bin', name), ['--port', '0', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  alive.add(child)
  child.stdout.on('data', (d) => (out += d))
  child.stderr.on('data', (d) => (out += d))
  const ended = once(child, 'close')
  const port = Number(await until(`${name} listens`, () => /^listening on (\d+)$/m.exec(out)?.[1], Boolean, { timeout: 15000, every: 10, detail: () => out }))
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    pid: child.pid,
    log: () => out,
    /** SIGTERM; resolves with the exit code, 0 only if it closed everything (and a sanitizer agrees). */
    async stop() {
      child.kill('SIGTERM')
      const [code, signal] = await within(`${name} ends`, 15000, ended)
      alive.delete(child)
      return signal ?? code
    },
  }
}

/** A TCP connection that keeps what it hears. */
export class Raw {
  constructor(port) {
    this.heard = Buffer.alloc(0)
    this.closed = false
    this.error = null
    this.socket = net.connect(port, '127.0.0.1')
    this.socket.on('data', (d) => (this.heard = Buffer.concat([this.heard, d])))
    this.socket.on('error', (e) => (this.error = e))
    this.socket.on('close', () => (this.closed = true))
  }

  say(data) {
    this.socket.write(data)
    return this
  }

  get text() {
    return this.heard.toString('latin1')
  }

  hears(what, timeout = 10000) {
    const there = () => (what instanceof RegExp ? what.test(this.text) : this.text.includes(what))
    return until(`the server says ${what}`, () => (there() ? this.text : ''), Boolean, { timeout, every: 5, detail: () => this.text.slice(0, 2000) })
  }

  /** Everything that was said until the server closed. */
  async ends(timeout = 10000) {
    await until('the server closes', () => this.closed, Boolean, { timeout, every: 5, detail: () => this.text.slice(0, 2000) })
    return this.text
  }

  destroy() {
    this.socket.destroy()
  }
}

/** One masked WebSocket frame. */
export function frame(opcode, payload, { fin = true, mask = true } = {}) {
  const data = Buffer.from(payload)
  const long = data.length > 65535 ? 8 : data.length > 125 ? 2 : 0
  const head = Buffer.alloc(2 + long + (mask ? 4 : 0))
  head[0] = (fin ? 0x80 : 0) | opcode
  head[1] = (mask ? 0x80 : 0) | (long === 8 ? 127 : long === 2 ? 126 : data.length)
  if (long === 2) head.writeUInt16BE(data.length, 2)
  if (long === 8) head.writeBigUInt64BE(BigInt(data.length), 2)
  if (mask) {
    const key = [1, 2, 3, 4]
    key.forEach((k, i) => (head[2 + long + i] = k))
    for (let i = 0; i < data.length; i++) data[i] ^= key[i & 3]
  }
  return Buffer.concat([head, data])
}

/** A WebSocket without a library, so that it may break the rules. */
export class RawWebSocket extends Raw {
  constructor(port, query = 'EIO=4&transport=websocket') {
    super(port)
    this.say(`GET /socket.io/?${query} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n')
  }

  /** Open, and connected to the namespace "/". */
  async connect() {
    await this.hears('101 Switching Protocols')
    this.say(frame(1, '40'))
    await this.hears(/40\{"sid"/)
    return this
  }

  /** The status in the server's close frame, once it has closed. */
  async closeStatus() {
    await this.ends()
    const at = this.heard.lastIndexOf(Buffer.from([0x88, 0x02]))
    return at < 0 ? null : this.heard.readUInt16BE(at + 2)
  }
}
