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
export type PipelineChange = Partial<Schemas['PipelineChange']>
export type PipelineEvidence = Schemas['PipelineEvidence']
export type PipelineJob = Schemas['PipelineJob']
export type Preflight = Schemas['Preflight']
export type LoadProgress = Schemas['LoadProgress']
export type LsnLatency = Schemas['LsnLatency']
export type Rung = Schemas['Rung']
export type CommandResult = Schemas['CommandResult']
export type Permissions = Schemas['Permissions']
export type Grant = { username: string; role: Schemas['GrantRole'] }
export type Connection = Schemas['Connection']
export type ConnectionTest = Schemas['ConnectionTest']
export type DatabaseType = Schemas['DatabaseType']
export type DatabaseSchema = Schemas['DatabaseSchema']
export type DatabaseTable = Schemas['DatabaseTable']
export type DeadLetter = Schemas['DeadLetter']
export type Sweep = Schemas['Sweep']
/** With the bytes of the record, base64. */
export type WholeLetter = DeadLetter & { key: string | null; value: string | null }
export type Health = Schemas['Health']
export type Analytics = Schemas['Analytics']
export type TopKeys = Schemas['TopKeys']
export type Activity = Schemas['Activity']
export type Role = Schemas['Role']
export type UserRecord = Schemas['UserRecord']
export type NewUser = { username: string; password: string; role: Role }
export type UserChange = Partial<{ role: Role; disabled: boolean; password: string }>
export type ApiKey = Schemas['ApiKey']
export type NewApiKey = Schemas['NewApiKey']
export type AuditEntry = Schemas['AuditEntry']
export type AuditCheck = { intact: boolean; entries: number; first_broken_id: number | null }
export type PipelineCommand = 'start' | 'stop' | 'pause' | 'resume' | 'restart' | 'resync'
/** ssl_mode may be left out although the contract's form of it is null. */
export type NewConnection = Omit<Schemas['NewConnection'], 'ssl_mode'> & Partial<Pick<Schemas['NewConnection'], 'ssl_mode'>>

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
