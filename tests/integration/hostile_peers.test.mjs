// What has brought other Socket.IO servers down, one after the other, against ours: each published
// attack as its client sends it, and after each a healthy client that must still be served. Then the
// rules of RFC 6455 on Engine.IO's own WebSocket, where websocket_rules.test.mjs has a plain one.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { io } from 'socket.io-client'
import { frame, Raw, RawWebSocket, startExample } from '../support/examples.mjs'

let server
let witness
before(async () => {
  server = await startExample('fanout')
  witness = io(server.url, { transports: ['websocket'], reconnection: false })
  await once(witness, 'connect')
})
after(async () => {
  witness?.close()
  assert.equal(await server.stop(), 0, server.log())
})

const polling = (more = '') => `${server.url}/socket.io/?EIO=4&transport=polling${more}`
const handshake = async () => JSON.parse((await (await fetch(polling())).text()).slice(1)).sid
const upgrade = (target) => `GET ${target} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n'
const bits = (data, set) => { data[0] |= set; return data }
const text = (packet) => frame(1, packet)

/** The status of the close frame that a connection ends with; null: it was closed without one. */
async function status(raw) {
  await raw.ends()
  const at = raw.heard.lastIndexOf(Buffer.from([0x88, 0x02]))
  return at < 0 ? null : raw.heard.readUInt16BE(at + 2)
}
async function closes(...frames) {
  const ws = await new RawWebSocket(server.port).connect()
  for (const f of frames) ws.say(f)
  return status(ws)
}
async function answer(request) {
  const raw = new Raw(server.port)
  raw.say(request)
  return (await raw.ends()).split('\r\n')[0]
}

const attacks = {
  'CVE-2022-21676: reserved bits right behind the handshake of a WebSocket': async () => {
    const raw = new Raw(server.port)
    raw.say(Buffer.concat([Buffer.from(upgrade('/socket.io/?EIO=4&transport=websocket')), bits(text('x'), 0x30)]))
    assert.equal(await status(raw), 1002)
  },
  'CVE-2022-21676: the same on the probe of an upgrade, and the session lives on': async () => {
    const sid = await handshake()
    const raw = new Raw(server.port)
    raw.say(Buffer.concat([Buffer.from(upgrade(`/socket.io/?EIO=4&transport=websocket&sid=${sid}`)), bits(text('2probe'), 0x30)]))
    assert.equal(await status(raw), 1002)
    assert.equal(await (await fetch(polling(`&sid=${sid}`), { method: 'POST', body: '40' })).text(), 'ok')
    assert.match(await (await fetch(polling(`&sid=${sid}`))).text(), /^40\{"sid"/)
  },
  'CVE-2022-41940: a reset in the middle of a refused upgrade': async () => {
    for (const target of ['/socket.io/?EIO=4&transport=websocket&sid=none', '/socket.io/?EIO=4&transport=polling', '/socket.io/?transport=websocket', '/other']) {
      const raw = new Raw(server.port)
      await once(raw.socket, 'connect')
      raw.say(upgrade(target))
      raw.socket.resetAndDestroy()
    }
  },
  'CVE-2023-31125: a transport named like a property of every object': async () => {
    for (const name of ['toString', 'constructor', '__proto__', 'hasOwnProperty', '']) {
      assert.match(await answer(upgrade(`/socket.io/?EIO=4&transport=${name}`)), /^HTTP\/1\.1 400/)
      assert.equal((await fetch(`${server.url}/socket.io/?EIO=4&transport=${name}`)).status, 400)
    }
    assert.equal((await fetch(polling('&__proto__=1&sid[]=x&constructor[prototype]=1'))).status, 200)
  },
  'CVE-2023-32695: an event whose name is an object, null, or not there': async () => {
    for (const packet of ['42[{"toString":"foo"}]', '42[null]', '42[]', '42[[]]', '42[true]']) assert.equal(await closes(text(packet)), 1000, packet)
  },
  'CVE-2020-36048: a body that is announced to be huge is refused before it comes': async () => {
    assert.match(await answer(`POST /socket.io/?EIO=4&transport=polling&sid=${await handshake()} HTTP/1.1\r\nHost: h\r\nContent-Length: 110000000\r\n\r\n`), /^HTTP\/1\.1 413/)
  },
  'CVE-2020-36049: numbers of a million digits': async () => {
    const digits = '9'.repeat(900000)
    for (const packet of [`42${digits}["e"]`, `45${digits}-["e"]`, `43${digits}[1]`]) assert.equal(await closes(text(packet)), 1000)
  },
  'CVE-2024-38355: an event named error, which nobody listens to': async () => {
    const ws = await new RawWebSocket(server.port).connect()
    ws.say(text('42["error"]')).say(text('42["error",{}]')).say(text('424["echo","a"]'))
    await ws.hears('434["a"]')
    ws.destroy()
  },
  'CVE-2022-2421: placeholders that name no attachment, or something else': async () => {
    for (const num of ['"splice"', '-1', '1000000000', '1', '0.5', 'null', '{}']) {
      assert.equal(await closes(text(`451-["e",{"_placeholder":true,"num":${num}}]`), frame(2, 'x')), 1000, num)
    }
  },
  'more attachments than there may be': async () => {
    for (const n of ['11', '1000000', '0']) assert.equal(await closes(text(`45${n}-["e"]`)), 1000, n)
  },
  'an attachment that never comes, and one that nobody announced': async () => {
    assert.equal(await closes(text('451-["e",{"_placeholder":true,"num":0}]'), text('42["e"]')), 1000)
    assert.equal(await closes(frame(2, 'x')), 1000)
  },
  'a binary body over polling': async () => {
    const body = Buffer.from([0, 1, 255, 255, 4])
    const reply = await fetch(polling(`&sid=${await handshake()}`), { method: 'POST', headers: { 'content-type': 'application/octet-stream' }, body })
    assert.equal(reply.status, 400)
  },
  'arrays three hundred thousand deep': async () => {
    assert.equal(await closes(text(`42["e",${'['.repeat(300000)}${']'.repeat(300000)}]`)), 1000)
  },
  'names that are ours': async () => {
    for (const name of ['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener', '\\u0063onnect']) assert.equal(await closes(text(`42["${name}"]`)), 1000, name)
  },
  'a thousand namespaces on one connection': async () => {
    const ws = await new RawWebSocket(server.port).connect()
    ws.say(Buffer.concat(Array.from({ length: 1000 }, (_, i) => text(`40/n${i},`))))
    await ws.hears('44/n999,{"message":"Invalid namespace"}')
    ws.destroy()
  },
  'a message in a million fragments of nothing': async () => {
    const ws = await new RawWebSocket(server.port).connect()
    const nothing = frame(0, '', { fin: false })
    ws.say(Buffer.concat([frame(1, '4', { fin: false }), ...Array.from({ length: 200000 }, () => nothing), frame(0, '24["echo",1]')]))
    await ws.hears('434[1]', 30000)
    ws.destroy()
  },
  'requests that hide another one': async () => {
    for (const head of ['Content-Length: 4\r\nTransfer-Encoding: chunked', 'Content-Length: 4\r\nContent-Length: 5', 'Transfer-Encoding: chunked, identity', 'Content-Length: +4', 'Content-Length : 4']) {
      assert.match(await answer(`POST /socket.io/?EIO=4&transport=polling&sid=${await handshake()} HTTP/1.1\r\nHost: h\r\n${head}\r\n\r\n0\r\n\r\n`), /^HTTP\/1\.1 (400|501)/, head)
    }
  },
}

for (const [name, attack] of Object.entries(attacks)) {
  test(name, async () => {
    await attack()
    assert.equal(await witness.timeout(5000).emitWithAck('echo', name), name)
  })
}

const close = (code) => frame(8, Buffer.from([code >> 8, code & 255]))
const more = { fin: false }
const rules = {
  'a control frame that is too long': [[frame(9, 'x'.repeat(126))], 1002],
  'a control frame in fragments': [[frame(9, 'x', more)], 1002],
  'the first reserved bit': [[bits(text('x'), 0x40)], 1002],
  'the second': [[bits(text('x'), 0x20)], 1002],
  'the third': [[bits(text('x'), 0x10)], 1002],
  ...Object.fromEntries([3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((op) => [`opcode ${op}`, [[frame(op, '')], 1002]])),
  'no mask': [[frame(1, '3', { mask: false })], 1002],
  'nothing to continue': [[frame(0, 'x')], 1002],
  'text inside text': [[frame(1, '4', more), frame(1, '2')], 1002],
  'a bad letter, before the message ends': [[frame(1, Buffer.from([0x34, 0xff]), more)], 1007],
  'half a surrogate pair': [[frame(1, Buffer.from([0x34, 0xed, 0xa0, 0x80]))], 1007],
  'a letter longer than it needs to be': [[frame(1, Buffer.from([0x34, 0xc0, 0xaf]))], 1007],
  'a length with its highest bit set': [[Buffer.from('82ffffffffffffffffff00000000', 'hex')], 1002],
  'a length over the limit, from its header alone': [[Buffer.from('82ff00000000000f424100000000', 'hex')], 1009],
  'a close of one byte': [[frame(8, 'x')], 1002],
  'a reason that is not UTF-8': [[frame(8, Buffer.from([3, 0xe8, 0xff]))], 1007],
  ...Object.fromEntries([0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535].map((code) => [`no code: ${code}`, [[close(code)], 1002]])),
  ...Object.fromEntries([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999].map((code) => [`the code ${code}`, [[close(code)], code]])),
}
for (const [name, [frames, want]] of Object.entries(rules)) {
  for (const whole of [true, false]) {
    test(`on Engine.IO: ${name}${whole ? '' : ', byte by byte'}`, async () => {
      const ws = await new RawWebSocket(server.port).connect()
      const bytes = Buffer.concat(frames)
      ws.socket.setNoDelay(true)
      if (whole) ws.say(bytes)
      else for (const byte of bytes) ws.say(Buffer.from([byte]))
      assert.equal(await status(ws), want)
    })
  }
}
