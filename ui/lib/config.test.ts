import { expect, it } from 'vitest'
import { built, loadConfig, merged } from './config'

const base = built({ mode: 'production' })

it('is this origin, with a socket and five seconds, when nothing is said', () =>
  expect(base).toEqual({ apiUrl: '', wsUrl: '', wsEnabled: true, pollInterval: 5000, auth: 'required' }))

it('is the API on 8000 under next dev', () => expect(built({ mode: 'development' }).wsUrl).toBe('http://localhost:8000'))

it('takes what the build was given', () =>
  expect(built({ apiUrl: 'https://a.test/', wsEnabled: 'false', pollInterval: '1000' })).toMatchObject({
    apiUrl: 'https://a.test',
    wsUrl: 'https://a.test',
    wsEnabled: false,
    pollInterval: 1000,
  }))

it('lets run time go before build time', () =>
  expect(merged(built({ apiUrl: 'https://a.test' }), { apiUrl: '', wsUrl: '', pollInterval: 2000 })).toMatchObject({
    apiUrl: '',
    wsUrl: '',
    pollInterval: 2000,
  }))

it('looks for the socket where the API is, unless told otherwise', () => {
  expect(merged(base, { apiUrl: 'https://b.test' }).wsUrl).toBe('https://b.test')
  expect(merged(base, { apiUrl: 'https://b.test', wsUrl: 'https://ws.test' }).wsUrl).toBe('https://ws.test')
})

it('leaves alone what is of the wrong type, and bounds the interval', () => {
  expect(merged(base, { apiUrl: 7, wsEnabled: 'no', pollInterval: 'x' })).toEqual(base)
  expect(merged(base, { pollInterval: 1 }).pollInterval).toBe(500)
  expect(built({ pollInterval: 'often' }).pollInterval).toBe(5000)
})

it.each([
  ['the file is missing', async () => new Response('', { status: 404 })],
  ['it is not JSON', async () => new Response('<html>')],
  ['the server is away', async () => Promise.reject(new TypeError('fetch failed'))],
])('falls back to the build when %s', async (_, fetcher) =>
  expect(await loadConfig(fetcher as typeof fetch)).toEqual(built({ mode: 'test' })))
