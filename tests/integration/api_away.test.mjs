// api_away.test.mjs - PostgreSQL is not there, or does not answer: said so within two seconds, and
// over by itself. A proxy between the two is closed, hangs, and comes back.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { after, before, describe, it } from 'node:test'
import { connect, ask, login, request } from '../support/client.mjs'
import { ADMIN, startMillrace } from '../support/millrace.mjs'
import { createPipeline } from '../support/pipelines.mjs'
import { stablePort } from '../support/ports.mjs'
import { createDatabase } from '../support/services.mjs'
import { until } from '../support/until.mjs'

/** A TCP proxy that can be cut (refuses), hung (takes bytes, gives none) and mended. */
class Proxy {
  constructor(host, port) {
    Object.assign(this, { host, port, pairs: new Set(), hung: false })
  }

  async listen(port) {
    this.server = net.createServer((near) => {
      const far = net.connect(this.port, this.host)
      const pair = { near, far }
      this.pairs.add(pair)
      const end = () => {
        near.destroy()
        far.destroy()
        this.pairs.delete(pair)
      }
      near.on('error', end).on('close', end)
      far.on('error', end).on('close', end)
      near.on('data', (d) => this.hung || far.write(d))
      far.on('data', (d) => this.hung || near.write(d))
    })
    this.at = port ?? (await stablePort())
    this.server.listen(this.at, '127.0.0.1')
    await once(this.server, 'listening')
    return this
  }

  async cut() {
    const closed = new Promise((resolve) => this.server.close(resolve))
    for (const { near, far } of this.pairs) {
      near.destroy()
      far.destroy()
    }
    await closed
  }

  mend() {
    this.hung = false
    for (const { near, far } of this.pairs) {
      near.destroy() // bytes were lost: the old connections are of no use
      far.destroy()
    }
    return this.server.listening ? this : this.listen(this.at)
  }
}

describe('PostgreSQL away', () => {
  let db
  let proxy
  let url
  before(async () => {
    db = await createDatabase('api_away')
    const u = new URL(db.url)
    proxy = await new Proxy(u.hostname, Number(u.port)).listen()
    u.hostname = '127.0.0.1'
    u.port = String(proxy.at)
    url = u.toString()
  })
  after(async () => {
    await proxy?.cut()
    await db?.drop()
  })

  const timed = async (promise) => {
    const from = performance.now()
    const res = await promise
    return { ...res, ms: performance.now() - from }
  }

  for (const how of ['refuses connections', 'does not answer']) {
    it(`says 503 within 2 s and recovers when it ${how}`, async () => {
      const server = await startMillrace({ databaseUrl: url, env: { MILLRACE_ROLES: 'api', MILLRACE_STATEMENT_TIMEOUT_MS: '1000' } })
      try {
        const token = await login(server.url)
        const id = await createPipeline(db, { name: how })
        const socket = await connect(server.url, token)
        let left
        socket.on('disconnect', (why) => (left = why))
        assert.equal((await ask(socket, 'subscribe_pipeline', id)).ok, true)
        if (how === 'refuses connections') await proxy.cut()
        else proxy.hung = true
        await until('it is noticed', async () => (await request(`${server.url}/health`)).body.checks.postgres, (c) => c.status === 'down')
        const paths = ['/api/v1/pipelines', '/api/v1/monitoring/events', '/api/v1/monitoring/dashboard', `/api/v1/pipelines/${id}`]
        for (const res of await Promise.all(paths.map((p) => timed(request(`${server.url}${p}`, { token }))))) {
          assert.ok([503, 504].includes(res.status), res.text)
          assert.match(res.body.detail, /PostgreSQL/)
          assert.ok(res.ms < 2000, `${res.ms} ms`)
          if (res.status === 503) assert.match(res.headers.get('retry-after'), /^\d+$/)
        }
        const signIn = await timed(request(`${server.url}/auth/login`, { method: 'POST', body: ADMIN }))
        assert.ok([503, 504].includes(signIn.status), signIn.text)
        assert.ok(signIn.ms < 2000, `${signIn.ms} ms`)
        const health = await timed(request(`${server.url}/health`))
        assert.equal(health.status, 200)
        assert.equal(health.body.status, 'degraded')
        assert.ok(health.body.checks.postgres.detail)
        assert.ok(health.ms < 200, `${health.ms} ms`)
        assert.equal((await request(`${server.url}/readyz`)).status, 503)
        assert.equal((await request(`${server.url}/livez`)).status, 200)
        await proxy.mend()
        await until('it recovers', () => request(`${server.url}/api/v1/pipelines`, { token }), (r) => r.status === 200)
        await until('and says so', async () => (await request(`${server.url}/health`)).body.checks.postgres.status, (s) => s === 'up')
        assert.equal((await request(`${server.url}/readyz`)).status, 200)
        assert.equal(left, undefined, 'sockets stay connected')
        socket.close()
      } finally {
        if (proxy.hung || !proxy.server.listening) await proxy.mend()
        await server.stop()
      }
    })
  }

  it('starts without it, and serves when it comes', async () => {
    await proxy.cut()
    const server = await startMillrace({ databaseUrl: url, migrate: false, env: { MILLRACE_ROLES: 'api' } })
    try {
      const res = await timed(request(`${server.url}/auth/login`, { method: 'POST', body: ADMIN }))
      assert.equal(res.status, 503)
      assert.ok(res.ms < 2000)
      assert.equal((await request(`${server.url}/readyz`)).status, 503)
      await proxy.mend()
      const token = await until('signing in works', () => login(server.url))
      const id = await createPipeline(db, { name: 'later' })
      const socket = await connect(server.url, token)
      const ack = await until('a subscription is live', () => ask(socket, 'subscribe_pipeline', { pipeline_id: id, after: 0 }), (a) => a.ok && a.live)
      assert.equal(ack.replayed, 0)
      socket.close()
    } finally {
      if (!proxy.server.listening) await proxy.mend()
      await server.stop()
    }
  })

  it('says that the schema is missing when it comes without one, and goes on when it is there', async () => {
    const fresh = await createDatabase('api_away_fresh')
    await proxy.cut()
    const u = new URL(fresh.url)
    u.hostname = '127.0.0.1'
    u.port = String(proxy.at)
    const server = await startMillrace({ databaseUrl: u.toString(), migrate: false, env: { MILLRACE_ROLES: 'api' } })
    try {
      await proxy.mend()
      const ready = await until('it says so', () => request(`${server.url}/readyz`), (r) => /migrate/.test(r.body?.detail ?? ''))
      assert.equal(ready.status, 503)
      await server.migrate()
      await until('it is ready', async () => (await request(`${server.url}/readyz`)).status, (s) => s === 200)
      assert.ok(await login(server.url))
    } finally {
      await server.stop()
      await fresh.drop()
    }
  })
})
