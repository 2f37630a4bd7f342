// The one HTTP client. It adds the token, renews it silently once when the server says 401, tries
// a GET again with backoff when the network or a dependency hiccups, and turns every failure into an
// ApiError whose sentence can be shown. Callers pass an AbortSignal; an aborted call is an ApiError
// of kind "aborted", which nobody shows.
import axios, { AxiosError, type AxiosInstance, type AxiosRequestConfig } from 'axios'
import { parseExact } from '@/lib/json'
import { SessionOver, type SessionKeeper } from '@/lib/session'
import type {
  Activity,
  Analytics,
  ApiKey,
  AuditCheck,
  AuditEntry,
  BusStatus,
  CommandResult,
  Connection,
  ConnectionTest,
  Dashboard,
  DatabaseSchema,
  DatabaseTable,
  DeadLetter,
  Grant,
  Health,
  LiveConnection,
  LoadProgress,
  LoggerStatus,
  LsnLatency,
  Message,
  NewApiKey,
  NewConnection,
  NewPipeline,
  NewUser,
  Permissions,
  Pipeline,
  PipelineChange,
  PipelineCommand,
  PipelineEvidence,
  PipelineJob,
  Preflight,
  Problem,
  ReplicationEvent,
  Stats,
  Sweep,
  Tokens,
  TopKeys,
  User,
  UserChange,
  UserRecord,
  WholeLetter,
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
  timeoutMs?: number // instead of the usual one
}
export interface EventQuery {
  pipeline_id?: string
  limit?: number
  after_seq?: number
  cursor?: string
}
export interface EventFileQuery {
  pipeline_id?: string
  event_type?: string // kinds, with commas
  schema?: string
  table?: string
  from?: string
  to?: string
  q?: string
}
/** One page of a list, and where the next one begins. */
export interface Page<T> {
  items: T[]
  next: string | null
}
export interface RangeQuery {
  pipeline_id?: string
  from?: string // RFC 3339; none: an hour before `to`
  to?: string // none: now
}
export interface AuditQuery {
  actor?: string
  action?: string
  resource_type?: string
  resource_id?: string
  limit?: number
  cursor?: string
}
export interface EventPage {
  events: ReplicationEvent[]
  next: string | null // cursor of the page before these events
}

/** Both databases are asked one thing after the other, each within the server's own bounds. */
const PROBE_MS = 90_000
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
        const timeout = call.timeoutMs === undefined ? {} : { timeout: call.timeoutMs }
        return await authorised({ ...config, ...timeout, signal: call.signal })
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

  const page = async <T>(url: string, params: object, call?: Call): Promise<Page<T>> => {
    const res = await request({ url, params }, call)
    return { items: res.data as T[], next: nextCursor(res.headers.link as string | undefined) }
  }
  const of = (path: string) => (id: string, rest = '') => `/api/v1/${path}/${encodeURIComponent(id)}${rest}`
  const pipelineUrl = of('pipelines')
  const connectionUrl = of('connections')
  const userUrl = of('users')
  const letterUrl = of('monitoring/dead-letters')

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
    pipeline: (id: string, call?: Call) => get<Pipeline>(pipelineUrl(id), undefined, call),
    createPipeline: (pipeline: NewPipeline) => sent<Pipeline>('POST', '/api/v1/pipelines', pipeline),
    updatePipeline: (id: string, change: PipelineChange) => sent<Pipeline>('PATCH', pipelineUrl(id), change),
    deletePipeline: async (id: string, options: { force?: boolean; drop_topics?: boolean } = {}) => {
      await request({ method: 'DELETE', url: pipelineUrl(id), params: options })
    },
    commandPipeline: (id: string, command: PipelineCommand) => sent<CommandResult>('POST', pipelineUrl(id, `/${command}`)),
    validatePipeline: (id: string, call?: Call) => sent<Preflight>('POST', pipelineUrl(id, '/validate'), undefined, { timeoutMs: PROBE_MS, ...call }),
    pipelineStatus: (id: string, call?: Call) => get<PipelineEvidence>(pipelineUrl(id, '/status'), undefined, call),
    pipelineProgress: (id: string, call?: Call) => get<LoadProgress>(pipelineUrl(id, '/progress'), undefined, call),
    pipelineRuns: (id: string, call?: Call) => get<PipelineJob[]>(pipelineUrl(id, '/runs'), undefined, call),
    pipelineLag: (id: string, call?: Call) => get<LsnLatency>(`/api/v1/monitoring/pipelines/${encodeURIComponent(id)}/lsn-latency`, undefined, call),
    pipelineGrants: (id: string, call?: Call) => get<Permissions>(pipelineUrl(id, '/permissions'), undefined, call),
    grantPipeline: (id: string, grants: Grant[]) => sent<Permissions>('PUT', pipelineUrl(id, '/permissions'), { grants }),

    connections: (call?: Call) => get<Connection[]>('/api/v1/connections', { limit: 1000 }, call),
    createConnection: (connection: NewConnection) => sent<Connection>('POST', '/api/v1/connections', connection),
    updateConnection: (id: string, change: Partial<NewConnection>) => sent<Connection>('PATCH', connectionUrl(id), change),
    deleteConnection: (id: string) => sent<void>('DELETE', connectionUrl(id)),
    testConnection: (id: string, call?: Call) => sent<ConnectionTest>('POST', connectionUrl(id, '/test'), undefined, { timeoutMs: PROBE_MS, ...call }),
    testNewConnection: (connection: NewConnection, call?: Call) =>
      sent<ConnectionTest>('POST', '/api/v1/connections/test', connection, { timeoutMs: PROBE_MS, ...call }),
    schemas: (id: string, call?: Call) => get<DatabaseSchema[]>(connectionUrl(id, '/schemas'), undefined, call),
    tables: (id: string, schema: string, call?: Call) => get<DatabaseTable[]>(connectionUrl(id, '/tables'), { schema, limit: 1000 }, call),

    events: async (query: EventQuery, call?: Call): Promise<EventPage> => {
      const res = await request({ url: '/api/v1/monitoring/events', params: query }, call)
      return { events: res.data as ReplicationEvent[], next: nextCursor(res.headers.link as string | undefined) }
    },
    /** All of the log that the query lets pass, however much that is. */
    eventsFile: async (query: EventFileQuery, form: 'csv' | 'ndjson', call?: Call): Promise<Blob> => {
      const headers = { Accept: form === 'csv' ? 'text/csv' : 'application/x-ndjson' }
      return (await request({ url: '/api/v1/monitoring/events', params: query, headers, responseType: 'blob', timeout: 0 }, call)).data as Blob
    },
    /** Of one pipeline; null: of all. */
    dashboard: (pipelineId: string | null, call?: Call) => get<Dashboard>('/api/v1/monitoring/dashboard', { pipeline_id: pipelineId ?? undefined }, call),
    analytics: (query: RangeQuery, call?: Call) => get<Analytics>('/api/v1/monitoring/analytics', query, call),
    topKeys: (query: RangeQuery, call?: Call) => get<TopKeys>('/api/v1/monitoring/top-keys', query, call),
    activity: (limit: number, call?: Call) => get<Activity[]>('/api/v1/activity/recent', { limit }, call),
    deadLetters: (query: { pipeline_id?: string; limit: number; cursor?: string }, call?: Call) => page<DeadLetter>('/api/v1/monitoring/dead-letters', query, call),
    deadLetter: (id: string, call?: Call) => get<WholeLetter>(letterUrl(id), undefined, call),
    retryDeadLetter: (id: string) => sent<void>('POST', letterUrl(id, '/retry')),
    discardDeadLetter: (id: string) => sent<void>('DELETE', letterUrl(id)),
    /** A hundred at a time: `next` goes on. */
    sweepDeadLetters: async (what: 'retry' | 'discard', query: { pipeline_id: string; after?: string }) =>
      (await request({ method: 'POST', url: `/api/v1/monitoring/dead-letters/${what}`, params: query, timeout: PROBE_MS })).data as Sweep,
    restartLogger: () => sent<LoggerStatus>('POST', '/api/v1/monitoring/event-logger/restart', undefined, { timeoutMs: PROBE_MS }),
    /** Answered with the same body whether all is well or not; 503 is an answer here. */
    health: async (call?: Call) => (await request({ url: '/health', validateStatus: (s) => s === 200 || s === 503 }, call)).data as Health,

    users: (call?: Call) => get<UserRecord[]>('/api/v1/users', undefined, call),
    createUser: (user: NewUser) => sent<UserRecord>('POST', '/api/v1/users', user),
    updateUser: (id: string, change: UserChange) => sent<UserRecord>('PATCH', userUrl(id), change),
    deleteUser: (id: string) => sent<void>('DELETE', userUrl(id)),
    changePassword: (current_password: string, new_password: string) => sent<void>('POST', '/auth/password', { current_password, new_password }),
    apiKeys: (call?: Call) => get<ApiKey[]>('/api/v1/api-keys', undefined, call),
    createApiKey: (key: NewApiKey) => sent<ApiKey & { key: string }>('POST', '/api/v1/api-keys', key),
    deleteApiKey: (id: string) => sent<void>('DELETE', `/api/v1/api-keys/${encodeURIComponent(id)}`),
    audit: (query: AuditQuery, call?: Call) => page<AuditEntry>('/api/v1/audit', query, call),
    verifyAudit: (call?: Call) => get<AuditCheck>('/api/v1/audit/verify', undefined, { timeoutMs: PROBE_MS, ...call }),

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

function body(text: string | Blob, type: unknown): unknown {
  if (!text || typeof text !== 'string') return text || null
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
