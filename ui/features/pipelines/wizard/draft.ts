// A pipeline that is being thought out: what is right in it, and what is sent of it. Pure.
import * as z from 'zod/mini'
import type { DatabaseTable, NewPipeline, Pipeline } from '@/lib/api/types'

export const POLICIES: Record<NonNullable<Pipeline['schema_change_policy']>, string> = {
  evolve: 'change the target, too',
  pause: 'pause, and let me decide',
  ignore: 'leave the target as it is',
}

const atMost = (n: number) => z.maxLength(n, `at most ${n} characters`)

/** What every step needs before the next; empty text is "not said". */
export const draftForm = z
  .object({
    engine: z.enum(['connect', 'external']),
    source_connection_id: z.string(),
    target_connection_id: z.string(),
    topic_prefix: z.string().check(z.trim(), atMost(200)),
    kafka_topics: z.string().check(z.trim()),
    source_schema: z.string(),
    all_tables: z.boolean(),
    source_tables: z.array(z.string()),
    mode: z.enum(['full_load_and_cdc', 'cdc_only', 'full_load_only']),
    name: z.string().check(z.trim(), z.minLength(1, 'The name is missing'), atMost(128)),
    description: z.string().check(z.trim(), atMost(1000)),
    tags: z.string(),
    target_schema: z.string().check(z.trim(), atMost(63)),
    auto_create_target: z.boolean(),
    schema_change_policy: z.enum(['evolve', 'pause', 'ignore']),
    cdc_metadata_columns: z.boolean(),
  })
  .check(({ value: d, issues }) => {
    const fault = (path: string, message: string) => issues.push({ code: 'custom', path: [path], message, input: d })
    if (d.engine === 'external') {
      if (!d.topic_prefix && !topicsOf(d.kafka_topics).length) fault('topic_prefix', 'Give a prefix, or the topics')
      return
    }
    if (!d.source_connection_id) fault('source_connection_id', 'Choose where the changes come from')
    if (!d.target_connection_id) fault('target_connection_id', 'Choose where they go')
    if (d.source_connection_id && d.source_connection_id === d.target_connection_id) fault('target_connection_id', 'Source and target are the same')
    if (!d.all_tables && !d.source_tables.length) fault('source_tables', 'Choose at least one table')
  })
export type Draft = z.infer<typeof draftForm>

export const EMPTY: Draft = {
  engine: 'connect',
  source_connection_id: '',
  target_connection_id: '',
  topic_prefix: '',
  kafka_topics: '',
  source_schema: '',
  all_tables: false,
  source_tables: [],
  mode: 'full_load_and_cdc',
  name: '',
  description: '',
  tags: '',
  target_schema: '',
  auto_create_target: true,
  schema_change_policy: 'evolve',
  cdc_metadata_columns: false,
}

const words = (text: string) => [...new Set(text.split(/[\s,]+/).filter(Boolean))]
export const topicsOf = words
export const tagsOf = (text: string) => [...new Set(text.split(',').map((t) => t.trim()).filter(Boolean))]

export function bodyOf(d: Draft): NewPipeline {
  const common = { name: d.name.trim(), description: d.description.trim(), tags: tagsOf(d.tags), engine: d.engine }
  if (d.engine === 'external') return { ...common, mode: 'cdc_only', topic_prefix: d.topic_prefix || null, kafka_topics: topicsOf(d.kafka_topics) }
  return {
    ...common,
    mode: d.mode,
    source_connection_id: d.source_connection_id,
    target_connection_id: d.target_connection_id,
    source_schema: d.source_schema || null,
    source_tables: d.all_tables ? [] : d.source_tables,
    target_schema: d.target_schema || null,
    auto_create_target: d.auto_create_target,
    schema_change_policy: d.schema_change_policy,
    cdc_metadata_columns: d.cdc_metadata_columns,
  }
}

/** What somebody should know of a table before choosing it; none: it can be taken as it is. */
export function warnings(t: DatabaseTable): string[] {
  const found = []
  if (!t.readable) found.push('may not be read by this user')
  if (!t.primary_key.length) found.push('no primary key: updates and deletes cannot be found again in the target')
  if (t.replica_identity === 'nothing') found.push('replica identity nothing: updates and deletes are refused by the source while it is published')
  return found
}
