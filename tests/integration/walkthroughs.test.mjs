// walkthroughs.test.mjs - what the documents that ask for ingestion and feeds have people do, done with the tools that
// they name: curl, redis-cli, a plain WebSocket, and kcat. No token: MILLRACE_ANONYMOUS opens both surfaces.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import WebSocket from 'ws'
import { startMillrace } from '../support/millrace.mjs'
import { redisDatabase } from '../support/redis.mjs'
import { closeServices, createDatabase, createTopics, deleteTopics, uniqueName } from '../support/services.mjs'
import { until } from '../support/until.mjs'

const run = promisify(execFile)

describe('walk-throughs', () => {
  const redis = redisDatabase(6)
  const topic = uniqueName('walk')
  let db, server, publishing
  const sockets = []
  before(async () => {
    await redis.clear()
    db = await createDatabase('walk')
    await createTopics([topic], 1)
    server = await startMillrace({ databaseUrl: db.url, env: { REDIS_URL: redis.url, MILLRACE_ANONYMOUS: 'ingest,feeds', MILLRACE_INGEST_TOPIC: topic, MILLRACE_INGEST_GROUP: topic } })
  })
  after(async () => {
    clearInterval(publishing)
    for (const s of sockets) s.removeAllListeners('close').terminate()
    await server?.stop()
    await db?.drop()
    await deleteTopics([topic])
    await closeServices()
  })

  /** curl as the documents have it; returns {status, body, seconds}. */
  async function curl(...args) {
    const { stdout } = await run('curl', ['-sS', '-w', '\n%{http_code} %{time_total}', ...args])
    const at = stdout.lastIndexOf('\n')
    const [status, seconds] = stdout.slice(at + 1).split(' ').map(Number)
    return { status, seconds, body: JSON.parse(stdout.slice(0, at)) }
  }
  const url = (path) => `${server.url}${path}`
  function open(path) {
    const ws = new WebSocket(url(path).replace('http', 'ws'))
    ws.all = []
    ws.on('message', (m) => ws.all.push(JSON.parse(m)))
    ws.on('error', () => {})
    sockets.push(ws)
    return ws
  }
  const last = (ws) => ws.all.at(-1)

  it('the statistics: a hundred messages at once, and the figures move', { timeout: 60000 }, async () => {
    const ws = open('/ws/stats')
    await until('the first figures', () => last(ws))
    const before = last(ws)
    await run('bash', ['-c', `for i in {1..100}; do
      curl -sS -X POST ${url('/messages')} -H "Content-Type: application/json" \\
        -d "{\\"user_id\\": $i, \\"channel_id\\": 1, \\"content\\": \\"Test $i\\"}" > /dev/null &
    done; wait`])
    await until('the total has moved by a hundred', () => last(ws).total_messages, (n) => n === before.total_messages + 100)
    assert.ok(last(ws).total_batches > before.total_batches)
    const most = await until('there is a rate', () => Math.max(...ws.all.map((m) => m.current_rps)), (r) => r > 5)
    assert.ok(most <= 200, `no more than can be: ${most} messages a second`)
    await until('the rate falls when nothing comes', () => last(ws).current_rps, (r) => r === 0, { timeout: 20000 })
    assert.equal(last(ws).queue_depth, 0)
    assert.equal(await redis.cli('GET', 'total_messages'), String(last(ws).total_messages))
    assert.equal(await redis.cli('LLEN', 'pending_messages'), '0')
  })

  it('the burst: 202 at once, through in a second, and still there after a reload', async () => {
    const { body: newest } = await curl(url('/messages?limit=10'))
    assert.equal(newest.length, 10)
    assert.deepEqual(Object.keys(newest[0]), ['id', 'user_id', 'channel_id', 'content', 'created_at', 'inserted_at'])
    const from = Date.now()
    const res = await curl('-X', 'POST', url('/simulate'))
    assert.deepEqual([res.status, res.body], [202, { status: 'simulation_started', messages_count: 500, message: 'Burst simulation queued - 500 messages will be injected immediately' }])
    const stored = async () => (await db.query('SELECT count(*) AS n FROM messages')).rows[0].n
    await until('all are stored', stored, (n) => n === 600, { every: 10 })
    assert.ok(Date.now() - from < 4000, `in ${Date.now() - from} ms`)
    // what a page shows that is loaded now
    const history = (await curl(url('/stats/history?points=100'))).body
    assert.ok(history.length > 20 && history.some((s) => s.current_rps > 0), 'the chart is full at once')
    const feed = (await curl(url('/messages?limit=50'))).body
    assert.equal(feed.length, 50)
    assert.deepEqual(feed.map((m) => m.inserted_at), feed.map((m) => m.inserted_at).sort().reverse(), 'newest first')
    const health = (await curl(url('/health'))).body
    assert.equal(health.status, 'ok')
    assert.equal(typeof health.queue_length, 'number')
  })

  it('the dashboard: acknowledged, equal to REST, told of what happens', { timeout: 30000 }, async () => {
    const ws = open('/ws/dashboard')
    await until('the first two', () => ws.all.length >= 2)
    assert.deepEqual(ws.all.slice(0, 2).map((m) => m.type), ['connection_ack', 'stats_update'])
    const rest = (await curl(url('/api/v1/stats'))).body
    assert.deepEqual(Object.keys(ws.all[1].data), Object.keys(rest))
    assert.equal(ws.all[1].data.total_messages, rest.total_messages)
    const told = (n) => until(`the burst of ${n} is through`, () => ws.all.find((m) => m.type === 'ingestion_complete' && m.data.details.messages === n), Boolean, { timeout: 20000 })
    await told(500)
    await curl('-X', 'POST', url('/simulate'), '-H', 'Content-Type: application/json', '-d', '{"count": 40}')
    assert.equal((await told(40)).data.message, '40 messages stored in 1 batch')
    const ten = Array.from({ length: 8 }, () => open('/api/v1/ws/dashboard'))
    await Promise.all(ten.map((s) => once(s, 'open')))
    ws.close()
    for (const s of ten) s.close()
  })

  it('the message bus: a hundred a second in order, and back within five seconds of a restart', { timeout: 60000 }, async () => {
    const seen = []
    let ws, lastId, tries = 0
    const connect = () => {
      ws = open(`/ws?after=trades:${lastId ?? '0-0'}`)
      ws.on('message', (m) => {
        const { type, id, data, timestamp } = JSON.parse(m)
        if (type === 'message') seen.push({ n: data.n, latency: Date.now() - Date.parse(timestamp), at: Date.now() }), (lastId = id)
      })
      ws.on('close', () => setTimeout(connect, Math.min(200 * 2 ** tries++, 4000)))
    }
    connect()
    await once(ws, 'open')
    let n = 0
    publishing = setInterval(() => redis.cli('XADD', 'bus:trades', '*', 'data', JSON.stringify({ n: n++ })).catch(() => n--), 10)
    await until('a hundred have come', () => seen.length >= 100)
    const sorted = seen.map((m) => m.latency).sort((a, b) => a - b)
    assert.ok(sorted[Math.floor(sorted.length / 2)] < 100, `median latency ${sorted[Math.floor(sorted.length / 2)]} ms`)
    await server.kill9()
    await server.start()
    const up = Date.now()
    await until('messages come again', () => seen.at(-1).at > up)
    assert.ok(seen.find((m) => m.at > up).at - up < 5000)
    clearInterval(publishing)
    await until('all have come', () => seen.length, (c) => c === n)
    assert.deepEqual(seen.map((m) => m.n).sort((a, b) => a - b), Array.from({ length: n }, (_, i) => i), 'those of the restart, too, each once')
    ws.send('{"type": "test", "data": "hello"}')
    await until('the echo', () => ws.all.find((m) => m.type === 'test')?.data === 'hello')
    ws.removeAllListeners('close')
    ws.close()
  })

  it('kcat and redis-cli are producers like any other', async () => {
    const before = (await db.query('SELECT count(*) AS n FROM messages')).rows[0].n
    const kcat = spawn('kcat', ['-P', '-b', process.env.KAFKA_BOOTSTRAP_SERVERS, '-t', topic], { stdio: ['pipe', 'ignore', 'inherit'] })
    for (let i = 0; i < 20; i++) kcat.stdin.write(`{"user_id": ${i}, "channel_id": 1, "content": "kcat ${i}"}\n`)
    kcat.stdin.end()
    assert.equal((await once(kcat, 'close'))[0], 0)
    await redis.cli('LPUSH', 'pending_messages', '{"user_id": 1, "channel_id": 1, "content": "redis-cli"}')
    await until('all are stored', async () => (await db.query('SELECT count(*) AS n FROM messages')).rows[0].n, (n) => n === before + 21)
  })
})
