import { screen, waitFor, within } from '@testing-library/react'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ApiError, type ApiClient } from '@/lib/api/client'
import type { UserRecord } from '@/lib/api/types'
import { renderPage } from '@/test/render'
import { PasswordPanel } from './PasswordPanel'
import { UsersPanel } from './UsersPanel'
import { KeysPanel } from './KeysPanel'

const user = (more: Partial<UserRecord> = {}): UserRecord => ({ id: 'u', username: 'ada', role: 'admin', disabled: false, created_at: '2026-11-20T10:00:00Z', updated_at: '2026-11-20T10:00:00Z', ...more })
beforeEach(() => window.history.replaceState(null, '', '/settings'))

describe('users', () => {
  it('get another role at once, and a refusal is said', async () => {
    const change = vi.fn<ApiClient['updateUser']>().mockRejectedValueOnce(new ApiError('The last administrator stays one.', 'http', 409)).mockResolvedValue(user())
    const page = renderPage(<UsersPanel />, { api: { users: async () => [user(), user({ id: 'g', username: 'grace', role: 'viewer' })], updateUser: change } })
    await page.user.selectOptions(await screen.findByLabelText('Role of ada'), 'viewer')
    expect(await screen.findByText('The last administrator stays one.')).toBeVisible()
    await page.user.click(screen.getByRole('button', { name: 'Lock out grace' }))
    await waitFor(() => expect(change).toHaveBeenLastCalledWith('g', { disabled: true }))
  })

  it('may be read by administrators only, which is said', async () => {
    renderPage(<UsersPanel />, { api: { users: async () => Promise.reject(new ApiError('Your role is not enough.', 'http', 403)) } })
    expect(await screen.findByText(/may be seen by administrators only/)).toBeVisible()
  })
})

it('a key is shown once', async () => {
  const page = renderPage(<KeysPanel />, { api: { createApiKey: async (k) => ({ id: 'k', prefix: 'mr_abc', user_id: 'u', created_at: '', last_used_at: null, revoked_at: null, ...k, expires_at: null, key: 'mr_abc-the-rest' }) } })
  await page.user.click(await screen.findByRole('button', { name: 'New key' }))
  const dialog = screen.getByRole('dialog')
  await page.user.type(within(dialog).getByLabelText('Name'), 'nightly')
  await page.user.click(within(dialog).getByRole('button', { name: 'Make it' }))
  expect(await within(dialog).findByText('Choose at least one')).toBeVisible()
  await page.user.click(within(dialog).getByRole('checkbox', { name: /^monitoring:read/ }))
  await page.user.click(within(dialog).getByRole('button', { name: 'Make it' }))
  expect(await within(dialog).findByText('mr_abc-the-rest')).toBeVisible()
  await page.user.click(within(dialog).getByRole('button', { name: 'I have it' }))
  expect(screen.queryByText('mr_abc-the-rest')).toBeNull()
})

it('a new password has to be given twice, and fit', async () => {
  const change = vi.fn<ApiClient['changePassword']>(async () => {})
  const page = renderPage(<PasswordPanel />, { api: { changePassword: change } })
  await page.user.type(screen.getByLabelText('Password now'), 'old one')
  await page.user.type(screen.getByLabelText('New password'), 'a new one')
  await page.user.type(screen.getByLabelText('New password, again'), 'another')
  await page.user.click(screen.getByRole('button', { name: 'Change it' }))
  expect(await screen.findByText('not the same')).toBeVisible()
  await page.user.clear(screen.getByLabelText('New password, again'))
  await page.user.type(screen.getByLabelText('New password, again'), 'a new one')
  await page.user.click(screen.getByRole('button', { name: 'Change it' }))
  expect(await screen.findByText(/^Changed/)).toBeVisible()
  expect(change).toHaveBeenCalledWith('old one', 'a new one')
})
