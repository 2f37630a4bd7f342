import { beforeEach, describe, expect, it, vi } from 'vitest'
import { Feed, feedUrl, type FeedStatus } from './feed'

class FakeWebSocket {
  static made: FakeWebSocket[] = []
  readyState = 0
  sent: string[] = []
  onopen: (() => void) | null = null
  onmessage: ((m: { data: string }) => void) | null = null
  onclose: ((e: { code: number; reason: string }) => void) | null = null
  constructor(readonly url: string) {
    FakeWebSocket.made.push(this)
  }
  send(text: string) {
    this.sent.push(text)
  }
  close() {
    this.readyState = 3
  }
  up() {
    this.readyState = 1
    this.onopen?.()
  }
  down(code = 1006, reason = '') {
    this.readyState = 3
    this.onclose?.({ code, reason })
  }
}

const settle = () => vi.advanceTimersByTimeAsync(0)
const latest = () => FakeWebSocket.made.at(-1)!

function feed(more: { maxTries?: number; token?: () => Promise<string | null> } = {}) {
  const seen: FeedStatus[] = []
  const messages: unknown[] = []
  const f = new Feed({
    config: { wsUrl: 'http://api:8000' },
    session: { token: more.token ?? (async () => 't') },
    path: '/ws/stats?interval_ms=500',
    onMessage: (m) => messages.push(m),
    onStatus: (s) => seen.push(s),
    make: (url) => new FakeWebSocket(url) as unknown as WebSocket,
    random: () => 1,
    maxTries: more.maxTries,
  })
  return { f, seen, messages, states: () => seen.map((s) => s.state) }
}

beforeEach(() => {
  vi.useFakeTimers()
  FakeWebSocket.made = []
})

describe('a feed', () => {
  it('has the token in its address, on the host that the configuration names or on the page\'s own', () => {
    expect(feedUrl('https://api.test', '/ws?streams=a', 'x y')).toBe('wss://api.test/ws?streams=a&token=x+y')
    expect(feedUrl('', '/ws/stats', null, 'http://here:8000')).toBe('ws://here:8000/ws/stats')
  })

  it('opens, and hands on what comes', async () => {
    const { f, states, messages } = feed()
    f.connect()
    await settle()
    expect(latest().url).toBe('ws://api:8000/ws/stats?interval_ms=500&token=t')
    expect(f.send({ type: 'ping' })).toBe(false)
    latest().up()
    expect(f.send({ type: 'ping' })).toBe(true)
    expect(latest().sent).toEqual(['{"type":"ping"}'])
    latest().onmessage!({ data: '{"n":1}' })
    expect(messages).toEqual([{ n: 1 }])
    expect(states()).toEqual(['connecting', 'open'])
  })

  it('comes back later each time, at most after four seconds, and says when', async () => {
    const { f, seen } = feed()
    f.connect()
    await settle()
    const waits: number[] = []
    for (let i = 0; i < 5; i++) {
      latest().down()
      const { nextTryAt, attempt } = seen.at(-1)!
      waits.push(nextTryAt! - Date.now())
      expect(attempt).toBe(i + 1)
      await vi.advanceTimersByTimeAsync(nextTryAt! - Date.now())
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 4000])
    latest().up()
    expect(seen.at(-1)).toMatchObject({ state: 'open', attempt: 0, nextTryAt: null })
  })

  it('gives up after so many tries, and begins anew when told to', async () => {
    const { f, seen } = feed({ maxTries: 2 })
    f.connect()
    await settle()
    for (let i = 0; i < 3; i++) {
      latest().down(1008, 'the access token has expired')
      await vi.advanceTimersByTimeAsync(5000)
    }
    expect(seen.at(-1)).toMatchObject({ state: 'given_up', reason: 'the access token has expired' })
    const made = FakeWebSocket.made.length
    await vi.advanceTimersByTimeAsync(60_000)
    expect(FakeWebSocket.made.length).toBe(made)
    f.connect()
    await settle()
    expect(FakeWebSocket.made.length).toBe(made + 1)
  })

  it('stays away when it was disconnected, even while it was about to connect', async () => {
    let give: (token: string) => void = () => {}
    const { f, seen } = feed({ token: () => new Promise((resolve) => (give = resolve)) })
    f.connect()
    f.disconnect()
    give('late')
    await vi.advanceTimersByTimeAsync(10_000)
    expect(FakeWebSocket.made).toEqual([])
    expect(seen.at(-1)!.state).toBe('idle')
  })

  it('tries again when there was no token to be had', async () => {
    let tries = 0
    const { f } = feed({ token: async () => (tries++ ? 't' : Promise.reject(new Error('away'))) })
    f.connect()
    await vi.advanceTimersByTimeAsync(600)
    expect(FakeWebSocket.made.length).toBe(1)
  })
})
