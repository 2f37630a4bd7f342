// What RFC 6455 asks of a server that is sent anything at all, on a plain WebSocket: frames written
// by hand, each with the frames or the status that must come back.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { frame, Raw, startExample } from '../support/examples.mjs'
import { until } from '../support/until.mjs'

let server
before(async () => { server = await startExample('relay') })
after(async () => { assert.equal(await server.stop(), 0, server.log()) })

async function open() {
  const raw = new Raw(server.port)
  raw.say('GET /echo HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n')
  await raw.hears('\r\n\r\n')
  raw.heard = raw.heard.subarray(raw.heard.indexOf('\r\n\r\n') + 4)
  return raw
}

/** The server's frames until it closes: "1:text", "8:1000 reason". */
async function frames(raw) {
  await raw.ends()
  const out = []
  for (let b = raw.heard; b.length > 0;) {
    const op = b[0] & 15
    const short = b[1] & 127
    const head = short === 126 ? 4 : 2
    const n = short === 126 ? b.readUInt16BE(2) : short
    const data = b.subarray(head, head + n)
    out.push(op === 8 && n >= 2 ? `8:${data.readUInt16BE(0)}${n > 2 ? ` ${data.subarray(2)}` : ''}` : `${op}:${data}`)
    b = b.subarray(head + n)
  }
  return out
}

const more = { fin: false }
const close = (code, reason = '') => frame(8, Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]))
const bye = close(1000)
const bits = (data, set) => { data[0] |= set; return data }

const cases = {
  'an empty message': [[frame(1, ''), bye], ['1:', '8:1000']],
  'empty fragments': [[frame(1, '', more), frame(0, '', more), frame(0, ''), bye], ['1:', '8:1000']],
  'pings between fragments': [[frame(1, 'a', more), frame(9, 'p'), frame(0, 'b', more), frame(9, ''), frame(0, 'c'), bye], ['10:p', '10:', '1:abc', '8:1000']],
  'pongs nobody asked for': [[frame(10, 'x'), frame(10, ''), frame(1, 'a'), bye], ['1:a', '8:1000']],
  'a flood of pings, in order': [[...Array.from({ length: 500 }, (_, i) => frame(9, `${i}`)), bye], [...Array.from({ length: 500 }, (_, i) => `10:${i}`), '8:1000']],
  'the longest ping': [[frame(9, 'x'.repeat(125)), bye], [`10:${'x'.repeat(125)}`, '8:1000']],
  'a ping that is too long': [[frame(9, 'x'.repeat(126))], ['8:1002']],
  'a ping in fragments': [[frame(9, 'x', more)], ['8:1002']],
  'a close in fragments': [[frame(8, '', more)], ['8:1002']],
  'text inside text': [[frame(1, 'a', more), frame(1, 'b')], ['8:1002']],
  'nothing to continue': [[frame(0, 'a')], ['8:1002']],
  'no mask': [[frame(1, 'a', { mask: false })], ['8:1002']],
  'the first reserved bit': [[bits(frame(1, 'a'), 0x40)], ['8:1002']],
  'the second': [[bits(frame(1, 'a'), 0x20)], ['8:1002']],
  'the third, on a ping': [[bits(frame(9, 'a'), 0x10)], ['8:1002']],
  ...Object.fromEntries([3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((op) => [`opcode ${op}`, [[frame(1, 'a'), frame(op, '')], ['1:a', '8:1002']]])),
  'a length with its highest bit set': [[Buffer.from('82ffffffffffffffffff00000000', 'hex')], ['8:1002']],
  'a length over the limit, from its header alone': [[Buffer.from('82ff00000000000f424100000000', 'hex')], ['8:1009']],
  'a bad letter, before the message ends': [[frame(1, Buffer.from([0x61, 0xff]), more)], ['8:1007']],
  'a letter in two fragments': [[frame(1, Buffer.from([0xc3]), more), frame(0, Buffer.from([0xa9])), bye], ['1:é', '8:1000']],
  'a close without a code': [[frame(8, '')], ['8:']],
  'a close of one byte': [[frame(8, 'x')], ['8:1002']],
  'a reason that is not UTF-8': [[close(1000, Buffer.from([0xff]))], ['8:1007']],
  'data after a close': [[bye, frame(1, 'too late'), frame(9, '')], ['8:1000']],
  'two closes': [[bye, bye], ['8:1000']],
  ...Object.fromEntries([1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999].map((code) => [`the code ${code}`, [[close(code, 'why')], [`8:${code}`]]])),
  ...Object.fromEntries([0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535].map((code) => [`no code: ${code}`, [[close(code)], ['8:1002']]])),
}

for (const [name, [sent, want]] of Object.entries(cases)) {
  for (const whole of [true, false]) {
    test(`${name}${whole ? '' : ', byte by byte'}`, async () => {
      const raw = await open()
      raw.socket.setNoDelay(true)
      const bytes = Buffer.concat(sent)
      if (whole) raw.say(bytes)
      else for (const byte of bytes) raw.say(Buffer.from([byte]))
      assert.deepEqual(await frames(raw), want)
    })
  }
}

test('the server closes first: it waits for the answer, and then it is over', async () => {
  const raw = await open()
  raw.say(frame(1, 'close'))
  await raw.hears('as you wish')
  assert.equal(raw.closed, false)
  raw.say(Buffer.concat([frame(1, 'dropped'), close(4000)]))
  assert.deepEqual(await frames(raw), ['8:4000 as you wish'])
})

test('a client that never answers a close is cut off', async () => {
  const raw = await open()
  raw.say(frame(1, 'close'))
  await raw.hears('as you wish')
  await until('the server gives up', () => raw.closed, Boolean, { timeout: 10000 })
})
