import { describe, expect, it } from 'vitest'
import { event } from '@/test/fakes'
import { filtered, fromQuery, NO_FILTERS, toQuery } from './filters'

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
  it('find a number by all its digits', () => expect(seqs({ text: '9007199254740993' })).toEqual([1]))
})

describe('the address', () => {
  it('brings a view back', () => {
    const f = { kinds: ['insert' as const, 'delete' as const], table: 'public.a&b', text: 'x = 1' }
    expect(fromQuery(toQuery(f, 'p1'))).toEqual({ ...f, pipeline: 'p1' })
    expect(toQuery(NO_FILTERS, null)).toBe('')
  })
  it('with nonsense in it is a plain view', () => expect(fromQuery('?kind=explode,,insert&q=' + 'x'.repeat(999))).toEqual({ kinds: ['insert'], table: null, text: 'x'.repeat(200), pipeline: null }))
})
