// A plain WebSocket that comes back: with a fresh token at each try, after 0.5, 1, 2, 4 s and a
// little, at most so many times in a row, and told to the second when the next try is. For the feeds
// of figures (/ws/stats) and of the message bus (/ws); the event log has the Socket.IO client.
import type { Config } from '@/lib/config'
import type { SessionKeeper } from '@/lib/session'

export type FeedState = 'idle' | 'connecting' | 'open' | 'waiting' | 'given_up'

export interface FeedStatus {
  state: FeedState
  since: number // Unix ms
  attempt: number // tries in a row that failed
  nextTryAt: number | null // while waiting
  reason: string // why it is not open
}

export const IDLE: FeedStatus = { state: 'idle', since: 0, attempt: 0, nextTryAt: null, reason: '' }

export interface FeedOptions {
  config: Pick<Config, 'wsUrl'>
  session: Pick<SessionKeeper, 'token'>
  path: string | (() => string) // '/ws/stats?interval_ms=500'; asked at each try
  onMessage: (message: unknown) => void
  onStatus: (status: FeedStatus) => void
  maxTries?: number
  make?: (url: string) => WebSocket
  random?: () => number
}

const FIRST_MS = 500
const LONGEST_MS = 4000

/** Where a feed is: the page's own host, unless the configuration names another. */
export function feedUrl(wsUrl: string, path: string, token: string | null, here: string = globalThis.location?.origin ?? ''): string {
  const url = new URL(path, (wsUrl || here).replace(/^http/, 'ws'))
  if (token) url.searchParams.set('token', token)
  return url.toString()
}

export class Feed {
  private socket: WebSocket | null = null
  private timer: ReturnType<typeof setTimeout> | undefined
  private status: FeedStatus = { ...IDLE, since: Date.now() }
  private wanted = false

  constructor(private readonly options: FeedOptions) {}

  current(): FeedStatus {
    return this.status
  }

  connect() {
    this.wanted = true
    clearTimeout(this.timer)
    if (this.socket) return
    this.set({ state: 'connecting', nextTryAt: null })
    void this.open()
  }

  disconnect() {
    this.wanted = false
    clearTimeout(this.timer)
    this.socket?.close(1000)
    this.socket = null
    this.set({ state: 'idle', attempt: 0, nextTryAt: null, reason: '' })
  }

  /** False: it is not open, and nothing was sent. */
  send(message: unknown): boolean {
    if (this.socket?.readyState !== 1) return false
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message))
    return true
  }

  private async open() {
    const { config, session, path, make = (url) => new WebSocket(url) } = this.options
    let token: string | null
    try {
      token = await session.token()
    } catch {
      this.failed('The session could not be renewed.')
      return
    }
    if (!this.wanted || this.socket) return
    const socket = make(feedUrl(config.wsUrl, typeof path === 'string' ? path : path(), token))
    this.socket = socket
    socket.onopen = () => this.socket === socket && this.set({ state: 'open', attempt: 0, nextTryAt: null, reason: '' })
    socket.onmessage = (m: MessageEvent<string>) => {
      if (this.socket === socket) this.options.onMessage(JSON.parse(m.data))
    }
    socket.onclose = (e: CloseEvent) => {
      if (this.socket !== socket) return
      this.socket = null
      this.failed(e.reason || (e.code === 1006 ? 'The connection was lost or refused.' : `The server closed it (${e.code}).`))
    }
  }

  private failed(reason: string) {
    if (!this.wanted) return
    const { maxTries = 20, random = Math.random } = this.options
    const attempt = this.status.attempt + 1
    if (attempt > maxTries) {
      this.wanted = false
      this.set({ state: 'given_up', attempt: maxTries, nextTryAt: null, reason })
      return
    }
    const delay = Math.min(LONGEST_MS, FIRST_MS * 2 ** (attempt - 1)) * (0.75 + random() / 4)
    this.set({ state: 'waiting', attempt, nextTryAt: Date.now() + delay, reason })
    this.timer = setTimeout(() => this.connect(), delay)
  }

  private set(change: Partial<FeedStatus>) {
    const moved = change.state !== undefined && change.state !== this.status.state
    this.status = { ...this.status, ...change, since: moved ? Date.now() : this.status.since }
    this.options.onStatus(this.status)
  }
}
