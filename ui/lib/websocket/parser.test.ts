import { PacketType, type Packet } from 'socket.io-parser'
import { expect, it } from 'vitest'
import { exactParser } from './parser'

function decode(text: string): Packet {
  const decoder = new exactParser.Decoder() as unknown as { on(e: 'decoded', f: (p: Packet) => void): void; add(t: string): void }
  let out: Packet | undefined
  decoder.on('decoded', (p) => (out = p))
  decoder.add(text)
  return out!
}

it('reads an event with every digit of its numbers', () =>
  expect(decode('2["replication_event",{"id":"e","after":{"id":9007199254740993,"n":7}}]')).toMatchObject({
    type: PacketType.EVENT,
    data: ['replication_event', { id: 'e', after: { id: { $number: '9007199254740993' }, n: 7 } }],
  }))

it('refuses what is not JSON, as the library does', () => expect(() => decode('2["x",12345678901234567890')).toThrow('invalid payload'))
