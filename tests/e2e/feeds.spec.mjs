// The feeds with the browser's own WebSocket, from a page of the server and from one of the development server's origin.
import { login, request } from '../support/client.mjs'
import { redisDatabase } from '../support/redis.mjs'
import { expect, signIn, test } from './world.mjs'

const redis = redisDatabase(5)
test.use({ serverEnv: { REDIS_URL: redis.url, MILLRACE_INGEST_FLUSH_MS: '100', MILLRACE_WS_DEFLATE: 'on' } })

/** In the page: open each path, collect messages until done(all) is true or 15 s have passed. */
const collect = (page, token, path, want) =>
  page.evaluate(
    ([t, p, w]) =>
      new Promise((resolve, reject) => {
        const ws = new WebSocket(`${location.origin.replace('http', 'ws')}${p}${p.includes('?') ? '&' : '?'}token=${t}`)
        const all = []
        ws.onerror = () => reject(new Error('refused'))
        ws.onmessage = (m) => {
          all.push(JSON.parse(m.data))
          if (all.length < w) return
          ws.close()
          resolve({ all, extensions: ws.extensions })
        }
        setTimeout(() => reject(new Error(`only ${all.length}`)), 15000)
      }),
    [token, path, want],
  )

test('the browser hears figures, the dashboard and the bus', async ({ page, world }) => {
  await signIn(page, world)
  const token = await login(world.url)
  const stats = await collect(page, token, '/ws/stats?interval_ms=100', 5)
  expect(stats.all.every((m) => typeof m.total_messages === 'number')).toBe(true)
  expect(stats.extensions).toContain('permessage-deflate')
  const dashboard = await collect(page, token, '/api/v1/ws/dashboard', 2)
  expect(dashboard.all.map((m) => m.type)).toEqual(['connection_ack', 'stats_update'])
  const hearing = collect(page, token, '/ws?streams=browser', 101)
  await expect(async () => expect((await request(`${world.url}/api/v1/bus/status`, { token })).body.sockets).toBe(1)).toPass()
  await request(`${world.url}/api/v1/bus/browser`, { method: 'POST', token, body: Array.from({ length: 100 }, (_, n) => ({ n, text: 'x'.repeat(2000) })) })
  const { all } = await hearing
  expect(all.slice(1).map((m) => m.data.n)).toEqual(Array.from({ length: 100 }, (_, n) => n))
})
