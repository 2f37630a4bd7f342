import { screen, waitFor, within } from '@testing-library/react'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ApiError, type ApiClient } from '@/lib/api/client'
import type { CommandResult } from '@/lib/api/types'
import { connection, OTHER, P, pipeline } from '@/test/fakes'
import { renderPage } from '@/test/render'
import { PipelinesPage } from './PipelinesPage'

vi.mock('next/navigation', () => ({ useSearchParams: () => new URLSearchParams(window.location.search), useRouter: () => ({ push: vi.fn() }) }))

const command = (status: CommandResult['status'], id = P): CommandResult => ({ pipeline_id: id, status, full_load: { status: 'NOT_STARTED' }, debezium_connector: null, sink_connector: null, job_id: null, message: '' })
const both = async () => [pipeline(), pipeline({ id: OTHER, name: 'billing', status: 'ERROR', error_message: 'the slot is gone', source_connection_id: '1', stats: { total_events: 7, lag_bytes: 1500 } })]
const names = () => [...document.querySelectorAll('[data-pipeline] a')].map((a) => a.textContent)
const shown = async (api: Partial<ApiClient> = {}) => {
  const page = renderPage(<PipelinesPage />, { api: { pipelines: both, connections: async () => [connection()], ...api } })
  await waitFor(() => expect(names()).toHaveLength(2))
  return page
}

beforeEach(() => window.history.replaceState(null, '', '/pipelines'))

describe('the list', () => {
  it('has those that need somebody first, with why', async () => {
    await shown()
    expect(names()).toEqual(['billing', 'shop orders'])
    expect(screen.getByText('the slot is gone')).toBeVisible()
    expect(screen.getByText('1.5 kB')).toBeVisible()
  })

  it('is searched and sorted, and the address says how', async () => {
    const page = await shown()
    await page.user.click(screen.getByRole('button', { name: 'Name' }))
    await page.user.click(screen.getByRole('button', { name: 'Name' }))
    expect(names()).toEqual(['shop orders', 'billing'])
    await page.user.keyboard('/bill')
    await waitFor(() => expect(names()).toEqual(['billing']))
    expect(window.location.search).toBe('?sort=name&dir=up&q=bill')
  })

  it('says why a command was refused', async () => {
    const page = await shown({ commandPipeline: async () => Promise.reject(new ApiError('It is starting already.', 'http', 409)) })
    await page.user.click(screen.getByRole('button', { name: 'Actions for shop orders' }))
    await page.user.click(await screen.findByRole('menuitem', { name: 'Pause' }))
    expect(await screen.findByText('shop orders: It is starting already.')).toBeVisible()
  })

  it('commands several at once, each that is able to', async () => {
    const sent = vi.fn<ApiClient['commandPipeline']>(async (id) => command('STOPPING', id))
    const page = await shown({ commandPipeline: sent })
    await page.user.click(screen.getByRole('checkbox', { name: 'Choose all' }))
    const group = screen.getByRole('group', { name: 'With those chosen' })
    expect(within(group).getByRole('button', { name: 'Pause 1' })).toBeVisible()
    await page.user.click(within(group).getByRole('button', { name: 'Stop 2' }))
    await waitFor(() => expect(sent.mock.calls.map(([id, c]) => `${c} ${id}`).sort()).toEqual([`stop ${P}`, `stop ${OTHER}`].sort()))
    await waitFor(() => expect(screen.queryByRole('group', { name: 'With those chosen' })).toBeNull())
  })

  it('deletes one only when its name was typed', async () => {
    const gone = vi.fn<ApiClient['deletePipeline']>(async () => {})
    const page = await shown({ deletePipeline: gone })
    await page.user.click(screen.getByRole('button', { name: 'Actions for billing' }))
    await page.user.click(await screen.findByRole('menuitem', { name: 'Delete…' }))
    const dialog = await screen.findByRole('dialog')
    expect(within(dialog).getByRole('button', { name: 'Delete' })).toBeDisabled()
    await page.user.type(within(dialog).getByRole('textbox'), 'billing')
    await page.user.click(within(dialog).getByRole('button', { name: 'Delete' }))
    await waitFor(() => expect(names()).toEqual(['shop orders']))
    expect(gone).toHaveBeenCalledWith(OTHER, { force: false, drop_topics: false })
  })

  it('that is empty says what to do, and one that cannot be read why', async () => {
    const read = vi.fn<ApiClient['pipelines']>().mockRejectedValueOnce(new ApiError('PostgreSQL is away', 'http', 503)).mockResolvedValue([])
    const page = renderPage(<PipelinesPage />, { api: { pipelines: read } })
    expect(await screen.findByText('PostgreSQL is away')).toBeVisible()
    await page.user.click(screen.getByRole('button', { name: 'Retry' }))
    expect(await screen.findByText('No pipelines yet')).toBeVisible()
  })
})
