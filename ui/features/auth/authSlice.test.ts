import { describe, expect, it, vi } from 'vitest'
import { ApiError } from '@/lib/api/client'
import { makeStore } from '@/lib/store'
import { fakeApi, fakeSession, tokens } from '@/test/fakes'
import { login, logout, safeNext } from './authSlice'

const store = (api = {}, signedIn = false) => {
  const session = fakeSession(signedIn)
  return Object.assign(makeStore({ api: fakeApi(api), session }), { session })
}
const auth = (s: ReturnType<typeof store>) => s.getState().auth

describe('signing in', () => {
  it('keeps the session and says who it is', async () => {
    const s = store({ login: async () => tokens(1) })
    await s.dispatch(login({ username: 'ada', password: 'x' }))
    expect(auth(s)).toMatchObject({ status: 'signed_in', user: { username: 'ada' }, error: null })
    expect(s.session.current()?.accessToken).toBe('a1')
  })

  it('with a wrong password says so, in the server\'s words', async () => {
    const s = store({ login: () => Promise.reject(new ApiError('The user name or the password is wrong.', 'http', 401)) })
    await s.dispatch(login({ username: 'ada', password: 'x' }))
    expect(auth(s)).toMatchObject({ status: 'signed_out', isLoading: false, error: { message: 'The user name or the password is wrong.' } })
  })

  it('is there from the start when the session was kept', () => expect(auth(store({}, true))).toMatchObject({ status: 'signed_in', user: { username: 'ada' } }))
})

describe('the end of a session', () => {
  it('by signing out forgets it at once, whatever the server does', async () => {
    const told = vi.fn(() => Promise.reject(new Error('away')))
    const s = store({ logout: told }, true)
    const out = s.dispatch(logout())
    expect(s.session.current()).toBeNull()
    expect(auth(s).status).toBe('signed_out')
    await out
    expect(told).toHaveBeenCalledWith('r1')
  })

  it('by expiry is told apart, so that signing in leads back', () => {
    const s = store({}, true)
    s.session.clear()
    expect(auth(s).status).toBe('expired')
  })
})

describe('where to go after signing in', () => {
  it.each([
    ['/monitoring?pipeline=7&q=a%20b', '/monitoring?pipeline=7&q=a%20b'],
    [null, '/'],
    ['https://evil.test/', '/'],
    ['//evil.test/x', '/'],
    ['/\\evil.test', '/'],
    ['javascript:alert(1)', '/'],
    ['/login?next=/login', '/'],
  ])('%s leads to %s', (next, to) => expect(safeNext(next)).toBe(to))
})
