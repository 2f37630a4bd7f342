import { describe, expect, it } from 'vitest'
import { event, events, OTHER } from '@/test/fakes'
import { look, NOTHING_SEEN } from './useSeen'

describe('what has been seen', () => {
  it('grows with new events, and with older ones', () => {
    const a = look(NOTHING_SEEN, [event(5, { table_name: 'b' })])
    const b = look(a, [event(6, { table_name: 'c', event_type: 'delete' }), event(5, { table_name: 'b' })])
    const c = look(b, [event(6, { table_name: 'c' }), event(5, { table_name: 'b' }), event(4, { table_name: 'a' })])
    expect(a.sorted).toEqual(['public.b'])
    expect(b.sorted).toEqual(['public.b', 'public.c'])
    expect(c.sorted).toEqual(['public.a', 'public.b', 'public.c'])
    expect([...c.kinds].sort()).toEqual(['delete', 'insert'])
  })

  it('is the same lists while nothing new is among it', () => {
    const a = look(NOTHING_SEEN, events(1, 3))
    const b = look(a, events(1, 9))
    expect(b.sorted).toBe(a.sorted)
    expect(b.kinds).toBe(a.kinds)
  })

  it('is forgotten with the pipeline', () => {
    const a = look(NOTHING_SEEN, [event(5, { table_name: 'b' })])
    expect(look(a, [event(1, { pipeline_id: OTHER, table_name: 'z' })]).sorted).toEqual(['public.z'])
  })
})
