// Every event of the socket, typed, in one place; eventlog.md of the server says what they mean.
import type { Socket } from 'socket.io-client'
import type { Counts, PipelineStatus, ReplicationEvent } from '@/lib/api/types'

export interface PipelineStatsEvent extends Counts {
  pipeline_id: string
  seq: number
  pipeline_seq: number
}
export interface PipelineStatusEvent {
  pipeline_id: string
  status: PipelineStatus
  previous_status: PipelineStatus
  deleted: boolean
  error_message: string | null
  timestamp: string
}
export interface ReplayGapEvent {
  pipeline_id: string
  from: number
  to: number
  reason: string
}
export interface RequestError {
  code: string
  message: string
}

export interface ServerEvents {
  replication_event: (event: ReplicationEvent) => void
  replication_events: (events: ReplicationEvent[]) => void
  pipeline_stats: (stats: PipelineStatsEvent) => void
  pipeline_status: (status: PipelineStatusEvent) => void
  replay_gap: (gap: ReplayGapEvent) => void
  token_expired: (why: { code: string }) => void
}

export type SubscribeAck =
  | { ok: true; pipeline_id: string; room: string; last_seq: number; replayed: number; live?: boolean }
  | { ok: false; error: RequestError }
export type RefreshAck = { ok: true; expires_at: number } | { ok: false; error: RequestError }

export interface ClientEvents {
  subscribe_pipeline: (want: { pipeline_id: string; after?: number; batch_ms?: number }, ack: (answer: SubscribeAck) => void) => void
  unsubscribe_pipeline: (want: { pipeline_id: string }) => void
  refresh_token: (want: { token: string }, ack: (answer: RefreshAck) => void) => void
}

export type MillraceSocket = Socket<ServerEvents, ClientEvents>
