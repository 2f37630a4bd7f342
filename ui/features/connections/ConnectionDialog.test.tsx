import { screen, waitFor, within } from '@testing-library/react'
import { expect, it, vi } from 'vitest'
import type { ApiClient } from '@/lib/api/client'
import type { ConnectionTest } from '@/lib/api/types'
import { connection } from '@/test/fakes'
import { renderPage } from '@/test/render'
import { ConnectionDialog } from './ConnectionDialog'

const outcome = (success: boolean): ConnectionTest => ({
  success, status: success ? 'success' : 'failed', message: success ? 'It works.' : 'The port is closed.', server_version: null, tested_at: '', duration_ms: 3,
  checks: [{ check: 'dns', ok: true, detail: '10.0.0.1', duration_ms: 1 }, { check: 'tcp', ok: success, detail: success ? 'open' : 'Connection refused', duration_ms: 2 }],
})

async function fill(page: ReturnType<typeof renderPage>) {
  for (const [label, text] of [['Name', 'shop'], ['Host', 'db.test'], ['Database', 'shop'], ['User', 'reader'], ['Password', 'secret']] as const) await page.user.type(screen.getByLabelText(label), text)
}

it('a new one is tried before it is kept', async () => {
  const tried = vi.fn<ApiClient['testNewConnection']>(async () => outcome(true))
  const kept = vi.fn<ApiClient['createConnection']>(async () => connection())
  const onSaved = vi.fn()
  const page = renderPage(<ConnectionDialog type="source" onClose={() => {}} onSaved={onSaved} />, { api: { testNewConnection: tried, createConnection: kept } })
  await fill(page)
  await page.user.click(screen.getByRole('button', { name: 'Test' }))
  expect(await screen.findByText('It works.')).toBeVisible()
  expect(kept).not.toHaveBeenCalled()
  expect(tried.mock.calls[0]![0]).toMatchObject({ name: 'shop', connection_type: 'source', host: 'db.test', port: 5432, password: 'secret', schema: null, ssl_mode: 'prefer' })
  await page.user.click(screen.getByRole('button', { name: 'Save' }))
  await waitFor(() => expect(onSaved).toHaveBeenCalledWith(connection()))
})

it('what was found no longer counts when something is changed', async () => {
  const page = renderPage(<ConnectionDialog onClose={() => {}} />, { api: { testNewConnection: async () => outcome(false) } })
  await fill(page)
  await page.user.click(screen.getByRole('button', { name: 'Test' }))
  const failed = await waitFor(() => document.querySelector('[data-check=tcp]') as HTMLElement)
  expect(failed).toHaveAttribute('data-ok', 'false')
  expect(within(failed).getByText('Connection refused')).toBeVisible()
  expect(screen.getByRole('button', { name: 'Save anyway' })).toBeVisible()
  await page.user.type(screen.getByLabelText('Host'), '.example')
  expect(screen.getByRole('button', { name: 'Test' })).toBeVisible()
  expect(screen.queryByText('Connection refused')).toBeNull()
})

it('says what is missing, at its field, and asks nobody', async () => {
  const page = renderPage(<ConnectionDialog onClose={() => {}} />)
  await page.user.click(screen.getByRole('button', { name: 'Test' }))
  expect(await screen.findByText('The host is missing')).toBeVisible()
  expect(screen.getByLabelText('Host')).toHaveAttribute('aria-invalid', 'true')
})

it('another kind has another port, unless one was given', async () => {
  const page = renderPage(<ConnectionDialog onClose={() => {}} />)
  const port = screen.getByLabelText('Port')
  await page.user.selectOptions(screen.getByLabelText('Kind'), 'mariadb')
  expect(port).toHaveValue('3306')
  await page.user.clear(port)
  await page.user.type(port, '4000')
  await page.user.selectOptions(screen.getByLabelText('Kind'), 'postgresql')
  expect(port).toHaveValue('4000')
})

it('an empty password leaves the stored one as it is', async () => {
  const changed = vi.fn<ApiClient['updateConnection']>(async () => connection())
  const onClose = vi.fn()
  const page = renderPage(<ConnectionDialog connection={connection()} onClose={onClose} />, { api: { updateConnection: changed, testConnection: async () => outcome(true) } })
  await page.user.click(screen.getByRole('button', { name: 'Save and test' }))
  await waitFor(() => expect(onClose).toHaveBeenCalled())
  expect(changed.mock.calls[0]![1]).not.toHaveProperty('password')
})
