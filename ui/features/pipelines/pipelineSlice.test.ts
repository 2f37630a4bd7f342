import { describe, expect, it, vi } from 'vitest'
import { ApiError } from '@/lib/api/client'
import { makeStore } from '@/lib/store'
import type { PipelineStatusEvent } from '@/lib/websocket/events'
import { fakeApi, fakeSession, OTHER, P, pipeline } from '@/test/fakes'
import { createPipeline, deletePipeline, fetchPipelines, pipelineStatusChanged } from './pipelineSlice'
import { byUrgency } from './PipelinePicker'

const store = (api = {}) => makeStore({ api: fakeApi(api), session: fakeSession() })
const names = (s: ReturnType<typeof store>) => s.getState().pipelines.pipelines.map((p) => p.name)
const status = (more: Partial<PipelineStatusEvent> = {}): PipelineStatusEvent => ({
  pipeline_id: P, status: 'PAUSED', previous_status: 'RUNNING', deleted: false, error_message: null, timestamp: '', ...more,
})

describe('the list', () => {
  it('is loading the first time only', async () => {
    const s = store()
    const first = s.dispatch(fetchPipelines())
    expect(s.getState().pipelines.isLoading).toBe(true)
    await first
    void s.dispatch(fetchPipelines())
    expect(s.getState().pipelines).toMatchObject({ isLoading: false, loaded: true })
  })

  it('stays when it cannot be read again', async () => {
    const read = vi.fn(async () => [pipeline()])
    const s = store({ pipelines: read })
    await s.dispatch(fetchPipelines())
    read.mockRejectedValueOnce(new ApiError('PostgreSQL is away', 'http', 503))
    await s.dispatch(fetchPipelines())
    expect(names(s)).toEqual(['shop orders'])
    expect(s.getState().pipelines.error).toMatchObject({ message: 'PostgreSQL is away', status: 503 })
  })

  it('follows what is created and deleted', async () => {
    const s = store({ createPipeline: async () => pipeline({ id: OTHER, name: 'new one' }) })
    await s.dispatch(fetchPipelines())
    await s.dispatch(createPipeline({ name: 'new one' }))
    expect(names(s)).toEqual(['new one', 'shop orders'])
    await s.dispatch(deletePipeline({ id: P }))
    expect(names(s)).toEqual(['new one'])
  })
})

it('the rate is what the counters grew by', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: 10_000 })
  const read = vi.fn(async () => [pipeline({ stats: { total_events: 100 } })])
  const s = store({ pipelines: read })
  await s.dispatch(fetchPipelines())
  expect(s.getState().pipelines.rates).toEqual({})
  vi.setSystemTime(15_000)
  read.mockResolvedValueOnce([pipeline({ stats: { total_events: 150 } }), pipeline({ id: OTHER, stats: { total_events: 9 } })])
  await s.dispatch(fetchPipelines())
  expect(s.getState().pipelines.rates).toEqual({ [P]: 10 })
  vi.useRealTimers()
})

describe('a change of state', () => {
  it('is shown', async () => {
    const s = store()
    await s.dispatch(fetchPipelines())
    s.dispatch(pipelineStatusChanged(status({ status: 'ERROR', error_message: 'the slot is gone' })))
    expect(s.getState().pipelines.pipelines[0]).toMatchObject({ status: 'ERROR', error_message: 'the slot is gone' })
  })
  it('to deleted removes it, and of an unknown one is nothing', async () => {
    const s = store()
    await s.dispatch(fetchPipelines())
    s.dispatch(pipelineStatusChanged(status({ pipeline_id: OTHER })))
    expect(names(s)).toEqual(['shop orders'])
    s.dispatch(pipelineStatusChanged(status({ deleted: true })))
    expect(names(s)).toEqual([])
  })
})

it('those that need somebody come first', () =>
  expect(byUrgency([pipeline({ name: 'b' }), pipeline({ name: 'c', status: 'ERROR' }), pipeline({ name: 'a' }), pipeline({ name: 'd', status: 'STOPPED' })]).map((p) => p.name)).toEqual(['c', 'a', 'b', 'd']))
