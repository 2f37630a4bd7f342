import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { built } from '@/lib/config'
import { makeStore } from '@/lib/store'
import { fakeApi, fakeSession } from '@/test/fakes'
import { bestOf, openBus, readClock, type BusService } from './busService'
import { performanceOf } from './busSlice'

class FakeWebSocket {
  constructor(readonly url: string) {}
  readyState = 0
  sent: { type: string; [key: string]: unknown }[] = []
  onopen: (() => void) | null = null
  onmessage: ((m: { data: string }) => void) | null = null
  onclose: ((e: { code: number; reason: string }) => void) | null = null
  send = (text: string) => void this.sent.push(JSON.parse(text) as { type: string })
  close = () => void (this.readyState = 3)
  up() {
    this.readyState = 1
    this.onopen?.()
  }
  down() {
    this.readyState = 3
    this.onclose?.({ code: 1006, reason: '' })
  }
  say(m: object) {
    this.onmessage!({ data: JSON.stringify({ timestamp: new Date().toISOString(), ...m }) })
  }
}

let made: FakeWebSocket[] = []
let service: BusService
const store = () => makeStore({ api: fakeApi(), session: fakeSession(), config: built({ apiUrl: 'http://api' }) })
async function open() {
  const s = store()
  service = s.dispatch(openBus((url) => made[made.push(new FakeWebSocket(url)) - 1] as unknown as WebSocket))
  await vi.advanceTimersByTimeAsync(0)
  made.at(-1)!.up()
  return { s, bus: () => s.getState().bus, socket: () => made.at(-1)! }
}
const message = (n: number, more = {}) => ({ type: 'message', stream: 'a', id: `${n}-0`, data: { n }, ...more })

beforeEach(() => {
  vi.useFakeTimers()
  made = []
})
afterEach(() => {
  service.end()
  vi.useRealTimers()
})

describe('the bus', () => {
  it('shows what comes, newest first, and how fast it comes', async () => {
    const { bus, socket } = await open()
    for (let n = 1; n <= 30; n++) socket().say(message(n))
    await vi.advanceTimersByTimeAsync(100)
    expect(bus().messages.slice(0, 2).map((m) => m.id)).toEqual(['30-0', '29-0'])
    expect(bus().streams).toEqual({ a: 30 })
    expect(bus().perSecond).toBe(6)
    await vi.advanceTimersByTimeAsync(6000)
    expect(bus().perSecond).toBe(0)
  })

  it('corrects latencies by the clock, once it is known', async () => {
    const { bus, socket } = await open()
    socket().say(message(1))
    expect(socket().sent[0]).toMatchObject({ type: 'ping' })
    // the server's clock is 10 s ahead, and its answer was on its way for no time at all
    socket().say({ type: 'pong', data: socket().sent[0]!.data, timestamp: new Date(Date.now() + 10_000).toISOString() })
    socket().say(message(2, { timestamp: new Date(Date.now() + 10_000 - 25).toISOString() }))
    await vi.advanceTimersByTimeAsync(100)
    expect(bus().latencies).toEqual([25])
    expect(performanceOf(bus())).toMatchObject({ average: 25, min: 25, max: 25, samples: 1 })
    expect(bestOf([readClock(100, 200, 1150), readClock(300, 302, 901), readClock(400, 900, 2000)])).toBe(600)
  })

  it('asks for what it missed in the address of the next connection', async () => {
    const { bus, socket } = await open()
    expect(socket().url).toBe('ws://api/ws?token=a1')
    socket().say({ type: 'pong', data: socket().sent[0]!.data })
    socket().say(message(7))
    socket().say(message(3, { stream: 'b:c' }))
    socket().down()
    await vi.advanceTimersByTimeAsync(1000)
    socket().up()
    expect(new URL(socket().url).searchParams.get('after')).toBe('a:7-0,b:c:3-0')
    socket().say(message(8))
    socket().say({ type: 'replayed', data: { stream: 'a', last_id: '8-0' } })
    socket().say(message(9))
    await vi.advanceTimersByTimeAsync(100)
    expect(bus().messages.map((m) => [m.id, m.latency === null])).toEqual([['9-0', false], ['8-0', true], ['3-0', false], ['7-0', false]])
  })

  it('counts what the server left out, and says what is gone', async () => {
    const { bus, socket } = await open()
    socket().say({ type: 'coalesced', data: { count: 40, total: 40, streams: [] } })
    socket().say({ type: 'coalesced', data: { count: 2, total: 42, streams: [] } })
    socket().say({ type: 'gap', data: { stream: 'a', after: '5-0' } })
    expect(bus().coalesced).toBe(42)
    expect(bus().notices).toEqual(['a: messages after 5-0 are gone.'])
  })
})
