import { describe, expect, it } from 'vitest'
import { event } from '@/test/fakes'
import { asEventQuery, filtered, fromQuery, NO_FILTERS, toQuery } from './filters'

const list = [
  event(3, { event_type: 'delete', table_name: 'customers', after: null, before: { id: 3, email: 'Ada@Example.org' } }),
  event(2, { event_type: 'update' }),
  event(1, { key: { id: { $number: '9007199254740993' } } }),
]
const seqs = (f: Partial<typeof NO_FILTERS>) => filtered(list, { ...NO_FILTERS, ...f }).map((e) => e.seq)

describe('filters', () => {
  it('that say nothing leave the very list', () => expect(filtered(list, { ...NO_FILTERS, text: '  ' })).toBe(list))
  it('take kinds, a table and words, all at once', () => {
    expect(seqs({ kinds: ['delete', 'update'] })).toEqual([3, 2])
    expect(seqs({ table: 'public.orders' })).toEqual([2, 1])
    expect(seqs({ text: 'ada@ example' })).toEqual([3])
    expect(seqs({ kinds: ['update'], text: 'example' })).toEqual([])
  })
  it('take a range of time, its end excluded', () => {
    const at = list[1]!.started_at!
    expect(seqs({ from: at })).toEqual([3, 2])
    expect(seqs({ to: at })).toEqual([1])
  })
  it('are a question to the server, when it can be put', () => {
    expect(asEventQuery({ ...NO_FILTERS, kinds: ['insert', 'delete'], table: 'public.a.b', text: ' 7 ', from: '2026-11-20T10:00:00.000Z' })).toEqual({
      event_type: 'insert,delete', schema: 'public', table: 'a.b', from: '2026-11-20T10:00:00.000Z', to: undefined, q: '7',
    })
    expect(asEventQuery({ ...NO_FILTERS, text: 'two words' })).toBeNull()
  })
  it('find a number by all its digits', () => expect(seqs({ text: '9007199254740993' })).toEqual([1]))
})

describe('the address', () => {
  it('brings a view back', () => {
    const f = { kinds: ['insert' as const, 'delete' as const], table: 'public.a&b', text: 'x = 1', from: '2026-11-20T10:00:00.000Z', to: null }
    expect(fromQuery(toQuery(f, 'p1'))).toEqual({ ...f, pipeline: 'p1' })
    expect(toQuery(NO_FILTERS, null)).toBe('')
  })
  it('with nonsense in it is a plain view', () => expect(fromQuery('?from=yesterday&kind=explode,,insert&q=' + 'x'.repeat(999))).toEqual({ kinds: ['insert'], table: null, text: 'x'.repeat(200), from: null, to: null, pipeline: null }))
})
