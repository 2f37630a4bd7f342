// api_faults.test.mjs - what goes wrong around the REST interface: a pool that is used up, statements that take too
// long, thousands of connections that say nothing, and text that wants to be more than text, in every field there is.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { login, request } from '../support/client.mjs'
import { startMillrace } from '../support/millrace.mjs'
import { createDatabase, root, sanitized } from '../support/services.mjs'
import { until } from '../support/until.mjs'

const contract = JSON.parse(readFileSync(path.join(root, 'server/api/openapi.json'), 'utf8'))

describe('when things go wrong', () => {
  let db
  let server
  let token
  before(async () => {
    db = await createDatabase('api_faults')
    server = await startMillrace({ databaseUrl: db.url, env: { MILLRACE_ROLES: 'api', MILLRACE_DB_POOL: '2', MILLRACE_STATEMENT_TIMEOUT_MS: '1500', MILLRACE_CONNECTION_TEST_TIMEOUT_MS: '500', MILLRACE_SECRET_KEY: Buffer.alloc(32, 9).toString('base64') } })
    token = await login(server.url)
  })
  after(async () => {
    await server?.stop()
    await db?.drop()
  })
  const call = (method, at, body, headers = {}) => request(`${server.url}${at}`, { method, token, body, headers })
  const make = async () => (await call('POST', '/api/v1/pipelines', { name: Math.random().toString(36), kafka_topics: ['a.b.c'] })).body.id

  it('a statement that takes too long is cancelled and is a 504, and a pool that waits for it a 503', async () => {
    const id = await make()
    const client = await db.pool.connect()
    try {
      await client.query('BEGIN')
      await client.query('SELECT 1 FROM pipelines WHERE id = $1 FOR UPDATE', [id])
      const from = Date.now()
      const stuck = [1, 2].map((i) => call('PATCH', `/api/v1/pipelines/${id}`, { description: `${i}` }))
      await until('both connections wait', async () => (await db.query("SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")).rows[0].n, (n) => n === 2, { timeout: 5000 })
      const refused = await call('GET', '/api/v1/pipelines')
      assert.equal(refused.status, 503, refused.text)
      assert.ok(Number(refused.headers.get('retry-after')) > 0)
      assert.match(refused.body.detail, /connection is busy/)
      for (const res of await Promise.all(stuck)) {
        assert.equal(res.status, 504, res.text)
        assert.match(res.body.detail, /took too long/)
      }
      assert.ok(Date.now() - from < 5000)
    } finally {
      await client.query('ROLLBACK')
      client.release()
    }
    assert.equal((await call('PATCH', `/api/v1/pipelines/${id}`, { description: 'free' })).status, 200)
  })

  it('thousands of connections that say nothing keep nobody waiting and cost little', async () => {
    const most = Number(execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).replace('unlimited', '1000000'))
    const n = Math.min(10000, Math.floor(most / 2) - 500, Number(readFileSync(`/proc/${server.pid}/limits`, 'utf8').match(/Max open files\s+(\d+)/)[1]) - 500)
    const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))[1])
    const before = rss()
    const port = Number(new URL(server.url).port)
    const sockets = []
    try {
      for (let i = 0; i < n; i += 500) {
        const some = Array.from({ length: Math.min(500, n - i) }, (_, k) => net.connect({ port, host: '127.0.0.1', localAddress: `127.0.0.${1 + ((i + k) % 4)}` }).on('error', () => {}))
        await Promise.all(some.map((s) => once(s, 'connect')))
        sockets.push(...some)
      }
      const from = Date.now()
      assert.equal((await call('GET', '/api/v1/pipelines')).status, 200)
      assert.ok(Date.now() - from < (sanitized() ? 5000 : 1000), `${Date.now() - from} ms`)
      assert.ok(sanitized() || (rss() - before) / n < 8, `${((rss() - before) / n).toFixed(1)} KB a connection`)
    } finally {
      sockets.forEach((s) => s.destroy())
    }
  })

  describe('text that wants to be more', () => {
    const texts = ["'; DROP TABLE users; --", '" OR 1=1 --', "\\'; SELECT pg_sleep(5); --", '$1', '%s%n%s', '\r\nX-Evil: 1', 'a\nSet-Cookie: evil=1', '{{7*7}}', '<script>alert(1)</script>', '../../etc/passwd', 'x'.repeat(5000), '\u0000', '\ud800', '']
    const resolve = (s) => (s?.$ref ? s.$ref.slice(2).split('/').reduce((at, key) => at[key], contract) : s)
    const operations = Object.entries(contract.paths).flatMap(([at, methods]) => Object.entries(methods)
      .filter(([m]) => ['get', 'post', 'put', 'patch', 'delete'].includes(m)).map(([method, op]) => ({ at, method: method.toUpperCase(), op, shared: methods.parameters ?? [] })))
    const unharmed = async (res, what) => {
      assert.ok(res.status < 500 || res.status === 503, `${what}: ${res.status} ${res.text.slice(0, 200)}`)
      assert.equal(res.headers.get('x-evil'), null, what)
      assert.equal(res.headers.get('set-cookie'), null, what)
    }
    after(async () => {
      const { rows } = await db.query("SELECT count(*)::int AS n FROM information_schema.tables WHERE table_schema = 'public' AND table_name IN ('users', 'pipelines', 'connections', 'audit_log', 'grants')")
      assert.equal(rows[0].n, 5)
      assert.equal((await db.query('SELECT count(*)::int AS n FROM users')).rows[0].n >= 1, true)
    })

    it('is text in every parameter of a query and of a path', async () => {
      let n = 0
      for (const { at, method, op, shared } of operations.filter((o) => o.method === 'GET')) {
        for (const p of [...shared, ...(op.parameters ?? [])].map(resolve)) {
          for (const text of texts.filter((t) => t.isWellFormed?.() ?? t !== '\ud800')) {
            const url = p.in === 'path' ? at.replace(`{${p.name}}`, encodeURIComponent(text) || 'x') : p.in === 'query' ? `${at.replace(/\{\w+\}/g, 'x')}?${p.name}=${encodeURIComponent(text)}` : null
            if (!url) continue
            await unharmed(await call(method, url), `${method} ${url.slice(0, 100)}`)
            n++
          }
        }
      }
      assert.ok(n > 200, `${n}`)
    })

    it('is text in every field of a body', async () => {
      let n = 0
      const id = { pipelines: await make(), connections: '00000000-0000-0000-0000-000000000000' }
      for (const { at, method, op } of operations) {
        const schema = resolve(resolve(op.requestBody)?.content?.['application/json']?.schema)
        if (!schema || /auth\/password|logout/.test(at)) continue
        for (const [name, s] of Object.entries(schema.properties ?? {})) {
          const type = [resolve(s).type].flat()
          for (const text of texts) {
            const value = type.includes('array') ? [text] : type.includes('object') ? { [text]: text } : text
            const body = { name: 'x', kafka_topics: ['a'], username: `u${n}`, password: 'a good password', role: 'viewer', scopes: ['*:read'], grants: [], connection_type: 'source', database_type: 'postgresql', host: 'h', database: 'd', [name]: value }
            await unharmed(await call(method, at.replace('{id}', id[at.split('/')[3]] ?? 'x'), body), `${method} ${at} ${name}`)
            n++
          }
        }
      }
      assert.ok(n > 500, `${n}`)
    })

    it('is text in headers', async () => {
      for (const name of ['x-request-id', 'idempotency-key', 'if-match', 'if-none-match', 'x-api-key', 'authorization', 'accept', 'accept-encoding', 'origin']) {
        for (const text of texts.filter((t) => /^[\x20-\x7e]*$/.test(t))) {
          const res = await request(`${server.url}/api/v1/pipelines`, { method: name === 'idempotency-key' ? 'POST' : 'GET', token: name === 'authorization' ? undefined : token, body: name === 'idempotency-key' ? { name: text, kafka_topics: ['a'] } : undefined, headers: { [name]: text } })
          await unharmed(res, `${name}: ${text.slice(0, 40)}`)
        }
      }
    })

    it('and nothing of a secret was logged on the way', () => {
      assert.ok(!/a good password|correct horse battery|eyJ[\w-]{20,}|mr_[\w-]{40,}/.test(server.log()))
    })
  })
})
