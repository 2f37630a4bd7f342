import { screen, waitFor } from '@testing-library/react'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ApiError } from '@/lib/api/client'
import { tokens } from '@/test/fakes'
import { renderPage } from '@/test/render'
import { LoginPage } from './LoginPage'
import { RequireAuth } from './RequireAuth'

const router = vi.hoisted(() => ({ replace: vi.fn() }))
vi.mock('next/navigation', () => ({ useRouter: () => router, useSearchParams: () => new URLSearchParams(window.location.search) }))

beforeEach(() => {
  router.replace.mockReset()
  window.history.replaceState(null, '', '/login?next=%2Fmonitoring%3Fq%3Dx')
})

async function signIn(api: Parameters<typeof renderPage>[1]) {
  const page = renderPage(<LoginPage />, { signedIn: false, ...api })
  await page.user.type(screen.getByLabelText('User name'), 'ada')
  await page.user.type(screen.getByLabelText('Password'), 'secret{Enter}')
  return page
}

describe('signing in', () => {
  it('leads back to where one came from', async () => {
    const login = vi.fn(async () => tokens())
    await signIn({ api: { login } })
    expect(login).toHaveBeenCalledWith('ada', 'secret', expect.anything())
    await waitFor(() => expect(router.replace).toHaveBeenCalledWith('/monitoring?q=x'))
  })

  it('with a wrong password says so and lets one type it again', async () => {
    await signIn({ api: { login: () => Promise.reject(new ApiError('The user name or the password is wrong.', 'http', 401)) } })
    expect(await screen.findByRole('alert')).toHaveTextContent('The user name or the password is wrong.')
    expect(screen.getByLabelText('Password')).toHaveFocus()
    expect(router.replace).not.toHaveBeenCalled()
  })

  it('shows the password to who asks', async () => {
    const { user } = renderPage(<LoginPage />, { signedIn: false })
    await user.click(screen.getByRole('button', { name: 'Show the password' }))
    expect(screen.getByLabelText('Password')).toHaveAttribute('type', 'text')
  })

  it('says that a session has ended', () => {
    window.history.replaceState(null, '', '/login?expired=1')
    renderPage(<LoginPage />, { signedIn: false })
    expect(screen.getByRole('status')).toHaveTextContent('Your session has ended')
  })
})

describe('a page behind sign-in', () => {
  beforeEach(() => window.history.replaceState(null, '', '/monitoring?q=x'))

  it('sends away who is not signed in, and remembers the place', () => {
    renderPage(<RequireAuth>secret</RequireAuth>, { signedIn: false })
    expect(screen.queryByText('secret')).toBeNull()
    expect(router.replace).toHaveBeenCalledWith('/login?next=%2Fmonitoring%3Fq%3Dx')
  })

  it('sends away who loses the session', async () => {
    const page = renderPage(<RequireAuth>secret</RequireAuth>)
    expect(screen.getByText('secret')).toBeVisible()
    page.session.clear()
    await waitFor(() => expect(router.replace).toHaveBeenCalledWith('/login?next=%2Fmonitoring%3Fq%3Dx&expired=1'))
  })

  it('asks nobody when the server is open', () => {
    renderPage(<RequireAuth>secret</RequireAuth>, { signedIn: false, config: { auth: 'open' } })
    expect(screen.getByText('secret')).toBeVisible()
  })
})
