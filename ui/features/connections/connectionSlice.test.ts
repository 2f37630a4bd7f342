import { describe, expect, it } from 'vitest'
import { ApiError } from '@/lib/api/client'
import { makeStore } from '@/lib/store'
import { connection as fake, fakeApi, fakeSession } from '@/test/fakes'
import { createConnection, deleteConnection, fetchConnections, selectConnections } from './connectionSlice'

const connection = (id: string) => fake({ id, name: `db ${id}` })
const store = (api = {}) => makeStore({ api: fakeApi(api), session: fakeSession() })
const ids = (s: ReturnType<typeof store>) => selectConnections(s.getState()).connections.map((c) => c.id)

describe('connections', () => {
  it('are listed, added to and removed from', async () => {
    const s = store({ connections: async () => [connection('1'), connection('2')], createConnection: async () => connection('3') })
    await s.dispatch(fetchConnections())
    await s.dispatch(createConnection({ ...connection('3'), password: 'secret' }))
    await s.dispatch(deleteConnection('1'))
    expect(ids(s)).toEqual(['3', '2'])
  })

  it('that are in use are not removed, and it is said why', async () => {
    const s = store({ connections: async () => [connection('1')], deleteConnection: () => Promise.reject(new ApiError('Used by the pipeline "shop"', 'http', 409)) })
    await s.dispatch(fetchConnections())
    const result = await s.dispatch(deleteConnection('1'))
    expect(result.payload).toMatchObject({ message: 'Used by the pipeline "shop"', status: 409 })
    expect(ids(s)).toEqual(['1'])
  })

  it('that cannot be read leave an error', async () => {
    const s = store({ connections: () => Promise.reject(new ApiError('no', 'http', 500)) })
    await s.dispatch(fetchConnections())
    expect(selectConnections(s.getState())).toMatchObject({ isLoading: false, error: { message: 'no' } })
  })
})
