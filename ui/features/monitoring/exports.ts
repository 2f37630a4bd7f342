// Events as files: a line of JSON each, or a table. Pure.
import type { ReplicationEvent } from '@/lib/api/types'
import { csv } from '@/lib/csv'
import { stringifyExact } from '@/lib/json'

const COLUMNS = ['seq', 'pipeline_seq', 'event_type', 'schema_name', 'table_name', 'started_at', 'occurred_at', 'latency_ms', 'source_lsn', 'key', 'before', 'after', 'topic', 'partition', 'offset', 'id'] as const

export const asNdjson = (events: ReplicationEvent[]) => events.map((e) => `${stringifyExact(e)}\n`).join('')
export const asCsv = (events: ReplicationEvent[]) => csv(events.map((e) => Object.fromEntries(COLUMNS.map((c) => [c, e[c]]))))
