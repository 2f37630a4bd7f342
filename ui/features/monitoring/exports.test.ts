import { expect, it } from 'vitest'
import { event } from '@/test/fakes'
import { asCsv, asNdjson } from './exports'

it('a line of JSON each, with every digit', () => {
  const text = asNdjson([event(1), event(2, { after: { id: { $number: '9007199254740993' } } })])
  expect(text.split('\n')).toHaveLength(3)
  expect(text).toContain('"after":{"id":9007199254740993}')
})
it('a table with the rows as JSON', () => {
  const [head, line] = asCsv([event(3)]).split('\r\n')
  expect(head).toMatch(/^seq,pipeline_seq,event_type,schema_name,table_name,/)
  expect(line).toMatch(/^3,3,insert,public,orders,/)
  expect(line).toContain('"{""id"":3,""note"":""row 3""}"')
})
