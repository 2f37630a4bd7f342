// Who is signed in, in this tab and all others. The access token lives minutes, the refresh token is
// good for one use: two tabs that used the same one would look like a theft and lose the session. So
// renewing happens under a lock that all tabs share, and whoever gets it looks first whether somebody
// else has renewed meanwhile.
import type { Tokens, User } from './api/types'

export interface Session {
  accessToken: string
  refreshToken: string
  expiresAt: number // Unix ms
  user: User
}

const KEY = 'millrace.session'
const EARLY_MS = 60_000 // renew this long before the end, or at half of a shorter life

/** The server said that the session is over: signing in again is the only way on. */
export class SessionOver extends Error {
  override name = 'SessionOver'
}

export interface SessionDeps {
  storage?: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>
  now?: () => number
  /** Run work while no other tab does. */
  exclusively?: <T>(work: () => Promise<T>) => Promise<T>
}

type Listener = (session: Session | null) => void

export class SessionKeeper {
  private readonly listeners = new Set<Listener>()
  private readonly storage: NonNullable<SessionDeps['storage']>
  private readonly now: () => number
  private readonly exclusively: NonNullable<SessionDeps['exclusively']>
  private renewing: Promise<string> | null = null
  /** Exchanges a refresh token for new tokens; throws SessionOver when the server refuses it. */
  exchange: (refreshToken: string) => Promise<Tokens> = () => Promise.reject(new SessionOver())

  constructor(deps: SessionDeps = {}) {
    this.storage = deps.storage ?? window.localStorage
    this.now = deps.now ?? Date.now
    this.exclusively = deps.exclusively ?? lockOfAllTabs
  }

  current(): Session | null {
    try {
      const s = JSON.parse(this.storage.getItem(KEY) ?? 'null') as Session | null
      return s && typeof s.accessToken === 'string' && typeof s.refreshToken === 'string' ? s : null
    } catch {
      return null
    }
  }

  keep(tokens: Tokens): Session {
    const session: Session = {
      accessToken: tokens.access_token,
      refreshToken: tokens.refresh_token,
      expiresAt: this.now() + tokens.expires_in * 1000,
      user: tokens.user,
    }
    this.storage.setItem(KEY, JSON.stringify(session))
    this.tell(session)
    return session
  }

  clear() {
    this.storage.removeItem(KEY)
    this.tell(null)
  }

  /** A token that is good for a while, renewed if need be; null when nobody is signed in. */
  async token(): Promise<string | null> {
    const s = this.current()
    if (!s) return null
    return s.expiresAt - this.now() > 5000 ? s.accessToken : this.renew(s.accessToken)
  }

  /** A token other than `used`, which did not work (any more). One renewal at a time. */
  renew(used: string): Promise<string> {
    this.renewing ??= this.exclusively(() => this.renewAlone(used)).finally(() => (this.renewing = null))
    return this.renewing
  }

  private async renewAlone(used: string): Promise<string> {
    const s = this.current()
    if (!s) throw new SessionOver('Nobody is signed in.')
    if (s.accessToken !== used && s.expiresAt > this.now()) return s.accessToken
    try {
      return this.keep(await this.exchange(s.refreshToken)).accessToken
    } catch (e) {
      // Only the server's word ends a session: while it is away the tokens may still be good.
      if (!(e instanceof SessionOver)) throw e
      const latest = this.current()
      if (latest && latest.refreshToken !== s.refreshToken) return latest.accessToken // another tab was faster
      this.clear()
      throw e
    }
  }

  /** When to renew so that no request ever meets an expired token: Unix ms. */
  renewAt(s: Session): number {
    const left = s.expiresAt - this.now()
    return s.expiresAt - Math.min(EARLY_MS, left / 2)
  }

  /** Called with every change, those of other tabs too. Returns how to stop that. */
  onChange(listener: Listener): () => void {
    this.listeners.add(listener)
    const elsewhere = (e: StorageEvent) => {
      if (e.key === KEY || e.key === null) listener(this.current())
    }
    globalThis.window?.addEventListener('storage', elsewhere)
    return () => {
      this.listeners.delete(listener)
      globalThis.window?.removeEventListener('storage', elsewhere)
    }
  }

  private tell(session: Session | null) {
    for (const listener of this.listeners) listener(session)
  }
}

/** Web Locks exist on https and localhost; elsewhere a tab can only look before it leaps. */
function lockOfAllTabs<T>(work: () => Promise<T>): Promise<T> {
  const locks = globalThis.navigator?.locks
  return locks ? (locks.request('millrace.session', work) as Promise<T>) : work()
}
