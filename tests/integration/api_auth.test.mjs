// api_auth.test.mjs - signing in, staying signed in, signing out; who may do what.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { ask, connect, login, open, request } from '../support/client.mjs'
import { ADMIN, runMillrace, startMillrace } from '../support/millrace.mjs'
import { createDatabase, millraceBin } from '../support/services.mjs'
import { until, within } from '../support/until.mjs'

describe('signing in', () => {
  let db
  let server
  before(async () => {
    db = await createDatabase('api_auth')
    server = await startMillrace({ databaseUrl: db.url, env: { MILLRACE_ROLES: 'api' } })
    for (const [name, role] of [['vera', 'viewer'], ['otto', 'operator']]) await addUser(name, role)
  })
  after(async () => {
    await server?.stop()
    await db?.drop()
  })

  async function addUser(name, role) {
    const child = spawn(millraceBin(), ['user', 'add', name, role], { env: { ...process.env, DATABASE_URL: db.url, MILLRACE_BCRYPT_COST: '4' }, stdio: ['pipe', 'pipe', 'pipe'] })
    child.stdin.end(`${name}'s password\n`)
    const [code] = await once(child, 'close')
    assert.equal(code, 0, `user add ${name}`)
  }
  const post = (path, body, options = {}) => request(`${server.url}${path}`, { method: 'POST', body, ...options })
  const as = (name) => login(server.url, { username: name, password: `${name}'s password` })

  it('gives a token that says who and until when', async () => {
    for (const path of ['/auth/login', '/api/v1/auth/login']) {
      const { status, body } = await post(path, ADMIN)
      assert.equal(status, 200)
      assert.equal(body.token, body.access_token)
      assert.equal(body.token_type, 'bearer')
      assert.equal(body.expires_in, 900)
      assert.deepEqual([body.user.username, body.user.role], ['admin', 'admin'])
      const claims = JSON.parse(Buffer.from(body.access_token.split('.')[1], 'base64url'))
      assert.deepEqual(Object.keys(claims).sort(), ['exp', 'iat', 'iss', 'jti', 'name', 'role', 'sub'])
      assert.equal(claims.exp - claims.iat, 900)
      assert.equal(claims.sub, body.user.id)
      const me = await request(`${server.url}/auth/me`, { token: body.access_token })
      assert.deepEqual(me.body, body.user)
    }
  })

  it('takes user names in any case', async () => {
    assert.equal((await post('/auth/login', { ...ADMIN, username: 'ADMIN' })).status, 200)
  })

  it('uses up a refresh token, and ends the family of one that comes twice', async () => {
    const first = (await post('/auth/login', ADMIN)).body
    const second = await post('/auth/refresh', { refresh_token: first.refresh_token })
    assert.equal(second.status, 200)
    assert.notEqual(second.body.refresh_token, first.refresh_token)
    assert.equal((await request(`${server.url}/auth/me`, { token: second.body.access_token })).status, 200)
    const other = (await post('/auth/login', ADMIN)).body
    assert.equal((await post('/auth/refresh', { refresh_token: first.refresh_token })).status, 401, 'used before')
    assert.equal((await post('/auth/refresh', { refresh_token: second.body.refresh_token })).status, 401, 'its family has ended')
    assert.equal((await post('/auth/refresh', { refresh_token: other.refresh_token })).status, 200, 'another sign-in is not touched')
  })

  it('lets only one of two simultaneous uses of a refresh token pass', async () => {
    const { refresh_token } = (await post('/auth/login', ADMIN)).body
    const all = await Promise.all(Array.from({ length: 8 }, () => post('/auth/refresh', { refresh_token })))
    assert.equal(all.filter((r) => r.status === 200).length, 1)
    assert.equal(all.filter((r) => r.status === 401).length, 7)
  })

  it('keeps refresh tokens as hashes only', async () => {
    const { refresh_token } = (await post('/auth/login', ADMIN)).body
    const rows = await db.rows('SELECT * FROM refresh_tokens')
    assert.ok(rows.length > 0)
    assert.ok(!JSON.stringify(rows).includes(refresh_token))
    assert.ok(!JSON.stringify(rows).includes(Buffer.from(refresh_token).toString('hex')))
  })

  it('ends the family at sign-out', async () => {
    const { refresh_token } = (await post('/auth/login', ADMIN)).body
    assert.equal((await post('/auth/logout', { refresh_token })).status, 204)
    assert.equal((await post('/auth/refresh', { refresh_token })).status, 401)
    assert.equal((await post('/auth/logout')).status, 204, 'without one there is nothing to end')
  })

  it('makes one wait who fails again and again, and nobody else', async () => {
    const wrong = () => post('/auth/login', { username: 'vera', password: 'wrong' })
    for (let i = 0; i < 5; i++) assert.equal((await wrong()).status, 401)
    const res = await wrong()
    assert.equal(res.status, 429)
    assert.match(res.headers.get('retry-after'), /^\d+$/)
    assert.match(res.body.detail, /again in/)
    assert.equal((await post('/auth/login', { username: 'vera', password: "vera's password" })).status, 429, 'the right one has to wait, too')
    assert.equal((await post('/auth/login', ADMIN)).status, 200)
    await until('vera may sign in again', async () => (await post('/auth/login', { username: 'vera', password: "vera's password" })).status, (s) => s === 200, { every: 200 })
    assert.equal((await wrong()).status, 401, 'and begins anew')
    assert.equal((await post('/auth/login', { username: 'vera', password: "vera's password" })).status, 200)
  })

  it('takes as long for an unknown user as for a known one', async () => {
    const slow = await startMillrace({ databaseUrl: db.url, migrate: false, env: { MILLRACE_ROLES: 'api', MILLRACE_BCRYPT_COST: '10' } })
    try {
      const child = spawn(millraceBin(), ['user', 'add', 'slow'], { env: { ...process.env, DATABASE_URL: db.url, MILLRACE_BCRYPT_COST: '10' }, stdio: ['pipe', 'ignore', 'ignore'] })
      child.stdin.end('a long enough one\n')
      await once(child, 'close')
      const time = async (username) => {
        const from = performance.now()
        assert.equal((await request(`${slow.url}/auth/login`, { method: 'POST', body: { username, password: 'wrong' } })).status, 401)
        return performance.now() - from
      }
      const best = async (name) => Math.min(...[await time(name), await time(name), await time(name)])
      const known = await best('slow')
      const unknown = await best('nobody')
      assert.ok(unknown > known / 2 && unknown < known * 2, `known ${known} ms, unknown ${unknown} ms`)
    } finally {
      await slow.stop()
    }
  })

  it('answers others while many sign in', async () => {
    const slow = await startMillrace({ databaseUrl: db.url, migrate: false, env: { MILLRACE_ROLES: 'api', MILLRACE_BCRYPT_COST: '12' } })
    try {
      const token = await login(server.url)
      const signIns = Array.from({ length: 12 }, (_, i) => request(`${slow.url}/auth/login`, { method: 'POST', body: { username: `who${i}`, password: 'x' }, timeout: 60000 }))
      const from = performance.now()
      assert.equal((await request(`${slow.url}/api/v1/pipelines`, { token })).status, 200)
      assert.ok(performance.now() - from < 1500, `${performance.now() - from} ms`)
      assert.deepEqual([...new Set((await Promise.all(signIns)).map((r) => r.status))], [401])
    } finally {
      await slow.stop()
    }
  })

  it('asks for the role that an action needs', async () => {
    const tokens = { viewer: await as('vera'), operator: await as('otto'), admin: await login(server.url) }
    const made = await post('/api/v1/pipelines', { name: 'roles', kafka_topics: ['roles.a'] }, { token: tokens.admin })
    assert.equal(made.status, 201)
    const one = `/api/v1/pipelines/${made.body.id}`
    const rows = [
      ['GET', '/api/v1/pipelines', undefined, [200, 200, 200]],
      ['GET', '/api/v1/monitoring/dashboard', undefined, [200, 200, 200]],
      ['POST', '/api/v1/pipelines', { name: 'x' }, [403, 403, 422]],
      ['POST', `${one}/start`, undefined, [403, 200, 200]],
      ['POST', `${one}/stop`, undefined, [403, 200, 200]],
      ['DELETE', one, undefined, [403, 403, 204]],
    ]
    for (const [method, path, body, want] of rows) {
      const got = []
      for (const token of Object.values(tokens)) got.push((await request(`${server.url}${path}`, { method, token, body })).status)
      assert.deepEqual(got, want, `${method} ${path}`)
    }
    const refused = await post(`${one}/start`, undefined, { token: tokens.viewer })
    assert.match(refused.body.detail, /operator/)
    assert.match(refused.body.detail, /viewer/)
  })

  it('does not let a user in who was disabled', async () => {
    const { body } = await post('/auth/login', { username: 'otto', password: "otto's password" })
    await db.query("UPDATE users SET disabled_at = now() WHERE username = 'otto'")
    assert.equal((await post('/auth/login', { username: 'otto', password: "otto's password" })).status, 401)
    assert.equal((await post('/auth/refresh', { refresh_token: body.refresh_token })).status, 401)
    assert.equal((await request(`${server.url}/auth/me`, { token: body.access_token })).status, 401)
  })

  it('ends the refresh tokens of a user whose password changes', async () => {
    const { body } = await post('/auth/login', { username: 'vera', password: "vera's password" })
    const child = spawn(millraceBin(), ['user', 'passwd', 'vera'], { env: { ...process.env, DATABASE_URL: db.url, MILLRACE_BCRYPT_COST: '4' }, stdio: ['pipe', 'ignore', 'ignore'] })
    child.stdin.end('another password\n')
    assert.equal((await once(child, 'close'))[0], 0)
    assert.equal((await post('/auth/refresh', { refresh_token: body.refresh_token })).status, 401)
    assert.equal((await post('/auth/login', { username: 'vera', password: 'another password' })).status, 200)
  })

  it('lists users, and refuses a name that is taken or a password that is short', async () => {
    const list = await runMillrace(['user', 'list'], { databaseUrl: db.url })
    assert.equal(list.code, 0)
    assert.match(list.stdout, /^admin +admin +active/m)
    assert.match(list.stdout, /^otto +operator +disabled/m)
    assert.doesNotMatch(list.stdout, /\$2b\$/)
    for (const [args, input, message] of [[['user', 'add', 'ADMIN'], 'long enough\n', /already/], [['user', 'add', 'new'], 'short\n', /8 to 72/], [['user', 'passwd', 'ghost'], 'long enough\n', /no user/]]) {
      const child = spawn(millraceBin(), args, { env: { ...process.env, DATABASE_URL: db.url, MILLRACE_BCRYPT_COST: '4' }, stdio: ['pipe', 'ignore', 'pipe'] })
      let text = ''
      child.stderr.on('data', (d) => (text += d))
      child.stdin.end(input)
      assert.equal((await once(child, 'close'))[0], 1, args.join(' '))
      assert.match(text, message)
    }
  })

  it('makes a password for the first administrator and prints it once', async () => {
    const fresh = await createDatabase('api_first')
    try {
      const first = await runMillrace(['migrate'], { databaseUrl: fresh.url, env: { MILLRACE_ADMIN_PASSWORD: '', MILLRACE_ADMIN_USER: 'root' } })
      const password = /user root, password (\S{24}) /.exec(first.stdout)?.[1]
      assert.ok(password, first.stdout)
      assert.doesNotMatch(first.stderr, new RegExp(password), 'not in the log')
      const again = await runMillrace(['migrate'], { databaseUrl: fresh.url, env: { MILLRACE_ADMIN_PASSWORD: '', MILLRACE_ADMIN_USER: 'root' } })
      assert.doesNotMatch(again.stdout, /password/)
      const s = await startMillrace({ databaseUrl: fresh.url, migrate: false, env: { MILLRACE_ROLES: 'api' } })
      try {
        assert.ok(await login(s.url, { username: 'root', password }))
      } finally {
        await s.stop()
      }
    } finally {
      await fresh.drop()
    }
  })

  it('refuses a JWT_SECRET that is too short, and says so', async () => {
    const { code, stderr } = await runMillrace(['serve'], { databaseUrl: db.url, env: { JWT_SECRET: 'short' } })
    assert.equal(code, 1)
    assert.match(stderr, /JWT_SECRET/)
  })

  it('lets everybody in with MILLRACE_AUTH=open, on loopback alone', async () => {
    const s = await startMillrace({ databaseUrl: db.url, migrate: false, env: { MILLRACE_ROLES: 'api', MILLRACE_AUTH: 'open' } })
    try {
      assert.equal((await request(`${s.url}/api/v1/pipelines`)).status, 200)
      assert.equal((await request(`${s.url}/auth/me`)).body.role, 'admin')
      const socket = await connect(s.url, undefined)
      assert.equal((await ask(socket, 'unsubscribe_pipeline', '00000000-0000-0000-0000-000000000000')).ok, true)
      socket.close()
    } finally {
      await s.stop()
    }
    const { code, stderr } = await runMillrace(['serve'], { databaseUrl: db.url, env: { MILLRACE_AUTH: 'open', MILLRACE_HOST: '0.0.0.0' } })
    assert.equal(code, 1)
    assert.match(stderr, /MILLRACE_AUTH/)
  })

  describe('Socket.IO', () => {
    it('takes the token from auth or from the Authorization header', async () => {
      const token = await login(server.url)
      const one = await connect(server.url, token)
      one.close()
      const two = await connect(server.url, undefined, { extraHeaders: { authorization: `Bearer ${token}` } })
      two.close()
    })

    it('says which is wrong with a token', async () => {
      for (const [token, code] of [[undefined, 'token_missing'], ['nonsense', 'token_invalid']]) {
        const socket = open(server.url, token)
        const error = await within('connect_error', 5000, new Promise((resolve) => socket.once('connect_error', resolve)))
        assert.equal(error.message, 'unauthorized')
        assert.equal(error.data.code, code)
        socket.close()
      }
    })

    it('keeps a connection whose token is renewed, and ends one whose token is not', async () => {
      const short = await startMillrace({ databaseUrl: db.url, migrate: false, env: { MILLRACE_ROLES: 'api', MILLRACE_ACCESS_TOKEN_SECONDS: '10' } })
      try {
        const long = await login(server.url) // 900 s; the same secret
        const kept = await connect(short.url, await login(short.url))
        const ended = await connect(short.url, await login(short.url))
        let keptEnd
        kept.on('disconnect', (why) => (keptEnd = why))
        const expired = new Promise((resolve) => ended.once('token_expired', resolve))
        const gone = new Promise((resolve) => ended.once('disconnect', resolve))
        assert.equal((await ask(kept, 'refresh_token', { token: 'nonsense' })).error.code, 'token_invalid')
        const renewed = await ask(kept, 'refresh_token', { token: long })
        assert.equal(renewed.ok, true)
        assert.ok(renewed.expires_at > Date.now() / 1000 + 600)
        assert.equal((await within('it is told', 15000, expired)).code, 'token_expired')
        assert.equal(await within('it is disconnected', 15000, gone), 'io server disconnect')
        assert.equal((await ask(kept, 'unsubscribe_pipeline', '00000000-0000-0000-0000-000000000000')).ok, true)
        assert.equal(keptEnd, undefined)
        kept.close()
      } finally {
        await short.stop()
      }
    })
  })
})
