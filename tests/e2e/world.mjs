// What the browser tests run in: for each file a database, topics, a pipeline and a real server of
// its own, and a page whose console must stay free of errors.
//
//   test('…', async ({ page, world }) => {
//     await signIn(page, world)
//     await world.emit([change('u', …)])
//   })
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test as base, expect } from '@playwright/test'
import { createDatabase, createTopics, deleteTopics, produce, readTopics, root, uniqueName } from '../support/services.mjs'
import { ADMIN, startMillrace } from '../support/millrace.mjs'
import { createPipeline } from '../support/pipelines.mjs'
import { change, tombstone } from '../support/debezium.mjs'
import { pause } from '../support/until.mjs'

export { ADMIN, change, expect, tombstone }

export const results = (name) => path.join(root, 'tests/e2e/results', name)
const TABLES = ['orders', 'customers', 'payments']

export class World {
  /** options: env: settings of the server. */
  static async make({ env = {} } = {}) {
    const world = new World()
    world.db = await createDatabase('e2e')
    world.prefix = uniqueName('shop')
    await createTopics(world.topics())
    world.server = await startMillrace({
      databaseUrl: world.db.url,
      // A killed member of a consumer group is waited for; the shortest time that brokers allow.
      env: { MILLRACE_KAFKA_SESSION_TIMEOUT_MS: '6000', MILLRACE_UI_DIR: process.env.MILLRACE_UI_DIR || path.join(root, 'ui/out'), ...env },
    })
    world.pipelineId = await createPipeline(world.db, { name: 'shop to warehouse', prefix: world.prefix })
    return world
  }

  nextId = 1

  topics() {
    return TABLES.map((table) => `${this.prefix}.public.${table}`)
  }

  get url() {
    return this.server.url
  }

  /** Put changes of one table on Kafka, in order. */
  emit(records, table = 'orders') {
    return produce(`${this.prefix}.public.${table}`, records, { batch: 500 })
  }

  change(op, options = {}) {
    return change(op, { prefix: this.prefix, id: this.nextId++, ...options })
  }

  /** One change of a plausible shop, tombstone included: {table, records}. */
  anyChange() {
    const n = this.nextId++
    const table = TABLES[n % 7 === 0 ? 2 : n % 3 === 0 ? 1 : 0]
    const op = 'ccuuuucuud'[n % 10]
    const id = op === 'c' ? n : Math.max(1, n - 5)
    const row = (status) => ({
      id,
      customer: ['Ada Lovelace', 'Grace Hopper', 'Edsger Dijkstra', 'Barbara Liskov'][id % 4],
      status,
      total: ((500 + ((id * 7919) % 90000)) / 100).toFixed(2),
      currency: 'EUR',
    })
    const options = { id, table, prefix: this.prefix }
    if (op === 'c') return { table, records: [change('c', { ...options, row: row('new') })] }
    if (op === 'u') return { table, records: [change('u', { ...options, before: row('new'), row: row('paid') })] }
    return { table, records: [change('d', options), tombstone(options)] }
  }

  /** Changes all the time, about so many a second, until stop() of what is returned. */
  stream(perSecond) {
    let going = true
    let sent = 0
    const run = (async () => {
      while (going) {
        const batch = new Map()
        for (let i = 0; i < Math.max(1, Math.round(perSecond / 10)); i++) {
          const { table, records } = this.anyChange()
          batch.set(table, [...(batch.get(table) ?? []), ...records])
          sent++
        }
        for (const [table, records] of batch) await this.emit(records, table)
        await pause(100)
      }
    })()
    return {
      stop: async () => {
        going = false
        await run
        return sent
      },
    }
  }

  /** How many events the log has. */
  async logged() {
    return (await this.db.one('SELECT coalesce(sum(last_pipeline_seq), 0)::int AS n FROM pipeline_counters')).n
  }

  /** How many events Kafka holds, tombstones not counted. */
  async inKafka() {
    return (await readTopics(this.topics())).filter((r) => r.value !== null).length
  }

  async end() {
    await this.server.stop()
    await this.db.drop()
    await deleteTopics(this.topics())
  }
}

// A browser logs every failed request as an error; where a test makes them fail, it says so.
export const NETWORK = /Failed to load resource|WebSocket connection to|ERR_CONNECTION|ERR_INTERNET/

export const test = base.extend({
  serverEnv: [{}, { option: true, scope: 'worker' }],
  world: [
    async ({ serverEnv }, use) => {
      const world = await World.make({ env: serverEnv })
      await use(world)
      await world.end()
    },
    { scope: 'worker', timeout: 60_000 },
  ],
  allowedErrors: [null, { option: true }],
  page: async ({ page, allowedErrors }, use) => {
    const errors = []
    page.on('pageerror', (e) => errors.push(`uncaught: ${e.message}`))
    page.on('console', (m) => {
      if (m.type() !== 'error' && m.type() !== 'warning') return
      if (!allowedErrors?.test(m.text())) errors.push(`${m.type()}: ${m.text()}`)
    })
    await use(page)
    expect(errors, 'the console').toEqual([])
  },
})

export async function signIn(page, world, to = '/monitoring') {
  await page.goto(world.url + to)
  await page.getByLabel('User name').fill(ADMIN.username)
  await page.getByLabel('Password', { exact: true }).fill(ADMIN.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await isLive(page)
}

/** Poll more often than people need it to. */
export const hurriedPolls = (page, pollInterval = 1000) =>
  page.route('**/config.json', (route) => route.fulfill({ json: { apiUrl: '', wsUrl: '', wsEnabled: true, pollInterval } }))

export const isLive = (page) => expect(page.locator('[data-link]')).toHaveAttribute('data-link', 'live', { timeout: 30_000 })
export const linkIs = (page, state, options) => expect(page.locator('[data-link]')).toHaveAttribute('data-link', state, options)
export const rows = (page) => page.locator('[data-pipeline-seq]')
export const row = (page, seq) => page.locator(`[data-pipeline-seq="${seq}"]`)
export const stat = (page, id) => page.locator(`[data-stat=${id}]`)
export const number = (text) => Number(text.replace(/[^\d.-]/g, ''))

/** Every pipeline_seq of the list, read off its rows from top to bottom, as somebody scrolling sees it. */
export async function allSeqs(page) {
  return page.getByRole('grid').evaluate(async (box) => {
    const seen = new Set()
    const look = () => box.querySelectorAll('[data-pipeline-seq]').forEach((r) => seen.add(Number(r.dataset.pipelineSeq)))
    const frame = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))
    box.scrollTop = 0
    await frame()
    for (;;) {
      look()
      const before = box.scrollTop
      box.scrollTop += box.clientHeight * 0.8
      await frame()
      if (box.scrollTop === before) break
    }
    look()
    box.scrollTop = 0
    return [...seen].sort((a, b) => b - a)
  })
}

const axe = readFileSync(path.join(root, 'ui/node_modules/axe-core/axe.min.js'), 'utf8')

/** What axe-core finds that matters: [] or ["serious color-contrast: …"]. */
export async function violations(page) {
  await page.evaluate(axe)
  const found = await page.evaluate(() =>
    globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }),
  )
  return found.violations
    .filter((v) => v.impact === 'serious' || v.impact === 'critical')
    .map((v) => `${v.impact} ${v.id}: ${v.nodes.map((n) => `${n.html.slice(0, 120)} ${n.any?.[0]?.message ?? ''}`).join(' | ')}`)
}
