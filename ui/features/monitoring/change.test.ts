import { describe, expect, it } from 'vitest'
import { event } from '@/test/fakes'
import { diff, keyText, onlyKeySent, summary } from './change'

const update = event(1, {
  event_type: 'update',
  key: { id: 7 },
  before: { id: 7, status: 'new', total: { $number: '12345678901234567890' }, doc: 'x' },
  after: { id: 7, status: 'paid', total: { $number: '12345678901234567891' }, doc: '__debezium_unavailable_value' },
  unavailable_columns: ['doc'],
})

describe('the diff', () => {
  it('says of each column what became of it', () =>
    expect(diff(update).map((l) => [l.column, l.state])).toEqual([['id', 'same'], ['status', 'changed'], ['total', 'changed'], ['doc', 'unavailable']]))
  it('of an insert is all new, of a delete all removed', () => {
    expect(diff(event(1)).every((l) => l.state === 'added')).toBe(true)
    expect(diff(event(1, { event_type: 'delete', before: { id: 1 }, after: null })).every((l) => l.state === 'removed')).toBe(true)
  })
  it('tells null from absent', () =>
    expect(diff(event(1, { event_type: 'update', before: { a: null }, after: { a: null, b: null } })).map((l) => [l.column, l.before, l.after])).toEqual([['a', null, null], ['b', undefined, null]]))
  it('of an event without rows is empty', () => expect(diff(event(1, { event_type: 'truncate', before: null, after: null }))).toEqual([]))
})

describe('a delete that brought only its key', () => {
  it('is known by the nulls', () => {
    expect(onlyKeySent(event(1, { event_type: 'delete', key: { id: 1 }, before: { id: 1, name: null }, after: null }))).toBe(true)
    expect(onlyKeySent(event(1, { event_type: 'delete', key: { id: 1 }, before: { id: 1, name: 'x' }, after: null }))).toBe(false)
    expect(onlyKeySent(event(1, { event_type: 'delete', key: { id: 1 }, before: { id: 1 }, after: null }))).toBe(false)
  })
})

describe('the line of a row', () => {
  it('of an update shows what differs, with every digit, and no placeholder', () =>
    expect(summary(update)).toEqual([
      { column: 'status', from: 'new', to: 'paid' },
      { column: 'total', from: '12345678901234567890', to: '12345678901234567891' },
    ]))
  it('of an insert shows the values beside the key', () => expect(summary(event(3))).toEqual([{ column: 'note', to: 'row 3' }]))
  it('has the key as one word', () => {
    expect(keyText(event(3))).toBe('3')
    expect(keyText(event(3, { key: { a: 1, b: { $number: '9007199254740993' } } }))).toBe('a=1 b=9007199254740993')
    expect(keyText(event(3, { key: null }))).toBe('')
    expect(keyText(event(3, { key: 'plain' }))).toBe('plain')
  })
})
