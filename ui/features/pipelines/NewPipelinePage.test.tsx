import { screen, waitFor } from '@testing-library/react'
import { expect, it, vi } from 'vitest'
import type { ApiClient } from '@/lib/api/client'
import type { DatabaseTable } from '@/lib/api/types'
import { connection, P, pipeline } from '@/test/fakes'
import { renderPage } from '@/test/render'
import { NewPipelinePage } from './NewPipelinePage'

const push = vi.fn()
vi.mock('next/navigation', () => ({ useSearchParams: () => new URLSearchParams(''), useRouter: () => ({ push }) }))

const table = (name: string, primary_key: string[]): DatabaseTable => ({ schema: 'public', name, type: 'table', estimated_rows: 10, size_bytes: 8192, replica_identity: 'default', publications: [], readable: true, primary_key, columns: [], foreign_keys: [] })
const api = (more: Partial<ApiClient> = {}): Partial<ApiClient> => ({
  connections: async () => [connection({ id: 's', name: 'shop' }), connection({ id: 't', name: 'warehouse', connection_type: 'target' })],
  schemas: async () => [{ name: 'audit', tables: 9, usable: true }, { name: 'public', tables: 2, usable: true }],
  tables: async (_id, schema) => (schema === 'public' ? [table('orders', ['id']), table('notes', [])] : []),
  createPipeline: async () => pipeline({ status: 'NOT_STARTED' }),
  validatePipeline: async () => ({ valid: true, message: 'It can be started.', checks: [] }),
  commandPipeline: async () => ({ pipeline_id: P, status: 'STARTING', full_load: { status: 'NOT_STARTED' }, debezium_connector: null, sink_connector: null, job_id: null, message: '' }),
  ...more,
})

async function toChecks(page: ReturnType<typeof renderPage>) {
  await page.user.click(await screen.findByRole('radio', { name: /^shop/ }))
  await page.user.click(screen.getByRole('radio', { name: /^warehouse/ }))
  await page.user.click(screen.getByRole('button', { name: 'Next' }))
  await page.user.click(await screen.findByLabelText('Take orders'))
  await page.user.click(screen.getByRole('button', { name: 'Next' }))
  await waitFor(() => expect(screen.getByLabelText('Name')).toHaveValue('shop to warehouse'))
  await page.user.click(screen.getByRole('button', { name: 'Next' }))
}

it('keeps what was thought out, has it checked, and starts it', async () => {
  const made = vi.fn<ApiClient['createPipeline']>(async () => pipeline({ status: 'NOT_STARTED' }))
  const started = vi.fn<ApiClient['commandPipeline']>(api().commandPipeline!)
  const page = renderPage(<NewPipelinePage />, { api: api({ createPipeline: made, commandPipeline: started }) })
  await toChecks(page)
  expect(await screen.findByText('It can be started.')).toBeVisible()
  expect(made.mock.calls[0]![0]).toMatchObject({ name: 'shop to warehouse', engine: 'connect', mode: 'full_load_and_cdc', source_connection_id: 's', target_connection_id: 't', source_schema: 'public', source_tables: ['orders'] })
  expect(started).not.toHaveBeenCalled()
  await page.user.click(screen.getByRole('button', { name: 'Start' }))
  await waitFor(() => expect(push).toHaveBeenCalledWith(`/pipelines/view?id=${P}`))
  expect(started).toHaveBeenCalledWith(P, 'start')
})

it('starts nothing that failed a check, and changes the same pipeline afterwards', async () => {
  const made = vi.fn<ApiClient['createPipeline']>(async () => pipeline({ status: 'NOT_STARTED' }))
  const changed = vi.fn<ApiClient['updatePipeline']>(async () => pipeline())
  const validate = vi
    .fn<ApiClient['validatePipeline']>()
    .mockResolvedValueOnce({ valid: false, message: 'One thing is missing.', checks: [{ scope: 'source', check: 'wal_level', ok: false, detail: 'Set wal_level to logical.', duration_ms: 1 }] })
    .mockResolvedValue({ valid: true, message: 'It can be started.', checks: [] })
  const page = renderPage(<NewPipelinePage />, { api: api({ createPipeline: made, updatePipeline: changed, validatePipeline: validate }) })
  await toChecks(page)
  expect(await screen.findByText('Set wal_level to logical.')).toBeVisible()
  expect(screen.getByRole('button', { name: 'Start' })).toBeDisabled()
  await page.user.click(screen.getByRole('button', { name: 'Back' }))
  await page.user.click(await screen.findByRole('radio', { name: /^Changes/ }))
  await page.user.click(screen.getByRole('button', { name: 'Next' }))
  expect(await screen.findByText('It can be started.')).toBeVisible()
  expect(made).toHaveBeenCalledTimes(1)
  expect(changed.mock.calls[0]).toMatchObject([P, { mode: 'cdc_only' }])
})

it('says what is missing before it goes on', async () => {
  const page = renderPage(<NewPipelinePage />, { api: api() })
  await page.user.click(await screen.findByRole('radio', { name: /^shop/ }))
  await page.user.click(screen.getByRole('button', { name: 'Next' }))
  expect(await screen.findByText('Choose where they go')).toBeVisible()
})

it('over topics that are there needs no databases', async () => {
  const made = vi.fn<ApiClient['createPipeline']>(async () => pipeline({ status: 'NOT_STARTED' }))
  const page = renderPage(<NewPipelinePage />, { api: api({ createPipeline: made }) })
  await page.user.click(screen.getByRole('radio', { name: /^Topics that are there/ }))
  await page.user.type(screen.getByLabelText('Topics that begin with'), 'shop')
  await page.user.click(screen.getByRole('button', { name: 'Next' }))
  await page.user.type(await screen.findByLabelText('Name'), 'orders')
  await page.user.click(screen.getByRole('button', { name: 'Next' }))
  await waitFor(() => expect(screen.getByRole('button', { name: 'Start' })).toBeEnabled())
  expect(made).toHaveBeenCalledWith({ name: 'orders', description: '', tags: [], engine: 'external', mode: 'cdc_only', topic_prefix: 'shop', kafka_topics: [] })
})
