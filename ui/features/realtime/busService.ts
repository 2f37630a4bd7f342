// The page's one connection to the message bus: hears everything, remembers the last id of each stream
// so that a reconnection leaves no hole, asks the server's clock, and hands on what came ten times a
// second. Also the debug handle window.webSocketService.
import type { ThunkAction, UnknownAction } from '@reduxjs/toolkit'
import type { Json } from '@/lib/json'
import type { Services } from '@/lib/thunk'
import { Feed } from '@/lib/websocket/feed'
import { busClockKnown, busCoalesced, busHeard, busLinkChanged, busNoticed, performanceOf, type BusMessage, type BusState } from './busSlice'

const FLUSH_MS = 100
const PING_MS = 5000
const RATE_MS = 5000
const READINGS = 8
const RESUMED_MAX = 32 // streams named in an address

export interface BusService {
  connect: () => void
  disconnect: () => void
  /** A message as text or object; false: not connected. */
  send: (message: unknown) => boolean
  getConnectionStatus: () => { state: string; attempt: number; nextTryAt: number | null; reason: string }
  getPerformanceMetrics: () => ReturnType<typeof performanceOf>
  end: () => void
}

interface Envelope {
  type: string
  stream?: string
  id?: string
  data?: Json
  timestamp: string
}

export interface ClockReading {
  roundTrip: number
  offset: number // the server's clock ahead of ours
}
/** From when the server answered, and half of the way there and back. */
export function readClock(sentAt: number, receivedAt: number, serverTime: number): ClockReading {
  return { roundTrip: receivedAt - sentAt, offset: serverTime - (sentAt + receivedAt) / 2 }
}
/** The quickest answer is the truest: a page that was busy has made the others late. */
export const bestOf = (readings: ClockReading[]) => readings.reduce((best, r) => (r.roundTrip < best.roundTrip ? r : best)).offset

type Root = { bus: BusState }

export const openBus =
  (make?: (url: string) => WebSocket): ThunkAction<BusService, unknown, Services, UnknownAction> =>
  (dispatch, getState, { session, config }) => {
    const state = () => (getState() as Root).bus
    const lastIds = new Map<string, string>()
    const replaying = new Set<string>()
    const times: number[] = [] // when messages came, for the rate
    let waiting: BusMessage[] = []
    let readings: ClockReading[] = []
    let soon: ReturnType<typeof setTimeout>[] = []

    const take = (m: Envelope) => {
      const now = Date.now()
      if (m.stream && m.id) {
        const offset = state().offset
        lastIds.set(m.stream, m.id)
        times.push(now)
        waiting.push({
          key: `${m.stream} ${m.id}`,
          stream: m.stream,
          type: m.type,
          id: m.id,
          data: m.data ?? null,
          timestamp: m.timestamp,
          latency: offset === null || replaying.has(m.stream) ? null : Math.max(0, now + offset - Date.parse(m.timestamp)),
        })
        return
      }
      const data = m.data as { [key: string]: Json } | null
      if (m.type === 'pong' && typeof data?.sent === 'number') {
        readings = [...readings, readClock(data.sent, now, Date.parse(m.timestamp))].slice(-READINGS)
        dispatch(busClockKnown(bestOf(readings)))
      }
      if (m.type === 'coalesced') dispatch(busCoalesced(Number(data?.count ?? 0)))
      else if (m.type === 'gap') dispatch(busNoticed(`${String(data?.stream)}: messages after ${String(data?.after)} are gone.`))
      else if (m.type === 'error') dispatch(busNoticed(String(data?.message)))
      else if (m.type === 'test') dispatch(busNoticed(`Echo: ${JSON.stringify(m.data)}`))
      else if (m.type === 'replayed' && typeof data?.stream === 'string') replaying.delete(data.stream)
    }

    const feed: Feed = new Feed({
      config,
      session,
      // What came after the last ids first: in the address, so that nothing comes before its place.
      path: () => {
        replaying.clear()
        for (const stream of [...lastIds.keys()].slice(-RESUMED_MAX)) replaying.add(stream)
        return lastIds.size ? `/ws?after=${[...replaying].map((s) => `${s}:${lastIds.get(s)}`).join(',')}` : '/ws'
      },
      maxTries: 10,
      make,
      onMessage: (m) => take(m as Envelope),
      onStatus: (status) => {
        const opened = status.state === 'open' && state().link.state !== 'open'
        dispatch(busLinkChanged(status))
        if (!opened) return
        readings = []
        ping()
        soon = [200, 500, 1000, 2000].map((ms) => setTimeout(ping, ms))
      },
    })
    const ping = () => feed.send({ type: 'ping', data: { sent: Date.now() } })
    const flush = () => {
      const since = Date.now() - RATE_MS
      while (times.length && times[0]! < since) times.shift()
      const perSecond = times.length / (RATE_MS / 1000)
      if (!waiting.length && perSecond === state().perSecond) return
      dispatch(busHeard({ messages: waiting, perSecond }))
      waiting = []
    }
    const timers = [setInterval(ping, PING_MS), setInterval(flush, FLUSH_MS)]
    const service: BusService = {
      connect: () => feed.connect(),
      disconnect: () => feed.disconnect(),
      send: (message) => feed.send(message),
      getConnectionStatus: () => feed.current(),
      getPerformanceMetrics: () => performanceOf(state()),
      end: () => {
        timers.forEach(clearInterval)
        soon.forEach(clearTimeout)
        feed.disconnect()
      },
    }
    service.connect()
    return service
  }
