// TLS: real clients over https and wss with a certificate of their own authority, a new certificate
// while they are connected, and peers that are no TLS clients at all.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import tls from 'node:tls'
import { io } from 'socket.io-client'
import { WebSocket } from 'ws'
import { Raw, startExample } from '../support/examples.mjs'
import { until, within } from '../support/until.mjs'

let dir, server, ca

const openssl = (...args) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' })
function certificate(name, serial) {
  writeFileSync(path.join(dir, 'ext'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
  openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-set_serial', serial, '-days', '2', '-extfile', 'ext', '-out', `${name}.pem`)
}
function install(cert, key) {
  copyFileSync(path.join(dir, cert), path.join(dir, 'cert.pem'))
  copyFileSync(path.join(dir, key), path.join(dir, 'key.pem'))
}

before(async () => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'tls-'))
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=authority')
  certificate('first', '1')
  certificate('second', '2')
  install('first.pem', 'first.key')
  ca = readFileSync(path.join(dir, 'ca.pem'))
  server = await startExample('relay', ['--tls', dir])
})
after(async () => {
  assert.equal(await server.stop(), 0, server.log())
  rmSync(dir, { recursive: true })
})

const dial = async (options = {}) => {
  const s = tls.connect({ port: server.port, host: '127.0.0.1', ca, ...options })
  await within('the handshake ends', 10000, once(s, 'secureConnect'))
  return s
}
const fails = async (options) => {
  const s = tls.connect({ port: server.port, host: '127.0.0.1', ca, ...options })
  const [error] = await within('the handshake fails', 10000, once(s, 'error'))
  return error.code
}
const client = (transports) => io(`https://127.0.0.1:${server.port}`, { transports, ca, forceNew: true })
const hup = async (what) => {
  const before = server.log().length
  process.kill(server.pid, 'SIGHUP')
  await until(`the server says ${what}`, () => server.log().slice(before), (text) => text.includes(what))
}

for (const transports of [['polling'], ['websocket'], ['polling', 'websocket']]) {
  test(`socket.io over TLS: ${transports}`, async () => {
    const c = client(transports)
    try {
      await within('it connects', 10000, once(c, 'connect'))
      for (const text of ['x', 'long '.repeat(100000)]) {
        const heard = once(c, 'said')
        c.emit('say', text)
        assert.equal((await within('it hears itself', 10000, heard))[0], text)
      }
    } finally {
      c.disconnect()
    }
  })
}

test('megabytes to a reader that is slow to begin with', async () => {
  const ws = new WebSocket(`wss://127.0.0.1:${server.port}/echo`, { ca, perMessageDeflate: false })
  const sizes = []
  ws.on('message', (data) => sizes.push(data.length))
  await within('it opens', 10000, once(ws, 'open'))
  ws.pause()
  for (let i = 0; i < 4; i++) ws.send(Buffer.alloc(900000, i))
  await until('all is with the server', () => ws.bufferedAmount, (n) => n === 0)
  ws.resume()
  await until('all is back', () => sizes.join(), (all) => all === '900000,900000,900000,900000')
  ws.close()
  await within('it closes', 10000, once(ws, 'close'))
})

test('a new certificate is for new connections, and a bad one for nobody', async () => {
  const c = client(['websocket'])
  try {
    await within('it connects', 10000, once(c, 'connect'))
    const old = await dial()
    assert.equal(old.getPeerCertificate().subject.CN, 'first')
    install('second.pem', 'first.key') // not its key
    await hup('not reloaded: ')
    assert.match(server.log(), /not reloaded: cannot use the key in .*key values mismatch/)
    writeFileSync(path.join(dir, 'cert.pem'), 'no certificate')
    await hup('not reloaded: cannot use the certificate in')
    const same = await dial()
    assert.equal(same.getPeerCertificate().subject.CN, 'first')
    install('second.pem', 'second.key')
    await hup('reloaded\n')
    const fresh = await dial()
    assert.equal(fresh.getPeerCertificate().subject.CN, 'second')
    const heard = once(c, 'said')
    c.emit('say', 'still here')
    assert.equal((await within('the old one is served', 10000, heard))[0], 'still here')
    old.write('GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
    const [reply] = await within('and so is this', 10000, once(old, 'data'))
    assert.match(reply.toString(), /^HTTP\/1.1 404/)
    await within('it ends cleanly', 10000, once(old, 'end'))
    for (const s of [old, same, fresh]) s.destroy()
  } finally {
    c.disconnect()
  }
})

test('what is spoken is agreed on', async () => {
  const s = await dial({ ALPNProtocols: ['h2', 'http/1.1'] })
  assert.equal(s.alpnProtocol, 'http/1.1')
  s.destroy()
  assert.match(await fails({ ALPNProtocols: ['h2'] }), /NO_APPLICATION_PROTOCOL|ALERT/)
  assert.match(await fails({ maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }), /PROTOCOL_VERSION|ALERT|UNSUPPORTED/)
})

test('plain HTTP and garbage are closed, and the server goes on', async () => {
  for (const text of ['GET / HTTP/1.1\r\nHost: h\r\n\r\n', '\x16\x03\x01\xff\xff' + 'x'.repeat(70000), 'hello']) {
    const raw = new Raw(server.port)
    raw.say(text)
    if (text === 'hello') raw.socket.end()
    await until('the server closes', () => raw.closed, Boolean)
  }
  ;(await dial()).destroy()
})
