import { beforeEach, describe, expect, it, vi } from 'vitest'
import { SessionKeeper, SessionOver } from './session'
import type { Tokens } from './api/types'

let now = 0
const memory = () => {
  const map = new Map<string, string>()
  return { getItem: (k: string) => map.get(k) ?? null, setItem: (k: string, v: string) => void map.set(k, v), removeItem: (k: string) => void map.delete(k) }
}
const tokens = (n: number, expires_in = 900): Tokens => ({
  access_token: `a${n}`,
  token: `a${n}`,
  token_type: 'bearer',
  expires_in,
  refresh_token: `r${n}`,
  user: { id: 'u', username: 'ada', role: 'admin' },
})
const tab = (storage = memory(), exclusively = <T>(work: () => Promise<T>) => work()) =>
  new SessionKeeper({ storage, now: () => now, exclusively })

beforeEach(() => void (now = 1_000_000))

describe('a session', () => {
  it('gives its token while that is good, without asking anybody', async () => {
    const s = tab()
    s.exchange = vi.fn()
    s.keep(tokens(1))
    expect(await s.token()).toBe('a1')
    expect(s.exchange).not.toHaveBeenCalled()
  })

  it('is renewed when its token has run out', async () => {
    const s = tab()
    s.exchange = vi.fn(async () => tokens(2))
    s.keep(tokens(1))
    now += 900_000
    expect(await s.token()).toBe('a2')
    expect(s.exchange).toHaveBeenCalledWith('r1')
  })

  it('is renewed once for all who ask at the same time', async () => {
    const s = tab()
    s.exchange = vi.fn(async () => tokens(2))
    s.keep(tokens(1))
    expect(await Promise.all([s.renew('a1'), s.renew('a1'), s.renew('a1')])).toEqual(['a2', 'a2', 'a2'])
    expect(s.exchange).toHaveBeenCalledTimes(1)
  })

  it('uses what another tab renewed: a refresh token is good once', async () => {
    const storage = memory()
    let chain: Promise<unknown> = Promise.resolve()
    const lock = <T>(work: () => Promise<T>) => {
      const mine = chain.then(work)
      chain = mine.catch(() => {})
      return mine
    }
    const [one, two] = [tab(storage, lock), tab(storage, lock)]
    one.exchange = vi.fn(async () => tokens(2))
    two.exchange = vi.fn(async () => tokens(3))
    one.keep(tokens(1))
    expect(await Promise.all([one.renew('a1'), two.renew('a1')])).toEqual(['a2', 'a2'])
    expect(two.exchange).not.toHaveBeenCalled()
  })

  it('ends when the server says so', async () => {
    const s = tab()
    const heard = vi.fn()
    s.keep(tokens(1))
    s.onChange(heard)
    s.exchange = () => Promise.reject(new SessionOver())
    await expect(s.renew('a1')).rejects.toThrow(SessionOver)
    expect(s.current()).toBeNull()
    expect(heard).toHaveBeenLastCalledWith(null)
  })

  it('survives a server that is away', async () => {
    const s = tab()
    s.keep(tokens(1))
    s.exchange = () => Promise.reject(new Error('cannot be reached'))
    await expect(s.renew('a1')).rejects.toThrow('cannot be reached')
    expect(s.current()?.refreshToken).toBe('r1')
  })

  it('is none when the storage holds rubbish', () => {
    const storage = memory()
    storage.setItem('millrace.session', '{"accessToken":7')
    expect(tab(storage).current()).toBeNull()
    storage.setItem('millrace.session', '{"accessToken":7}')
    expect(tab(storage).current()).toBeNull()
  })

  it('is to be renewed a minute early, or at half of a shorter life', () => {
    const s = tab()
    expect(s.renewAt(s.keep(tokens(1)))).toBe(now + 840_000)
    expect(s.renewAt(s.keep(tokens(2, 20)))).toBe(now + 10_000)
  })
})
