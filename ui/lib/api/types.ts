// The API's shapes as the dashboard reads them. They come from the contract; what is added here is
// what the contract leaves open on purpose: the rows of other people's tables.
import type { Json } from '@/lib/json'
import type { components } from './schema.gen'

type Schemas = components['schemas']

export type Problem = Schemas['Problem']
export type User = Schemas['User']
export type Tokens = Schemas['Tokens']
export type Pipeline = Schemas['Pipeline']
export type PipelineStatus = Schemas['PipelineStatus']
export type NewPipeline = Schemas['NewPipeline']
export type LoggerStatus = Schemas['LoggerStatus']
export type Dashboard = Schemas['Dashboard']
export type EventKind = Schemas['EventType']
export type Stats = Schemas['Stats']

/** A message that came in (GET /messages). */
export interface Message {
  id: number
  user_id: number
  channel_id: number
  content: string
  created_at: string
  inserted_at: string
}
export interface BusStatus {
  connected: boolean
  streams: { name: string; key: string; last_id: string | null; messages: number }[]
  sockets: number
  sent: number
  waiting: number
  coalesced: number
}
export interface LiveConnection {
  sid: string
  transport: string
  path: string
  address: string
  user: string | null
  connected_at: string
  queued_bytes: number
  rooms: string[]
}

export const EVENT_KINDS = ['insert', 'update', 'delete', 'truncate', 'message', 'other'] as const satisfies readonly EventKind[]

export interface EventSource {
  connector?: string | null
  db?: string | null
  schema?: string | null
  table?: string | null
  lsn?: Json
  position?: Json
  tx_id?: Json
  ts_ms?: number | null
  snapshot?: string | boolean | null
}

/** One change, as the room, a replay and GET /monitoring/events all give it. */
export interface ReplicationEvent {
  id: string
  pipeline_id: string
  seq: number
  pipeline_seq: number
  event_type: EventKind
  status?: string
  started_at?: string // when it was logged
  schema_name?: string | null
  table_name?: string | null
  source_lsn?: Json
  latency_ms?: number | null
  occurred_at?: string | null // when the source committed it
  op?: string | null
  source?: EventSource | null
  key?: Json
  before?: Json
  after?: Json
  topic?: string
  partition?: number
  offset?: number
  unavailable_columns?: string[]
}

/** The counts that pipeline_stats brings once a second, and the rest of the dashboard in between. */
export type Counts = Pick<
  Dashboard,
  | 'total_events'
  | 'insert_count'
  | 'update_count'
  | 'delete_count'
  | 'other_count'
  | 'failed_count'
  | 'snapshot_count'
  | 'avg_latency_ms'
  | 'events_per_second'
  | 'last_event_time'
>
export type Metrics = Counts & Partial<Dashboard>

/** Databases that pipelines read from and write to (GET /api/v1/connections). */
export interface Connection {
  id: string
  name: string
  connection_type: 'source' | 'target'
  database_type: string
  host: string
  port: number
  database: string
  username: string
  schema: string | null
  has_password: boolean
  last_tested_at: string | null
  last_test_status: string | null
  last_test_error: string | null
}
export type NewConnection = Pick<Connection, 'name' | 'connection_type' | 'database_type' | 'host' | 'port' | 'database' | 'username'> & {
  password?: string
  schema?: string | null
}
