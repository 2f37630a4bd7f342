import { describe, expect, it } from 'vitest'
import type { DatabaseTable } from '@/lib/api/types'
import { bodyOf, draftForm, EMPTY, tagsOf, warnings, type Draft } from './draft'

const draft = (more: Partial<Draft> = {}): Draft => ({ ...EMPTY, name: 'shop', source_connection_id: 's', target_connection_id: 't', source_schema: 'public', source_tables: ['orders'], ...more })
const faults = (d: Draft) => draftForm.safeParse(d).error?.issues.map((i) => i.path.join('.')) ?? []

describe('a draft', () => {
  it('is right with two databases and a table, or with all tables', () => {
    expect(faults(draft())).toEqual([])
    expect(faults(draft({ source_tables: [], all_tables: true }))).toEqual([])
  })
  it('says what is missing, each at its field', () => {
    expect(faults(draft({ source_connection_id: '', source_tables: [], name: ' ' }))).toEqual(['name', 'source_connection_id', 'source_tables'])
    expect(faults(draft({ target_connection_id: 's' }))).toEqual(['target_connection_id'])
  })
  it('over topics of somebody else needs topics and nothing more', () => {
    const external = draft({ engine: 'external', source_connection_id: '', target_connection_id: '', source_tables: [] })
    expect(faults(external)).toEqual(['topic_prefix'])
    expect(faults({ ...external, kafka_topics: 'a b' })).toEqual([])
    expect(bodyOf({ ...external, kafka_topics: 'a, b a' })).toEqual({ name: 'shop', description: '', tags: [], engine: 'external', mode: 'cdc_only', topic_prefix: null, kafka_topics: ['a', 'b'] })
  })
  it('is sent with nothing that was not said', () => {
    expect(bodyOf(draft({ target_schema: '', tags: 'a, b b, a' }))).toMatchObject({ target_schema: null, source_tables: ['orders'], tags: ['a', 'b b'], mode: 'full_load_and_cdc' })
    expect(bodyOf(draft({ all_tables: true })).source_tables).toEqual([])
    expect(tagsOf(' , ')).toEqual([])
  })
})

it('a table without a key is warned of', () => {
  const table = (more: Partial<DatabaseTable>): DatabaseTable => ({ schema: 'public', name: 't', type: 'table', estimated_rows: 1, size_bytes: 1, replica_identity: 'default', publications: [], readable: true, primary_key: ['id'], columns: [], foreign_keys: [], ...more })
  expect(warnings(table({}))).toEqual([])
  expect(warnings(table({ primary_key: [] }))[0]).toMatch(/no primary key/)
  expect(warnings(table({ readable: false, replica_identity: 'nothing' }))).toHaveLength(2)
})
