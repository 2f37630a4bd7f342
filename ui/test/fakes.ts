// What tests put in place of the network: an API whose answers are functions, a socket that says what
// it is told to, and events that look like the server's.
import { vi } from 'vitest'
import type { ApiClient } from '@/lib/api/client'
import type { Connection, Dashboard, LoggerStatus, Pipeline, ReplicationEvent, Tokens } from '@/lib/api/types'
import { SessionKeeper } from '@/lib/session'
import type { MillraceSocket } from '@/lib/websocket/events'

export const P = '0198a000-0000-7000-8000-000000000001'
export const OTHER = '0198a000-0000-7000-8000-000000000002'

/** The nth event of a pipeline. */
export const event = (n: number, more: Partial<ReplicationEvent> = {}): ReplicationEvent => ({
  id: `e${n}`,
  pipeline_id: P,
  seq: n,
  pipeline_seq: n,
  event_type: 'insert',
  started_at: new Date(n * 1000).toISOString(),
  schema_name: 'public',
  table_name: 'orders',
  key: { id: n },
  after: { id: n, note: `row ${n}` },
  before: null,
  latency_ms: 12,
  ...more,
})
/** Events from..to, newest first, as the API lists them. */
export const events = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => event(to - i))

export const pipeline = (more: Partial<Pipeline> = {}): Pipeline => ({
  id: P, pipeline_id: P, name: 'shop orders', description: '', mode: 'cdc_only', status: 'RUNNING', full_load_status: 'NOT_STARTED',
  cdc_status: 'RUNNING', engine: 'external', kafka_topics: [], topic_prefix: 'shop', stats: {}, tags: [],
  created_at: '2026-11-20T10:00:00.000000Z', updated_at: '2026-11-20T10:00:00.000000Z', ...more,
})
export const connection = (more: Partial<Connection> = {}): Connection => ({
  id: '1', name: 'shop', connection_type: 'source', database_type: 'postgresql', host: 'db.test', port: 5432, database: 'shop', username: 'reader',
  schema: null, has_password: true, ssl_mode: 'prefer', ssl_root_cert: null, options: {}, last_tested_at: null, last_test_status: null,
  last_test_error: null, created_by: 'ada', created_at: '2026-11-20T10:00:00.000000Z', updated_at: '2026-11-20T10:00:00.000000Z', ...more,
})
export const dashboard = (more: Partial<Dashboard> = {}): Dashboard => ({
  total_events: 100, insert_count: 60, update_count: 30, delete_count: 9, other_count: 1, failed_count: 0, success_rate: null,
  avg_latency_ms: 12.5, p95_latency_ms: 40, events_per_second: 20, snapshot_count: 0, tombstone_count: 9, skipped_count: 0,
  last_event_time: '2026-11-20T10:00:00.000000Z', active_pipelines: 1, pipelines: { RUNNING: 1 }, recent_errors: [], ...more,
})
export const logger = (more: Partial<LoggerStatus> = {}): LoggerStatus => ({
  status: 'running', running: true, group_id: 'g', assigned: [{ topic: 'shop.public.orders', partition: 0, next_offset: 7, lag_records: 0 }],
  lag_records: 0, events_per_second: 20, last_error: null, last_commit_at: '2026-11-20T10:00:00.000000Z', batches: 5, dead_letters: 0,
  uptime_seconds: 60, ...more,
})
export const tokens = (n = 1, expires_in = 900): Tokens => ({
  access_token: `a${n}`, token: `a${n}`, token_type: 'bearer', expires_in, refresh_token: `r${n}`, user: { id: 'u', username: 'ada', role: 'admin' },
})

export function fakeSession(signedIn = true) {
  const map = new Map<string, string>()
  const session = new SessionKeeper({
    storage: { getItem: (k) => map.get(k) ?? null, setItem: (k, v) => void map.set(k, v), removeItem: (k) => void map.delete(k) },
    exclusively: (work) => work(),
  })
  if (signedIn) session.keep(tokens())
  return session
}

export function fakeApi(over: Partial<ApiClient> = {}): ApiClient {
  const unexpected = (name: string) => async () => Promise.reject(new Error(`nobody expected ${name}`))
  return {
    login: unexpected('login'), logout: async () => {}, me: unexpected('me'),
    pipelines: async () => [pipeline()], pipeline: async () => pipeline(), createPipeline: unexpected('createPipeline'),
    updatePipeline: unexpected('updatePipeline'), deletePipeline: async () => {}, commandPipeline: unexpected('commandPipeline'),
    validatePipeline: unexpected('validatePipeline'), pipelineStatus: unexpected('pipelineStatus'), pipelineProgress: unexpected('pipelineProgress'),
    pipelineRuns: async () => [], pipelineLag: unexpected('pipelineLag'), pipelineGrants: unexpected('pipelineGrants'), grantPipeline: unexpected('grantPipeline'),
    connections: async () => [], createConnection: unexpected('createConnection'), updateConnection: unexpected('updateConnection'),
    deleteConnection: async () => {}, testConnection: unexpected('testConnection'), testNewConnection: unexpected('testNewConnection'),
    analytics: async () => ({ from: '2026-11-20T10:00:00.000000Z', to: '2026-11-20T10:02:00.000000Z', step_seconds: 60, points: [], pipelines: [], tables: [], errors: [] }),
    topKeys: async () => ({ from: '', to: '', keys: [], looked_at: 0 }),
    schemas: async () => [], tables: async () => [], activity: async () => [], deadLetters: async () => ({ items: [], next: null }), deadLetter: unexpected('deadLetter'),
    retryDeadLetter: unexpected('retryDeadLetter'), discardDeadLetter: unexpected('discardDeadLetter'), sweepDeadLetters: unexpected('sweepDeadLetters'), restartLogger: unexpected('restartLogger'),
    health: unexpected('health'),
    users: async () => [], createUser: unexpected('createUser'), updateUser: unexpected('updateUser'), deleteUser: async () => {},
    changePassword: unexpected('changePassword'), apiKeys: async () => [], createApiKey: unexpected('createApiKey'), deleteApiKey: async () => {},
    audit: async () => ({ items: [], next: null }), verifyAudit: unexpected('verifyAudit'),
    events: async () => ({ events: [], next: null }), eventsFile: async () => new Blob([]), dashboard: async () => dashboard(), loggerStatus: async () => logger(),
    statsHistory: async () => [], messages: async () => [], simulate: unexpected('simulate'),
    busStatus: unexpected('busStatus'), publish: unexpected('publish'), liveConnections: async () => [], closeConnection: async () => {},
    ...over,
  }
}

interface Emitted {
  event: string
  args: unknown[]
  ack?: (late: Error | null, answer?: unknown) => void
}

/** As much of a socket as the middleware uses; `say` is the server. */
export class FakeSocket {
  connected = false
  active = true
  emitted: Emitted[] = []
  disconnect = vi.fn(() => {
    this.connected = false
    return this
  })
  connect = vi.fn(() => this)
  auth?: (give: (auth: { token?: string }) => void) => void
  private readonly handlers = new Map<string, (...args: unknown[]) => void>()

  on(event: string, handler: (...args: never[]) => void) {
    this.handlers.set(event, handler as (...args: unknown[]) => void)
    return this
  }
  timeout() {
    return this
  }
  emit(event: string, ...args: unknown[]) {
    const ack = typeof args[args.length - 1] === 'function' ? (args.pop() as Emitted['ack']) : undefined
    this.emitted.push({ event, args, ack })
    return this
  }

  say(event: string, ...args: unknown[]) {
    this.handlers.get(event)?.(...args)
  }
  up() {
    this.connected = true
    this.active = true
    this.say('connect')
  }
  down(reason: string) {
    this.connected = false
    this.active = reason !== 'io server disconnect'
    this.say('disconnect', reason)
  }
  refuse(message: string, code?: string) {
    this.active = false
    this.say('connect_error', Object.assign(new Error(message), { data: { code } }))
  }
  credentials(): Promise<{ token?: string }> {
    return new Promise((resolve) => this.auth!(resolve))
  }
  /** What was asked with this event so far. */
  asked(event: string) {
    return this.emitted.filter((e) => e.event === event)
  }
  asSocket() {
    return this as unknown as MillraceSocket
  }
}
