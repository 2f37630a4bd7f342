// badinput_http.test.mjs - requests that no one should send: each gets a clear error, a counter
// moves, and a client on the same server goes on undisturbed.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { randomUUID } from 'node:crypto'
import { Bystander } from '../support/bystander.mjs'
import { request } from '../support/client.mjs'
import { ADMIN } from '../support/millrace.mjs'
import { metrics, sum } from '../support/metrics.mjs'
import { forge, rawHttp } from '../support/raw.mjs'

describe('bad HTTP', () => {
  let b
  before(async () => (b = await Bystander.start('bad_http')))
  after(() => b?.close())
  afterEach(() => b.undisturbed())

  const get = (path, options) => request(`${b.url}${path}`, { token: b.token, ...options })

  /** An RFC 9457 problem with everything that api.md promises. */
  function isProblem(res, status, what = '') {
    assert.equal(res.status, status, `${what}: ${res.text}`)
    assert.match(res.headers.get('content-type'), /^application\/problem\+json/, what)
    for (const field of ['type', 'title', 'detail', 'instance', 'request_id']) {
      assert.equal(typeof res.body[field], 'string', `${what}: ${field} in ${res.text}`)
    }
    assert.equal(res.body.status, status)
    assert.ok(res.body.detail.length > 0)
    assert.doesNotMatch(res.text, /SELECT|pg_|libpq|\.c:\d/, 'no SQL and no source lines')
  }

  describe('bytes that are not HTTP', () => {
    const long = 'x'.repeat(20000)
    const rows = [
      ['noise', Buffer.from([0, 1, 2, 255, 254, 10, 13, 10, 13, 10])],
      ['a request line of one word', 'HELLO\r\n\r\n'],
      ['a version nobody speaks', 'GET /health HTTP/9.9\r\nHost: x\r\n\r\n', [400, 505]],
      ['a TLS hello', Buffer.from('16030100c8010000c40303' + '00'.repeat(200), 'hex')],
      ['an unknown method', 'FROB /health HTTP/1.1\r\nHost: x\r\n\r\n', [400, 405, 501]],
      ['a content-length that is no number', 'POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ten\r\n\r\n{}'],
      ['a negative content-length', 'POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: -1\r\n\r\n'],
      ['a content-length beyond 64 bits', 'POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999999999999999999\r\n\r\n', [400, 413]],
      ['a header of 20,000 bytes', `GET /health HTTP/1.1\r\nHost: x\r\nX-Long: ${long}\r\n\r\n`, [431, 400]],
      ['a header kept by the server of 20,000 bytes', `GET /health HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${long}\r\n\r\n`, [431, 400]],
      ['two thousand headers', `GET /health HTTP/1.1\r\nHost: x\r\n${Array.from({ length: 2000 }, (_, i) => `X-${i}: y\r\n`).join('')}\r\n`, [431, 400]],
      ['a URL of 20,000 bytes', `GET /${long} HTTP/1.1\r\nHost: x\r\n\r\n`, [414, 431, 400]],
    ]
    for (const [what, bytes, allowed = [400]] of rows) {
      it(`refuses ${what}`, async () => {
        const res = await rawHttp(b.server.port, bytes, { end: true })
        // Not everything that is not HTTP deserves an answer in HTTP: closing is one, too.
        assert.ok(allowed.includes(res.status) || (res.status === 0 && res.closed), `status ${res.status}: ${res.head}`)
      })
    }

    it('counts them', async () => {
      const earlier = sum(await metrics(b.url, b.token), /bad_requests/)
      await rawHttp(b.server.port, 'POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\n\r\n', { end: true })
      assert.ok(sum(await metrics(b.url, b.token), /bad_requests/) > earlier)
    })

    it('survives clients that leave in the middle', async () => {
      for (const part of ['G', 'GET / HTT', 'GET / HTTP/1.1\r\nHos', 'POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"user']) {
        await rawHttp(b.server.port, part, { end: true })
      }
    })

    it('does not wait for ever for the rest of a head', async () => {
      const res = await rawHttp(b.server.port, 'GET /health HTTP/1.1\r\nHost: x\r\n', { timeout: 20000 })
      assert.ok(res.closed || res.status === 408, res.head)
    })

    it('does not leave its folder', async () => {
      for (const path of ['/../../../../etc/passwd', '/%2e%2e/%2e%2e/%2e%2e/etc/passwd', '/..%2f..%2f..%2fetc/passwd', '//etc/passwd', '/%00', '/%', '/%zz', '/a\\..\\..\\etc']) {
        const res = await rawHttp(b.server.port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
        assert.ok([400, 404].includes(res.status), `${path}: ${res.status}`)
        assert.doesNotMatch(res.body, /root:/)
      }
    })
  })

  describe('bodies', () => {
    const post = (body, headers = { 'content-type': 'application/json' }) => request(`${b.url}/auth/login`, { method: 'POST', body, headers })

    it('refuses what is not JSON with 400', async () => {
      for (const body of ['', '{', '{"username":', 'null x', '{"username":"a","password":"b"}}', '\u0000', '{"a":01}', "{'a':1}"]) {
        isProblem(await post(body), 400, JSON.stringify(body))
      }
    })

    it('refuses JSON nested without end with 400', async () => {
      isProblem(await post('['.repeat(100000)), 400, 'arrays')
      isProblem(await post('{"a":'.repeat(50000)), 400, 'objects')
    })

    it('names every field that is wrong with 422', async () => {
      const res = await post(JSON.stringify({ username: 7 }))
      isProblem(res, 422)
      assert.deepEqual(res.body.errors.map((e) => e.field).sort(), ['password', 'username'])
      assert.ok(res.body.errors.every((e) => e.message))
      isProblem(await post('[]'), 422, 'an array')
      isProblem(await post('"text"'), 422, 'a string')
    })

    it('refuses another content type with 415', async () => {
      isProblem(await post('<a/>', { 'content-type': 'text/xml' }), 415)
    })

    it('refuses a body over 1 MiB with 413, announced or not', async () => {
      const announced = await rawHttp(b.server.port, 'POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1048577\r\n\r\n')
      assert.equal(announced.status, 413)
      assert.match(announced.head, /application\/problem\+json/)
      const piece = `10000\r\n${' '.repeat(0x10000)}\r\n`
      const chunked = await rawHttp(b.server.port, ['POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n', ...Array(17).fill(piece), '0\r\n\r\n'])
      assert.ok([413, 411, 400, 501].includes(chunked.status), `chunked: ${chunked.status} ${chunked.body}`)
    })

    it('lets who sends 20 MB read the answer before it closes', async () => {
      for (let i = 0; i < 20; i++) isProblem(await post(' '.repeat(20000000)), 413)
    })

    it('takes a body just under 1 MiB', async () => {
      const res = await post(JSON.stringify({ ...ADMIN, more: 'x'.repeat((1 << 20) - 200) }))
      assert.ok([200, 422].includes(res.status), res.text.slice(0, 300))
    })
  })

  describe('tokens', () => {
    it('says 401 and how to sign in, whatever is wrong with the token', async () => {
      const secret = b.server.env.JWT_SECRET ?? 'a test key of more than thirty-two characters'
      const now = Math.floor(Date.now() / 1000)
      assert.equal((await get('/api/v1/pipelines', { token: forge(b.token, { secret }) })).status, 200, 'a forged token with the right key is good: the forger works')
      const rows = [
        ['none', ''],
        ['noise', 'x'],
        ['three empty parts', '..'],
        ['no JSON', 'YQ.YQ.YQ'],
        ['another key', forge(b.token, { secret: 'some other key that is long enough, too' })],
        ['no signature', forge(b.token, { alg: 'none' })],
        ['expired', forge(b.token, { secret, claims: { iat: now - 100, exp: now - 10 } })],
        ['a changed signature', b.token.slice(0, -4) + (b.token.endsWith('AAAA') ? 'BBBB' : 'AAAA')],
        ['another issuer', forge(b.token, { secret, claims: { iss: 'someone else' } })],
        ['a role that does not exist', forge(b.token, { secret, claims: { role: 'emperor' } })],
        ['very long', 'x'.repeat(10000)],
      ]
      for (const [what, token] of rows) {
        const res = await get('/api/v1/pipelines', { token: undefined, headers: token ? { authorization: `Bearer ${token}` } : {} })
        isProblem(res, 401, what)
        assert.match(res.headers.get('www-authenticate') ?? '', /bearer/i, what)
      }
      isProblem(await get('/api/v1/pipelines', { token: undefined, headers: { authorization: 'Basic YWRtaW46YWRtaW4=' } }), 401, 'Basic')
    })

    it('says the same of a wrong password and an unknown user', async () => {
      const login = (username, password) => request(`${b.url}/auth/login`, { method: 'POST', body: { username, password } })
      const wrong = await login(ADMIN.username, 'wrong')
      const unknown = await login('nobody', 'wrong')
      isProblem(wrong, 401)
      isProblem(unknown, 401)
      assert.equal(wrong.body.detail, unknown.body.detail)
    })
  })

  describe('addresses and parameters', () => {
    it('says 404 to an unknown address and 405 with Allow to a wrong method', async () => {
      isProblem(await get('/api/v1/nothing'), 404)
      isProblem(await get('/api/v1/'), 404)
      const res = await get('/api/v1/pipelines', { method: 'PURGE' })
      assert.ok([400, 405, 501].includes(res.status), res.text)
      const del = await get('/api/v1/monitoring/dashboard', { method: 'DELETE' })
      isProblem(del, 405)
      assert.match(del.headers.get('allow'), /\bGET\b/)
    })

    it('says 422 to a parameter out of range, and which', async () => {
      const rows = [
        ['limit=0', 'limit'], ['limit=-1', 'limit'], ['limit=ten', 'limit'], ['limit=1001', 'limit'], ['limit=99999999999999999999', 'limit'],
        ['pipeline_id=nonsense', 'pipeline_id'], ['after_seq=-1', 'after_seq'], ['after_seq=x', 'after_seq'], ['event_type=nonsense', 'event_type'],
      ]
      for (const [query, field] of rows) {
        const res = await get(`/api/v1/monitoring/events?${query}`)
        isProblem(res, 422, query)
        assert.ok(res.body.errors.some((e) => e.field === field), `${query}: ${res.text}`)
      }
    })

    it('says 404 to an unknown pipeline', async () => {
      isProblem(await get(`/api/v1/monitoring/dashboard?pipeline_id=${randomUUID()}`), 404)
      isProblem(await get(`/api/v1/monitoring/events?pipeline_id=${randomUUID()}`), 404)
    })

    it('treats SQL in a parameter as text', async () => {
      const res = await get(`/api/v1/monitoring/events?table=${encodeURIComponent("orders'; DROP TABLE pipeline_runs; --")}`)
      assert.equal(res.status, 200)
      assert.deepEqual(res.body, [])
    })
  })
})
