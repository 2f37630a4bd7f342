// api_http.test.mjs - the server as browsers, load balancers and operators meet it.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { connect, login, request } from '../support/client.mjs'
import { ADMIN, runMillrace, startMillrace } from '../support/millrace.mjs'
import { redisDatabase } from '../support/redis.mjs'
import { createDatabase } from '../support/services.mjs'
import { until, within } from '../support/until.mjs'

describe('HTTP', () => {
  let db
  let server
  let token
  let ui
  const script = 'self.x=1'
  before(async () => {
    ui = mkdtempSync(path.join(os.tmpdir(), 'millrace-ui-'))
    mkdirSync(path.join(ui, '_next/static/chunks'), { recursive: true })
    mkdirSync(path.join(ui, 'docs'))
    writeFileSync(path.join(ui, 'index.html'), `<html><script>${script}</script><script src="/a.js"></script>home</html>`)
    writeFileSync(path.join(ui, 'monitoring.html'), '<html>monitoring</html>')
    writeFileSync(path.join(ui, 'docs/index.html'), '<html>docs</html>')
    writeFileSync(path.join(ui, '404.html'), '<html>lost</html>')
    const js = 'console.log("hashed")'.repeat(100)
    writeFileSync(path.join(ui, '_next/static/chunks/a-1234.js'), js)
    writeFileSync(path.join(ui, '_next/static/chunks/a-1234.js.gz'), gzipSync(js))
    db = await createDatabase('api_http')
    server = await startMillrace({ databaseUrl: db.url, env: { MILLRACE_ROLES: 'api', MILLRACE_UI_DIR: ui, REDIS_URL: redisDatabase(14).url } })
    token = await login(server.url)
  })
  after(async () => {
    await server?.stop()
    await db?.drop()
    rmSync(ui, { recursive: true, force: true })
  })
  const get = (p, options) => request(`${server.url}${p}`, options)

  it('tells its health from memory, at once', async () => {
    await until('the checks were made', async () => (await get('/health')).body, (h) => h.checks.postgres.status === 'up' && h.checks.redis.status === 'up')
    const { status, body } = await get('/health')
    assert.equal(status, 200)
    assert.equal(body.queue_length, 0)
    assert.deepEqual(Object.keys(body.checks), ['postgres', 'redis', 'kafka', 'connect', 'event_logger'])
    assert.ok(body.uptime_seconds > 0)
    const from = performance.now()
    for (let i = 0; i < 50; i++) await get('/health')
    assert.ok((performance.now() - from) / 50 < 50, 'fast')
    assert.equal((await get('/livez')).status, 200)
    assert.equal((await get('/readyz')).status, 200)
  })

  it('omits what it cannot know: no Redis, no queue length', async () => {
    const s = await startMillrace({ databaseUrl: db.url, migrate: false, env: { MILLRACE_ROLES: 'api', REDIS_URL: 'redis://127.0.0.1:1/0' } })
    try {
      const { body, status } = await until('redis is down', () => request(`${s.url}/health`), (r) => r.body.checks.redis.status === 'down')
      assert.equal(status, 200)
      assert.equal(body.status, 'degraded')
      assert.equal(body.queue_length, null)
      assert.match(body.checks.redis.detail, /REDIS_URL/)
    } finally {
      await s.stop()
    }
  })

  it('answers HEAD as GET without the body', async () => {
    for (const p of ['/health', '/', '/api/v1/pipelines']) {
      const headers = { authorization: `Bearer ${token}` }
      const g = await fetch(`${server.url}${p}`, { headers })
      const h = await fetch(`${server.url}${p}`, { headers, method: 'HEAD' })
      assert.equal(h.status, g.status, p)
      assert.equal(await h.text(), '', p)
      await g.arrayBuffer()
      assert.equal(h.headers.get('content-type'), g.headers.get('content-type'), p)
      if (p === '/') assert.equal(h.headers.get('content-length'), g.headers.get('content-length'), p)
    }
    assert.equal((await fetch(`${server.url}/auth/login`, { method: 'HEAD' })).status, 405)
  })

  it('says which methods an address answers', async () => {
    const options = await get('/api/v1/pipelines', { method: 'OPTIONS' })
    assert.equal(options.status, 204)
    assert.equal(options.headers.get('allow'), 'GET, HEAD, POST, OPTIONS')
    const put = await get('/api/v1/pipelines', { method: 'PUT', token, body: {} })
    assert.equal(put.status, 405)
    assert.equal(put.headers.get('allow'), 'GET, HEAD, POST, OPTIONS')
    assert.equal((await get('/index.html', { method: 'POST' })).status, 405)
  })

  it('gives a request id, keeps a harmless one, replaces another', async () => {
    assert.match((await get('/health')).headers.get('x-request-id'), /^[0-9a-f-]{36}$/)
    assert.equal((await get('/health', { headers: { 'x-request-id': 'my-id.1' } })).headers.get('x-request-id'), 'my-id.1')
    assert.match((await get('/health', { headers: { 'x-request-id': 'a b<c>' } })).headers.get('x-request-id'), /^[0-9a-f-]{36}$/)
    const problem = await get('/api/v1/nothing', { headers: { 'x-request-id': 'mine' } })
    assert.equal(problem.body.request_id, 'mine')
  })

  describe('CORS', () => {
    const origin = 'http://localhost:3000'
    it('allows the origins that are configured, with credentials', async () => {
      const res = await get('/api/v1/pipelines', { token, headers: { origin } })
      assert.equal(res.headers.get('access-control-allow-origin'), origin)
      assert.equal(res.headers.get('access-control-allow-credentials'), 'true')
      assert.match(res.headers.get('access-control-expose-headers'), /Link/)
      assert.match(res.headers.get('vary'), /origin/i)
      const refused = await get('/api/v1/pipelines', { headers: { origin } })
      assert.equal(refused.status, 401)
      assert.equal(refused.headers.get('access-control-allow-origin'), origin, 'errors can be read, too')
    })
    it('allows no other', async () => {
      for (const other of ['http://localhost:30000', 'https://localhost:3000', 'null', 'http://evil.example']) {
        const res = await get('/api/v1/pipelines', { token, headers: { origin: other } })
        assert.equal(res.headers.get('access-control-allow-origin'), null, other)
      }
    })
    it('answers a preflight', async () => {
      const res = await get('/api/v1/pipelines', { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' } })
      assert.equal(res.status, 204)
      assert.match(res.headers.get('access-control-allow-methods'), /POST/)
      assert.match(res.headers.get('access-control-allow-headers'), /authorization/i)
      assert.ok(Number(res.headers.get('access-control-max-age')) > 0)
    })
  })

  describe('the dashboard', () => {
    it('is served at its addresses', async () => {
      for (const [p, text] of [['/', 'home'], ['/index.html', 'home'], ['/monitoring', 'monitoring'], ['/monitoring/', 'monitoring'], ['/docs', 'docs'], ['/monitoring?x=1', 'monitoring']]) {
        const res = await get(p)
        assert.equal(res.status, 200, p)
        assert.match(res.text, new RegExp(text), p)
        assert.equal(res.headers.get('content-type'), 'text/html; charset=utf-8')
        assert.equal(res.headers.get('cache-control'), 'no-cache')
      }
    })

    it('has a policy that allows its own scripts and nothing else', async () => {
      const csp = (await get('/')).headers.get('content-security-policy')
      assert.match(csp, /default-src 'self'/)
      assert.ok(csp.includes(`'sha256-${createHash('sha256').update(script).digest('base64')}'`), csp)
      assert.doesNotMatch(csp.replace(/style-src[^;]*/, ''), /unsafe/)
      assert.equal((await get('/')).headers.get('x-content-type-options'), 'nosniff')
      assert.equal((await get('/')).headers.get('x-frame-options'), 'DENY')
    })

    it('caches hashed files for ever, compressed for those who accept it', async () => {
      const p = '/_next/static/chunks/a-1234.js'
      const zipped = await fetch(`${server.url}${p}`, { headers: { 'accept-encoding': 'gzip, br' } })
      assert.equal(zipped.headers.get('content-encoding'), 'gzip')
      assert.match(zipped.headers.get('cache-control'), /immutable/)
      assert.match(zipped.headers.get('vary'), /accept-encoding/i)
      const text = await zipped.text()
      const plain = await fetch(`${server.url}${p}`, { headers: { 'accept-encoding': 'identity' } })
      assert.equal(plain.headers.get('content-encoding'), null)
      assert.equal(await plain.text(), text)
      assert.notEqual(plain.headers.get('etag'), zipped.headers.get('etag'))
    })

    it('answers 304 to who has it', async () => {
      const etag = (await get('/')).headers.get('etag')
      const res = await get('/', { headers: { 'if-none-match': etag } })
      assert.equal(res.status, 304)
      assert.equal(res.text, '')
      assert.equal((await get('/', { headers: { 'if-none-match': '"other"' } })).status, 200)
    })

    it('shows a page to people and a problem to programs when there is nothing', async () => {
      const page = await get('/nowhere', { headers: { accept: 'text/html' } })
      assert.equal(page.status, 404)
      assert.match(page.text, /lost/)
      const problem = await get('/nowhere', { headers: { accept: 'application/json' } })
      assert.equal(problem.status, 404)
      assert.equal(problem.body.title, 'Not Found')
      assert.match((await get('/api/v1/nowhere', { headers: { accept: 'text/html' } })).headers.get('content-type'), /problem/)
    })

    it('is told where the server is', async () => {
      assert.deepEqual((await get('/config.json')).body, { apiUrl: '', wsUrl: '', wsEnabled: true, pollInterval: 5000 })
    })
  })

  it('opens /metrics to nobody without a token, unless told so', async () => {
    assert.equal((await get('/metrics')).status, 401)
    const res = await get('/metrics', { token })
    assert.equal(res.status, 200)
    assert.match(res.headers.get('content-type'), /^text\/plain; version=0\.0\.4/)
    assert.match(res.text, /^millrace_sessions \d+$/m)
    const s = await startMillrace({ databaseUrl: db.url, migrate: false, env: { MILLRACE_ROLES: 'api', MILLRACE_ANONYMOUS: 'metrics' } })
    try {
      assert.equal((await request(`${s.url}/metrics`)).status, 200)
      assert.equal((await request(`${s.url}/api/v1/pipelines`)).status, 401, 'that surface alone')
    } finally {
      await s.stop()
    }
  })

  describe('the process', () => {
    it('refuses to serve a schema that is not migrated, and says what to do', async () => {
      const fresh = await createDatabase('api_unmigrated')
      try {
        const { code, stderr } = await runMillrace(['serve'], { databaseUrl: fresh.url })
        assert.equal(code, 1)
        assert.match(stderr, /run millrace migrate/)
      } finally {
        await fresh.drop()
      }
    })

    it('tells clients to leave so that they come back, finishes and ends with 0 at SIGTERM', async () => {
      const s = await startMillrace({ databaseUrl: db.url, migrate: false, env: { MILLRACE_ROLES: 'api' } })
      const sockets = await Promise.all(Array.from({ length: 5 }, () => connect(s.url, token)))
      const reasons = sockets.map((socket) => new Promise((resolve) => socket.once('disconnect', resolve)))
      await s.stop()
      for (const why of await within('all are told', 5000, Promise.all(reasons))) assert.equal(why, 'transport close')
      assert.match(s.log(), /event=stopped/)
    })

    it('finishes a request that it has begun', async () => {
      const s = await startMillrace({ databaseUrl: db.url, migrate: false, env: { MILLRACE_ROLES: 'api', MILLRACE_BCRYPT_COST: '12' } })
      const busy = request(`${s.url}/auth/login`, { method: 'POST', body: { username: 'nobody', password: 'x' } })
      await until('it is being worked on', async () => (await request(`${s.url}/health`)).status, (x) => x === 200)
      const stopped = s.stop()
      assert.equal((await busy).status, 401)
      await stopped
    })

    it('ends at once at a second signal', async () => {
      const s = await startMillrace({ databaseUrl: db.url, migrate: false, env: { MILLRACE_ROLES: 'api', MILLRACE_DRAIN_SECONDS: '60' } })
      const socket = await connect(s.url, token)
      await request(`${s.url}/health`) // a connection that is kept: new ones are refused from here on
      process.kill(s.pid, 'SIGTERM')
      await s.line(/event=stopping/, { all: true })
      for (const p of ['/health', '/api/v1/pipelines']) {
        await until(`${p} says 503 on the connection that was kept`, async () => (await request(`${s.url}${p}`, { token })).status, (x) => x === 503)
      }
      await assert.rejects(within('a new connection', 5000, connect(s.url, token)), 'nobody new is let in')
      process.kill(s.pid, 'SIGTERM')
      const { code } = await within('it ends', 5000, s.exit)
      assert.equal(code, 128 + 15)
      socket.close()
    })

    it('reads its settings again at SIGHUP', async () => {
      const file = path.join(ui, 'settings')
      writeFileSync(file, 'MILLRACE_LOG_LEVEL=info\n')
      const s = await startMillrace({ databaseUrl: db.url, migrate: false, args: ['--config', file], env: { MILLRACE_ROLES: 'api' } })
      try {
        await request(`${s.url}/livez`, { headers: { 'x-request-id': 'quiet' } })
        writeFileSync(file, 'MILLRACE_LOG_LEVEL=debug\nMILLRACE_ACCESS_TOKEN_SECONDS=77\nMILLRACE_WORKERS=3\n')
        process.kill(s.pid, 'SIGHUP')
        const line = await s.line(/event=reloaded/, { all: true })
        assert.match(line, /changed=\S*MILLRACE_ACCESS_TOKEN_SECONDS\S*MILLRACE_LOG_LEVEL/)
        assert.match(line, /needs_restart=MILLRACE_WORKERS/)
        assert.equal((await request(`${s.url}/auth/login`, { method: 'POST', body: ADMIN })).body.expires_in, 77)
        await request(`${s.url}/livez`, { headers: { 'x-request-id': 'loud' } })
        await s.line(/request_id=loud/, { all: true })
        assert.doesNotMatch(s.log(), /request_id=quiet/)
        writeFileSync(file, 'MILLRACE_LOG_LEVEL=shouting\n')
        process.kill(s.pid, 'SIGHUP')
        await s.line(/event=reload_failed/, { all: true })
        assert.equal((await request(`${s.url}/livez`)).status, 200)
      } finally {
        await s.stop()
      }
    })

    it('says so when the port is taken', async () => {
      const { code, stderr } = await runMillrace(['serve'], { databaseUrl: db.url, env: { MILLRACE_ROLES: 'api', MILLRACE_PORT: String(server.port) } })
      assert.equal(code, 1)
      assert.match(stderr, new RegExp(`${server.port}`))
    })

    it('explains itself', async () => {
      for (const args of [['--help'], ['serve', '--help'], ['--help-env'], ['--help-markdown'], ['version']]) {
        const { code, stdout, stderr } = await runMillrace(args)
        assert.equal(code, 0, args.join(' '))
        assert.ok(stdout.length > 10 && stderr === '', args.join(' '))
      }
      assert.equal((await runMillrace(['frobnicate'])).code, 2)
      const unknown = await runMillrace(['serve', '--no-such-flag=1'], { databaseUrl: db.url })
      assert.equal(unknown.code, 1)
      assert.match(unknown.stderr, /no-such-flag/)
    })

    it('finds what is wrong: doctor', async () => {
      const good = await runMillrace(['doctor'], { databaseUrl: db.url })
      assert.equal(good.code, 0, good.stdout)
      const bad = await runMillrace(['doctor'], { databaseUrl: 'postgresql://x:y@127.0.0.1:1/z', env: { REDIS_URL: 'redis://127.0.0.1:1/0', KAFKA_BOOTSTRAP_SERVERS: '127.0.0.1:1', KAFKA_CONNECT_URL: 'http://127.0.0.1:1', JWT_SECRET: 'short' } })
      assert.equal(bad.code, 1)
      for (const word of ['DATABASE_URL', 'REDIS_URL', 'KAFKA_BOOTSTRAP_SERVERS', 'KAFKA_CONNECT_URL', 'JWT_SECRET']) assert.match(bad.stdout, new RegExp(word))
    })

    it('leaves no core behind', async () => {
      const { readFileSync } = await import('node:fs')
      assert.match(readFileSync(`/proc/${server.pid}/limits`, 'utf8'), /Max core file size\s+0\s+0/)
    })
  })
})
