// The one HTTP client. It adds the token, renews it silently once when the server says 401, tries
// a GET again with backoff when the network or a dependency hiccups, and turns every failure into an
// ApiError whose sentence can be shown. Callers pass an AbortSignal; an aborted call is an ApiError
// of kind "aborted", which nobody shows.
import axios, { AxiosError, type AxiosInstance, type AxiosRequestConfig } from 'axios'
import { parseExact } from '@/lib/json'
import { SessionOver, type SessionKeeper } from '@/lib/session'
import type {
  BusStatus,
  Connection,
  Dashboard,
  LiveConnection,
  LoggerStatus,
  Message,
  NewConnection,
  NewPipeline,
  Pipeline,
  Problem,
  ReplicationEvent,
  Stats,
  Tokens,
  User,
} from './types'

export type ErrorKind = 'http' | 'network' | 'timeout' | 'aborted' | 'session'

export class ApiError extends Error {
  override name = 'ApiError'
  constructor(
    message: string,
    readonly kind: ErrorKind,
    readonly status: number | null = null,
    readonly problem: Problem | null = null,
    readonly retryAfterMs: number | null = null,
  ) {
    super(message)
  }
  get isNotFound() {
    return this.status === 404
  }
  get isUnauthorized() {
    return this.status === 401 || this.kind === 'session'
  }
  /** 500 and above: it is not the request's fault. */
  get isServerError() {
    return this.status !== null && this.status >= 500
  }
  /** Nothing was heard from the API itself. */
  get isAway() {
    return this.kind === 'network' || this.kind === 'timeout'
  }
}

export interface ApiOptions {
  baseURL: string
  session: SessionKeeper
  retries?: number // of a GET
  backoffMs?: number
  timeoutMs?: number
  wait?: (ms: number, signal?: AbortSignal) => Promise<void>
  adapter?: AxiosRequestConfig['adapter']
}

export interface Call {
  signal?: AbortSignal
  retries?: number
}
export interface EventQuery {
  pipeline_id: string
  limit?: number
  after_seq?: number
  cursor?: string
}
export interface EventPage {
  events: ReplicationEvent[]
  next: string | null // cursor of the page before these events
}

const RETRY_AFTER_MS_MAX = 10_000
const TRANSIENT = new Set([429, 502, 503, 504])

export type ApiClient = ReturnType<typeof createApiClient>

export function createApiClient(options: ApiOptions) {
  const { session, retries = 2, backoffMs = 300, wait = pause } = options
  const http: AxiosInstance = axios.create({
    baseURL: options.baseURL,
    timeout: options.timeoutMs ?? 15_000,
    adapter: options.adapter,
    headers: { Accept: 'application/json' },
    responseType: 'text',
    transformResponse: (text: unknown) => text,
  })

  async function send(config: AxiosRequestConfig, token: string | null) {
    try {
      const headers = token ? { ...config.headers, Authorization: `Bearer ${token}` } : config.headers
      const res = await http.request<string>({ ...config, headers })
      return { data: body(res.data, res.headers['content-type']), headers: res.headers }
    } catch (e) {
      throw asApiError(e)
    }
  }

  /** With the token, and once more with a new one if the server did not like it. */
  async function authorised(config: AxiosRequestConfig) {
    const token = await ask(() => session.token())
    try {
      return await send(config, token)
    } catch (e) {
      if (!token || !(e instanceof ApiError) || e.status !== 401) throw e
      return await send(config, await ask(() => session.renew(token)))
    }
  }

  async function request(config: AxiosRequestConfig, call: Call = {}) {
    const tries = config.method === undefined || config.method === 'GET' ? (call.retries ?? retries) : 0
    for (let n = 0; ; n++) {
      try {
        return await authorised({ ...config, signal: call.signal })
      } catch (e) {
        if (!(e instanceof ApiError) || n >= tries) throw e
        if (!e.isAway && !TRANSIENT.has(e.status ?? 0)) throw e
        const backoff = backoffMs * 2 ** n * (0.75 + Math.random() / 2)
        await wait(Math.min(RETRY_AFTER_MS_MAX, e.retryAfterMs ?? backoff), call.signal)
      }
    }
  }

  const get = async <T>(url: string, params?: object, call?: Call) => (await request({ url, params }, call)).data as T
  const sent = async <T>(method: string, url: string, data?: unknown, call?: Call) =>
    (await request({ method, url, data }, call)).data as T

  // Renewing goes around `request`: it has its own token, and must not wait for itself.
  session.exchange = async (refreshToken) => {
    try {
      const res = await send({ method: 'POST', url: '/auth/refresh', data: { refresh_token: refreshToken } }, null)
      return res.data as Tokens
    } catch (e) {
      if (e instanceof ApiError && (e.status === 401 || e.status === 403 || e.status === 422))
        throw new SessionOver('Your session has ended; sign in again.')
      throw e
    }
  }

  return {
    login: async (username: string, password: string, call?: Call) =>
      (await send({ method: 'POST', url: '/auth/login', data: { username, password }, signal: call?.signal }, null)).data as Tokens,
    logout: (refreshToken: string) => sent<void>('POST', '/auth/logout', { refresh_token: refreshToken }),
    me: (call?: Call) => get<User>('/auth/me', undefined, call),

    pipelines: (call?: Call) => get<Pipeline[]>('/api/v1/pipelines', { limit: 1000 }, call),
    createPipeline: (pipeline: NewPipeline) => sent<Pipeline>('POST', '/api/v1/pipelines', pipeline),
    deletePipeline: (id: string) => sent<void>('DELETE', `/api/v1/pipelines/${encodeURIComponent(id)}`),

    connections: (call?: Call) => get<Connection[]>('/api/v1/connections', { limit: 1000 }, call),
    createConnection: (connection: NewConnection) => sent<Connection>('POST', '/api/v1/connections', connection),
    deleteConnection: (id: string) => sent<void>('DELETE', `/api/v1/connections/${encodeURIComponent(id)}`),

    events: async (query: EventQuery, call?: Call): Promise<EventPage> => {
      const res = await request({ url: '/api/v1/monitoring/events', params: query }, call)
      return { events: res.data as ReplicationEvent[], next: nextCursor(res.headers.link as string | undefined) }
    },
    dashboard: (pipelineId: string, call?: Call) =>
      get<Dashboard>('/api/v1/monitoring/dashboard', { pipeline_id: pipelineId }, call),
    statsHistory: (points: number, call?: Call) => get<Stats[]>('/stats/history', { points }, call),
    messages: (limit: number, call?: Call) => get<Message[]>('/messages', { limit }, call),
    simulate: (burst: { count: number; duration_seconds: number; template?: string }) =>
      sent<{ messages_count: number; message: string }>('POST', '/simulate', burst),

    busStatus: (call?: Call) => get<BusStatus>('/api/v1/bus/status', undefined, call),
    publish: (stream: string, data: unknown) => sent<{ id: string }>('POST', `/api/v1/bus/${encodeURIComponent(stream)}`, data),
    liveConnections: async (call?: Call) => (await get<{ items: LiveConnection[] }>('/api/v1/realtime/connections', undefined, call)).items,
    closeConnection: (sid: string) => sent<void>('DELETE', `/api/v1/realtime/connections/${encodeURIComponent(sid)}`),

    loggerStatus: (call?: Call) => get<LoggerStatus>('/api/v1/monitoring/event-logger-status', undefined, call),
  }
}

/** The cursor in `<…?cursor=…>; rel="next"`. */
export function nextCursor(link: string | undefined): string | null {
  const target = link?.split(/,(?=\s*<)/).find((l) => /;\s*rel="?next"?/i.test(l))
  const url = target && /<([^>]*)>/.exec(target)?.[1]
  return url ? new URL(url, 'http://any.invalid').searchParams.get('cursor') : null
}

function body(text: string, type: unknown): unknown {
  if (!text) return null
  return /json/.test(String(type)) ? parseExact(text) : text
}

async function ask<T>(token: () => Promise<T>): Promise<T> {
  try {
    return await token()
  } catch (e) {
    throw e instanceof SessionOver ? new ApiError(e.message || 'Sign in again.', 'session', 401) : e
  }
}

function asApiError(e: unknown): ApiError {
  if (e instanceof ApiError) return e
  if (!(e instanceof AxiosError)) return new ApiError(e instanceof Error ? e.message : String(e), 'network')
  if (e.code === AxiosError.ERR_CANCELED) return new ApiError('The request was given up.', 'aborted')
  if (!e.response) {
    const late = e.code === AxiosError.ECONNABORTED || e.code === AxiosError.ETIMEDOUT
    return late
      ? new ApiError('The API did not answer in time.', 'timeout')
      : new ApiError('The API cannot be reached.', 'network')
  }
  const { status, headers } = e.response
  const problem = asProblem(e.response.data, headers['content-type'])
  return new ApiError(sentence(problem, status), 'http', status, problem, retryAfter(headers['retry-after']))
}

function asProblem(text: unknown, type: unknown): Problem | null {
  if (typeof text !== 'string' || !/json/.test(String(type))) return null
  try {
    const p = JSON.parse(text) as Problem | null
    return p && typeof p.detail === 'string' ? p : null
  } catch {
    return null
  }
}

function sentence(problem: Problem | null, status: number): string {
  if (!problem) return `The API answered ${status}.`
  const fields = problem.errors?.map((f) => `${f.field} ${f.message}`).join('; ')
  return fields ? `${problem.detail} (${fields})` : problem.detail
}

function retryAfter(value: unknown): number | null {
  const seconds = Number(value)
  return value != null && Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const given = () => {
      clearTimeout(timer)
      reject(new ApiError('The request was given up.', 'aborted'))
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', given)
      resolve()
    }, ms)
    if (signal?.aborted) given()
    else signal?.addEventListener('abort', given, { once: true })
  })
}
