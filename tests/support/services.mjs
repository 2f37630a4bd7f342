// services.mjs - the real PostgreSQL, Kafka, Redis and Kafka Connect that tests run against. Where
// they are comes from the environment, as `./dev stack env` prints it. Every test file makes a
// database and topics of its own and removes them, so that files do not see each other.
//
//   const db = await createDatabase('main_path')      // .url .query() .drop()
//   await createTopics([topic], 3)
//   await produce(topic, records)                     // value null: a tombstone
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import kafkajs from 'kafkajs'

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')

/** An environment variable that a test can't do without. */
export function required(name) {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set: run through ./dev test, or export what ./dev stack env prints`)
  return value
}

export const buildDir = () => path.resolve(root, process.env.MILLRACE_BUILD_DIR || 'build/dev')
export const millraceBin = () => process.env.MILLRACE_BIN || path.join(buildDir(), 'bin', 'millrace')

/** Built with a sanitizer: its shadow counts as memory, and its checks as time. */
export const sanitized = () => /^MILLRACE_SANITIZE:STRING=.+$/m.test(readFileSync(path.join(buildDir(), 'CMakeCache.txt'), 'utf8'))

/** prefix_ab12cd34: lower case, a legal database, topic, slot and group name. */
export const uniqueName = (prefix) => `${prefix}_${randomBytes(4).toString('hex')}`

// ---- PostgreSQL

/** The same server and role, another database. */
export function withDatabase(url, name) {
  const u = new URL(url)
  u.pathname = `/${name}`
  return u.toString()
}

export class Database {
  constructor(serverUrl, name) {
    this.serverUrl = serverUrl
    this.name = name
    this.url = withDatabase(serverUrl, name)
    this.open()
  }

  open() {
    // int8 stays text in pg; counts and seqs here are far below 2^53.
    const types = { getTypeParser: (oid, format) => (oid === 20 ? Number : pg.types.getTypeParser(oid, format)) }
    this.pool = new pg.Pool({ connectionString: this.url, max: 4, types })
    this.pool.on('error', () => {}) // an idle connection died: the next query makes another
  }

  query(text, values) {
    return this.pool.query(text, values)
  }

  async rows(text, values) {
    return (await this.query(text, values)).rows
  }

  async one(text, values) {
    return (await this.rows(text, values))[0]
  }

  async drop() {
    await this.pool.end()
    await onServer(this.serverUrl, async (client) => {
      // A slot pins its database, and outlives the connector that made it.
      const { rows } = await client.query('SELECT slot_name, active_pid FROM pg_replication_slots WHERE database = $1', [this.name])
      for (const slot of rows) {
        if (slot.active_pid) await client.query('SELECT pg_terminate_backend($1)', [slot.active_pid])
        // 55006: its walsender has not gone yet
        await unless('55006', () => client.query('SELECT pg_drop_replication_slot($1)', [slot.slot_name]))
      }
      // 42501: an autovacuum worker is inside, which only a superuser may end; it leaves by itself
      await unless('42501', () => client.query(`DROP DATABASE IF EXISTS "${this.name}" WITH (FORCE)`))
    })
  }
}

/** Do it again, for 20 s, while it fails with this SQLSTATE. */
async function unless(code, work) {
  for (let left = 200; ; left--) {
    try {
      return await work()
    } catch (e) {
      if (left === 0 || e.code !== code) throw e
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

async function onServer(url, work) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** A database of the caller's own. url: a role that may create one (default: DATABASE_URL). */
export async function createDatabase(prefix, { url = required('DATABASE_URL') } = {}) {
  const name = uniqueName(prefix)
  await onServer(url, (client) => client.query(`CREATE DATABASE "${name}" TEMPLATE template0 ENCODING 'UTF8'`))
  return new Database(url, name)
}

// ---- Kafka

let client
export function kafka() {
  client ??= new kafkajs.Kafka({
    clientId: 'millrace-tests',
    brokers: required('KAFKA_BOOTSTRAP_SERVERS').split(','),
    logLevel: kafkajs.logLevel.NOTHING,
    connectionTimeout: 3000,
    retry: { initialRetryTime: 100, retries: 10 },
  })
  return client
}

async function admin(work) {
  const a = kafka().admin()
  await a.connect()
  try {
    return await work(a)
  } finally {
    await a.disconnect()
  }
}

/** Create topics and wait until each partition has a leader. */
export function createTopics(names, partitions = 1) {
  return admin((a) =>
    a.createTopics({
      waitForLeaders: true,
      topics: names.map((topic) => ({ topic, numPartitions: partitions, replicationFactor: 1 })),
    }),
  )
}

export function deleteTopics(names) {
  return admin(async (a) => {
    const there = new Set(await a.listTopics())
    const topics = names.filter((n) => there.has(n))
    if (topics.length) await a.deleteTopics({ topics, timeout: 10000 })
  })
}

/** Every topic whose name begins so; for prefixes that a connector filled. */
export const topicsWith = (prefix) => admin(async (a) => (await a.listTopics()).filter((t) => t.startsWith(prefix)))

/** [{topic, partition, low, high}] with numbers. */
export function topicOffsets(names) {
  return admin(async (a) => {
    const out = []
    for (const topic of names) {
      for (const p of await a.fetchTopicOffsets(topic)) {
        out.push({ topic, partition: p.partition, low: Number(p.low), high: Number(p.high) })
      }
    }
    return out
  })
}

let producer // a promise, so that two calls at once share one connection
function connectedProducer() {
  producer ??= (async () => {
    const p = kafka().producer({
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      allowAutoTopicCreation: false,
    })
    await p.connect()
    return p
  })()
  return producer
}

/**
 * Produce in the order given, several thousand a request. records: {key, value, partition?, headers?,
 * timestamp?}; key and value are strings, buffers or null; without partition the key decides.
 */
export async function produce(topic, records, { batch = 2000 } = {}) {
  const p = await connectedProducer()
  for (let i = 0; i < records.length; i += batch) {
    await p.send({ topic, acks: -1, messages: records.slice(i, i + batch) })
  }
}

/**
 * Every record of the topics as the broker has them now: [{topic, partition, offset, key, value,
 * headers}], key and value strings or null, offset a number, in order within a partition.
 */
export async function readTopics(names, { timeout = 30000 } = {}) {
  const ends = await topicOffsets(names)
  const left = new Set(ends.filter((e) => e.high > e.low).map((e) => `${e.topic}/${e.partition}`))
  const last = new Map(ends.map((e) => [`${e.topic}/${e.partition}`, e.high - 1]))
  const out = []
  if (!left.size) return out
  const consumer = kafka().consumer({ groupId: uniqueName('reader'), maxBytes: 8 << 20 })
  await consumer.connect()
  try {
    await consumer.subscribe({ topics: names, fromBeginning: true })
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`not read within ${timeout} ms: ${[...left]}`)), timeout)
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
      consumer
        .run({
          autoCommit: false,
          eachBatch: async ({ batch }) => {
            const id = `${batch.topic}/${batch.partition}`
            for (const m of batch.messages) {
              const offset = Number(m.offset)
              if (offset > last.get(id)) continue
              const text = (b) => (b === null ? null : b.toString('utf8'))
              out.push({ topic: batch.topic, partition: batch.partition, offset, key: text(m.key), value: text(m.value), headers: m.headers })
              if (offset === last.get(id)) left.delete(id)
            }
            if (!left.size) {
              clearTimeout(timer)
              resolve()
            }
          },
        })
        .catch(reject)
    })
  } finally {
    await consumer.disconnect()
  }
  return out
}

/** Close what this module opened; call it in after(), or the test process does not end. */
export async function closeServices() {
  const p = await producer?.catch(() => undefined)
  producer = undefined
  await p?.disconnect()
}
