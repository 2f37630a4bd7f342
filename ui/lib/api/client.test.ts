import { AxiosError, type AxiosResponse, type InternalAxiosRequestConfig } from 'axios'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { SessionKeeper } from '@/lib/session'
import { ApiError, createApiClient, nextCursor } from './client'

type Reply = { status: number; body?: unknown; headers?: Record<string, string> } | 'network' | 'timeout'

const tokens = (n: number) => ({
  access_token: `a${n}`, token: `a${n}`, token_type: 'bearer' as const, expires_in: 900, refresh_token: `r${n}`,
  user: { id: 'u', username: 'ada', role: 'admin' as const },
})
const problem = (status: number, detail: string, more = {}) => ({
  status, body: { type: 'about:blank', title: 'x', status, detail, instance: '/', ...more }, headers: { 'content-type': 'application/problem+json' },
})

let session: SessionKeeper
let seen: InternalAxiosRequestConfig[]
const waits: number[] = []

/** A client whose server gives these replies, one a request. */
function client(...replies: Reply[]) {
  seen = []
  waits.length = 0
  const map = new Map<string, string>()
  session = new SessionKeeper({
    storage: { getItem: (k) => map.get(k) ?? null, setItem: (k, v) => void map.set(k, v), removeItem: (k) => void map.delete(k) },
    exclusively: (work) => work(),
  })
  const api = createApiClient({
    baseURL: 'http://api.test',
    session,
    wait: async (ms, signal) => {
      waits.push(ms)
      if (signal?.aborted) throw new ApiError('given up', 'aborted')
    },
    adapter: async (config): Promise<AxiosResponse> => {
      seen.push(config)
      const reply = replies.shift()
      if (reply === undefined) throw new Error('one request too many')
      if (reply === 'network') throw new AxiosError('Network Error', AxiosError.ERR_NETWORK, config)
      if (reply === 'timeout') throw new AxiosError('timeout', AxiosError.ECONNABORTED, config)
      const headers = { 'content-type': 'application/json', ...reply.headers }
      const data = typeof reply.body === 'string' ? reply.body : reply.body === undefined ? '' : JSON.stringify(reply.body)
      const res = { status: reply.status, statusText: '', headers, config, data } as AxiosResponse
      if (reply.status >= 400) throw new AxiosError('bad', undefined, config, null, res)
      return res
    },
  })
  session.keep(tokens(1))
  return api
}
const failure = (p: Promise<unknown>) => p.then(() => { throw new Error('it did not fail') }, (e: ApiError) => e)
const sent = () => seen.map((c) => `${c.method?.toUpperCase() ?? 'GET'} ${c.url} ${String(c.headers?.Authorization ?? '-')}`)

beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(0.5))

describe('tokens', () => {
  it('go with every request', async () => {
    await client({ status: 200, body: [] }).pipelines()
    expect(sent()).toEqual(['GET /api/v1/pipelines Bearer a1'])
  })

  it('are renewed silently on 401, and the request is made once more', async () => {
    const api = client(problem(401, 'expired'), { status: 200, body: tokens(2) }, { status: 200, body: [] })
    expect(await api.pipelines()).toEqual([])
    expect(sent()).toEqual(['GET /api/v1/pipelines Bearer a1', 'POST /auth/refresh -', 'GET /api/v1/pipelines Bearer a2'])
  })

  it('are renewed once: a second 401 is the answer', async () => {
    const e = await failure(client(problem(401, 'no'), { status: 200, body: tokens(2) }, problem(401, 'still no')).pipelines())
    expect(e.isUnauthorized).toBe(true)
    expect(seen).toHaveLength(3)
  })

  it('that cannot be renewed end the session', async () => {
    const e = await failure(client(problem(401, 'expired'), problem(401, 'reused')).pipelines())
    expect(e.kind).toBe('session')
    expect(session.current()).toBeNull()
  })

  it('are kept when the server is away while they are renewed', async () => {
    const e = await failure(client(problem(401, 'expired'), 'network').loggerStatus({ retries: 0 }))
    expect(e.isAway).toBe(true)
    expect(session.current()?.refreshToken).toBe('r1')
  })

  it('are not asked for when signing in fails: a wrong password is no expired session', async () => {
    const e = await failure(client(problem(401, 'The user name or the password is wrong.')).login('ada', 'x'))
    expect(e.message).toBe('The user name or the password is wrong.')
    expect(sent()).toEqual(['POST /auth/login -'])
  })
})

describe('failures', () => {
  it('carry the sentence of the problem, with the fields at fault', async () => {
    const e = await failure(client(problem(422, 'A value is not acceptable.', { errors: [{ field: 'limit', message: 'is too large' }] })).pipelines())
    expect(e).toMatchObject({ status: 422, kind: 'http', message: 'A value is not acceptable. (limit is too large)' })
  })

  it('tell a missing thing from a broken server', async () => {
    const missing = await failure(client(problem(404, 'Pipeline not found')).dashboard('x'))
    expect([missing.isNotFound, missing.isServerError]).toEqual([true, false])
    const broken = await failure(client(problem(500, 'Something went wrong here')).dashboard('x'))
    expect([broken.isNotFound, broken.isServerError]).toEqual([false, true])
  })

  it('are readable when a proxy answers with a page', async () => {
    const e = await failure(client({ status: 500, body: '<h1>oops</h1>', headers: { 'content-type': 'text/html' } }).pipelines())
    expect(e.message).toBe('The API answered 500.')
  })
})

describe('trying again', () => {
  it('GETs what the network lost, later each time', async () => {
    expect(await client('network', problem(503, 'PostgreSQL is away'), { status: 200, body: [] }).pipelines()).toEqual([])
    expect(waits).toEqual([300, 600])
  })

  it('waits as long as the server asks for, within reason', async () => {
    await client({ ...problem(429, 'slow down'), headers: { 'retry-after': '2', 'content-type': 'application/problem+json' } }, { status: 200, body: [] }).pipelines()
    expect(waits).toEqual([2000])
    await client({ ...problem(503, 'x'), headers: { 'retry-after': '9999' } }, { status: 200, body: [] }).pipelines()
    expect(waits).toEqual([10_000])
  })

  it('ends, with the last failure', async () => {
    const e = await failure(client('timeout', 'timeout', 'timeout').pipelines())
    expect(e).toMatchObject({ kind: 'timeout', message: 'The API did not answer in time.' })
    expect(seen).toHaveLength(3)
  })

  it('is not done for a POST, which may have had its effect', async () => {
    expect((await failure(client('network').createPipeline({ name: 'x' }))).isAway).toBe(true)
    expect(seen).toHaveLength(1)
  })

  it('is not done for what will not change', async () => {
    await failure(client(problem(404, 'Pipeline not found')).dashboard('x'))
    expect(seen).toHaveLength(1)
  })

  it('stops when the caller goes', async () => {
    const gone = new AbortController()
    const api = client('network')
    const waiting = failure(api.pipelines({ signal: gone.signal }))
    gone.abort()
    expect((await waiting).kind).toBe('aborted')
  })
})

describe('events', () => {
  it('come with exact numbers and the next cursor', async () => {
    const api = client({ status: 200, body: '[{"id":"e","after":{"id":9007199254740993}}]', headers: { link: '</api/v1/monitoring/events?limit=1&cursor=abc%3D>; rel="next"' } })
    expect(await api.events({ pipeline_id: 'p', after_seq: 7 })).toEqual({ events: [{ id: 'e', after: { id: { $number: '9007199254740993' } } }], next: 'abc=' })
    expect(seen[0]?.params).toEqual({ pipeline_id: 'p', after_seq: 7 })
  })

  it('have no next cursor on the last page', () => {
    expect(nextCursor(undefined)).toBeNull()
    expect(nextCursor('</x?cursor=1>; rel="prev"')).toBeNull()
    expect(nextCursor('</x?cursor=1>; rel="prev", </x?cursor=2>; rel=next')).toBe('2')
  })
})
