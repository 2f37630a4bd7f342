// From nothing to a change seen live, by clicking: databases, wizard, checks, start; and what the
// pages of pipelines and connections say when all is well and when it is not.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { Film } from '../support/film.mjs'
import { createPair, flowEnv } from '../support/copies.mjs'
import { login, request } from '../support/client.mjs'
import { root } from '../support/services.mjs'
import { until } from '../support/until.mjs'
import { ADMIN, expect, NETWORK, results, stat, test, violations } from './world.mjs'

test.use({ serverEnv: flowEnv(), allowedErrors: NETWORK })

let pair
test.beforeAll(async () => {
  pair = await createPair()
  await pair.source.query(`CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL);
    CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers, status text, total numeric(10,2));
    CREATE TABLE scratch (note text);
    INSERT INTO customers SELECT i, 'customer ' || i FROM generate_series(1, 50) i;
    INSERT INTO orders SELECT i, 1 + i % 50, 'new', i FROM generate_series(1, 2000) i; ANALYZE`)
})
// Slots, connectors and topics of pipelines whose test failed half way.
test.afterAll(async ({ world }) => {
  const call = async (path, method = 'GET') => (await request(`${world.url}/api/v1${path}`, { method, token: await login(world.url), timeout: 40000 })).body
  for (const p of await call('/pipelines')) if (p.engine === 'connect') await call(`/pipelines/${p.id}?force=true&drop_topics=true`, 'DELETE')
  await until('all is cleaned up', () => call('/monitoring/orphans'), (o) => o.pending_cleanup.length === 0, { timeout: 60_000 })
  await pair?.drop()
})

async function open(page, world, path = '/') {
  await page.goto(world.url + path)
  await page.getByLabel('User name').fill(ADMIN.username)
  await page.getByLabel('Password', { exact: true }).fill(ADMIN.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByRole('navigation', { name: 'Pages' })).toBeVisible({ timeout: 30_000 })
}
const fits = async (page) => expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 'sideways scrolling').toBe(0)
const settled = (page) => expect(async () => expect(await page.locator('.skeleton').count()).toBe(0)).toPass()

async function addConnection(page, name, db, film) {
  const u = new URL(db.url)
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name', { exact: true }).fill(name)
  await dialog.getByLabel('Host').fill(u.hostname)
  await dialog.getByLabel('Port').fill(u.port)
  await dialog.getByLabel('Database').fill(db.name)
  await dialog.getByLabel('User', { exact: true }).fill(decodeURIComponent(u.username))
  await dialog.getByLabel('Password').fill(decodeURIComponent(u.password) || 'none')
  await dialog.getByRole('button', { name: 'Test', exact: true }).click()
  await expect(dialog.getByRole('list', { name: 'What was checked' }).locator('[data-ok=true]').first()).toBeVisible({ timeout: 20_000 })
  await film?.frame(2200)
  await dialog.getByRole('button', { name: 'Save', exact: true }).click()
  await expect(dialog).toBeHidden()
}

test('a pipeline, from two databases to its first change, by clicking', async ({ page, world }) => {
  test.setTimeout(180_000)
  // MILLRACE_PICTURE=1 ./dev test browser: the picture of the README.
  const film = process.env.MILLRACE_PICTURE ? new Film(page) : null
  if (film) await page.setViewportSize({ width: 960, height: 620 })
  await open(page, world, '/pipelines/new')
  const began = Date.now()
  await page.getByRole('button', { name: 'New source' }).click()
  await addConnection(page, 'shop', pair.source, film)
  await page.getByRole('button', { name: 'New target' }).click()
  await addConnection(page, 'mart', pair.target)
  await film?.frame(1800)
  await page.getByRole('button', { name: 'Next' }).click()

  const orders = page.locator('[data-table=orders]')
  await expect(orders).toContainText('2,000')
  await expect(page.locator('[data-table=scratch]')).toContainText('no primary key')
  await page.getByRole('button', { name: 'Next' }).click()
  await expect(page.getByText('Choose at least one table')).toBeVisible()
  await page.getByLabel('Take orders').check()
  await page.getByLabel('Take customers').check()
  await film?.frame(1800)
  await page.getByRole('button', { name: 'Next' }).click()

  await expect(page.getByLabel('Name', { exact: true })).toHaveValue('shop to mart')
  await film?.frame(1800)
  await page.getByRole('button', { name: 'Next' }).click()
  await expect(page.getByRole('list', { name: 'What was checked' }).locator('[data-ok=true]').first()).toBeVisible({ timeout: 60_000 })
  await expect(page.locator('[data-ok=false]')).toHaveCount(0)
  await film?.frame(2200)
  await page.getByRole('button', { name: 'Start', exact: true }).click()

  await expect(page).toHaveURL(/\/pipelines\/view\?id=/)
  await expect(page.locator('[data-state=RUNNING][data-current]')).toBeVisible({ timeout: 60_000 })
  await film?.frame(1500)
  await pair.source.query("UPDATE orders SET status = 'paid' WHERE id = 7")
  const line = page.getByRole('list', { name: 'Newest events' }).locator('[data-event]').first()
  await expect(line).toContainText('orders')
  await expect(line).toContainText('status=paid')
  expect(Date.now() - began, 'under a minute of clicking').toBeLessThan(60_000)
  await until('it is in the target', async () => (await pair.target.query("SELECT status FROM orders WHERE id = 7")).rows[0]?.status, (s) => s === 'paid')
  await expect(page.locator('[data-rung][data-stuck=true]')).toHaveCount(0)
  await expect(page.locator('[data-rung]')).toHaveCount(5)
  if (film) {
    await line.scrollIntoViewIfNeeded()
    await film.frame(3500)
    film.save(path.join(root, 'docs/images/wizard.gif'))
  }
  await expect(page.locator('[data-connector=source]')).toContainText('1 of 1 tasks running', { timeout: 15_000 })

  await page.getByRole('tab', { name: 'Tables' }).click()
  await expect(page.locator('[data-table="public.orders"]')).toContainText('Done')
  await page.getByRole('tab', { name: 'Runs' }).click()
  await expect(page.locator('[data-job=start]')).toContainText('done')
  await page.getByRole('tab', { name: 'Audit' }).click()
  await expect(page.locator('[data-audit="pipeline.start"]').first()).toBeVisible()

  await page.getByRole('button', { name: 'Delete shop to mart' }).click()
  const dialog = page.getByRole('dialog')
  await expect(dialog).toContainText('It is running. Deleting stops it.')
  await dialog.getByRole('textbox').fill('shop to mart')
  await dialog.getByLabel('Delete its Kafka topics, too').check()
  await dialog.getByRole('button', { name: 'Delete', exact: true }).click()
  await expect(page).toHaveURL(/\/pipelines$/)
  await expect(page.getByRole('link', { name: 'shop to mart' })).toHaveCount(0)
})

test('a connection that does not work says which step failed, and can be kept all the same', async ({ page, world }) => {
  await open(page, world, '/connections')
  await page.getByRole('button', { name: /New connection|Add a database/ }).first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Test' }).click()
  await expect(dialog.getByText('The host is missing')).toBeVisible()
  await dialog.getByLabel('Name', { exact: true }).fill('nowhere')
  await dialog.getByLabel('Host').fill('127.0.0.1')
  await dialog.getByLabel('Port').fill('1')
  await dialog.getByLabel('Database').fill('d')
  await dialog.getByLabel('User', { exact: true }).fill('u')
  await dialog.getByLabel('Password').fill('hush-hush')
  await dialog.getByRole('button', { name: 'Test' }).click()
  await expect(dialog.locator('[data-check=tcp][data-ok=false]')).toBeVisible({ timeout: 20_000 })
  await dialog.getByRole('button', { name: 'Save anyway' }).click()
  const card = page.locator('[data-connection-name=nowhere]')
  await expect(card).toContainText('Failed', { timeout: 20_000 })
  expect(await page.content()).not.toContain('hush-hush')
  await card.getByRole('button', { name: 'Test nowhere' }).click()
  await expect(page.getByRole('dialog').locator('[data-ok=false]')).toBeVisible({ timeout: 20_000 })
  await page.keyboard.press('Escape')
  await expect(card).toContainText('Failed')
  await card.getByRole('button', { name: 'Delete nowhere' }).click()
  await expect(page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true })).toBeDisabled()
  await page.getByRole('dialog').getByRole('textbox').fill('nowhere')
  await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click()
  await expect(card).toBeHidden()
})

test('pipelines are found, paused and resumed from the list, and the overview agrees', async ({ page, world }) => {
  await open(page, world, '/pipelines')
  const row = page.locator(`[data-pipeline="${world.pipelineId}"]`)
  await expect(row).toHaveAttribute('data-status', 'RUNNING')
  await page.keyboard.press('/')
  await page.keyboard.type('no such thing')
  await expect(page.getByText('No pipeline matches')).toBeVisible()
  await page.getByRole('button', { name: 'Clear the filters' }).click()
  const name = await row.getByRole('link').innerText()
  await row.getByRole('button', { name: `Actions for ${name}` }).click()
  await page.getByRole('menuitem', { name: 'Pause' }).click()
  await expect(row).toHaveAttribute('data-status', 'PAUSED')
  await row.getByLabel(`Choose ${name}`).check()
  await page.getByRole('group', { name: 'With those chosen' }).getByRole('button', { name: /Resume 1/ }).click()
  await expect(row).toHaveAttribute('data-status', 'RUNNING')
  await world.emit([world.change('c'), world.change('c')])
  const at = await world.logged()
  await page.keyboard.press('g')
  await page.keyboard.press('o')
  await expect(page).toHaveURL(/\/$/)
  await expect(page.locator('[data-health=postgres]')).toHaveAttribute('data-tone', 'up', { timeout: 15_000 })
  await expect(page.locator('[data-health=kafka]')).toHaveAttribute('data-tone', 'up')
  await expect(async () => expect(Number((await stat(page, 'total_events').innerText()).replace(/\D/g, ''))).toBeGreaterThanOrEqual(Math.max(2, at))).toPass({ timeout: 20_000 })
  await expect(page.locator('[data-activity=pipeline]').first()).toBeVisible()
})

test('analytics are what was logged, can be taken along, and have an address', async ({ page, world }) => {
  await world.emit([world.change('c'), world.change('u'), world.change('u')])
  await until('they are logged', () => world.logged(), (n) => n >= 3)
  await open(page, world, '/analytics')
  const total = Number((await request(`${world.url}/api/v1/monitoring/dashboard`, { token: await login(world.url) })).body.total_events)
  await expect(page.locator('[data-chart=events] .recharts-bar-rectangle').first()).toBeAttached({ timeout: 15_000 })
  await expect(page.locator('[data-chart=events]')).toHaveAttribute('aria-label', new RegExp(`^${total} events`))
  await expect(page.locator('[data-table="public.orders"]').first()).toBeVisible()
  await expect(page.locator('[data-key-count]').first()).toBeVisible()
  const [png] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: /^Events.*as a PNG/ }).click()])
  expect(readFileSync(await png.path()).subarray(1, 4).toString()).toBe('PNG')
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Points as CSV' }).click()])
  expect(readFileSync(await file.path(), 'utf8')).toMatch(/^at,insert_count,.*\r\n20/)
  await page.getByLabel('Range').selectOption('7d')
  await expect(page).toHaveURL(/range=7d/)
  await page.reload()
  await expect(page.getByLabel('Range')).toHaveValue('7d')
  await page.goto(`${world.url}/analytics?range=custom&from=2020-01-01T00:00&to=2020-01-02T00:00`)
  await expect(page.getByText('Nothing was logged in this time')).toBeVisible()
})

test('users, keys and the audit log', async ({ page, world }) => {
  await open(page, world, '/settings')
  await page.getByRole('button', { name: 'Add a user' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('User name').fill('grace')
  await dialog.getByLabel('Password').fill('short')
  await dialog.getByRole('button', { name: 'Add' }).click()
  await expect(dialog.getByText('at least 8 characters')).toBeVisible()
  await dialog.getByLabel('Password').fill('long enough now')
  await dialog.getByRole('button', { name: 'Add' }).click()
  await expect(dialog).toBeHidden()
  await page.getByLabel('Role of grace').selectOption('operator')
  await expect(page.getByLabel('Role of grace')).toHaveValue('operator')
  await page.getByRole('tab', { name: 'API keys' }).click()
  await page.getByRole('button', { name: 'New key' }).click()
  await dialog.getByLabel('Name').fill('nightly')
  await dialog.getByLabel('monitoring:read').check()
  await dialog.getByRole('button', { name: 'Make it' }).click()
  const secret = await dialog.locator('[data-secret]').innerText()
  expect((await request(`${world.url}/api/v1/monitoring/events?limit=1`, { token: secret })).status).toBe(200)
  await dialog.getByRole('button', { name: 'I have it' }).click()
  await page.getByRole('button', { name: 'End nightly' }).click()
  await dialog.getByRole('button', { name: 'End it' }).click()
  await expect(page.locator('[data-key=nightly]')).toContainText('Ended')
  expect((await request(`${world.url}/api/v1/monitoring/events?limit=1`, { token: secret })).status).toBe(401)
  await page.getByRole('tab', { name: 'Audit log' }).click()
  await expect(page.locator('[data-audit="user.create"]').first()).toBeVisible()
  await page.getByRole('button', { name: 'Verify the chain' }).click()
  await expect(page.getByText(/entries are as they were written/)).toBeVisible()
})

test('who may only look is offered nothing that would be refused', async ({ page, world }) => {
  const token = await login(world.url)
  await request(`${world.url}/api/v1/users`, { method: 'POST', token, body: { username: 'vera', password: 'looking only', role: 'viewer' } })
  await page.goto(`${world.url}/pipelines`)
  await page.getByLabel('User name').fill('vera')
  await page.getByLabel('Password', { exact: true }).fill('looking only')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.locator('[data-pipeline]').first()).toBeVisible()
  await expect(page.getByRole('link', { name: 'New pipeline' })).toHaveCount(0)
  await expect(page.getByRole('button', { name: /^Actions for/ })).toHaveCount(0)
  await page.goto(`${world.url}/pipelines/new`)
  await expect(page.getByText('Pipelines are made by administrators')).toBeVisible()
  await page.goto(`${world.url}/settings`)
  await expect(page.getByRole('tab')).toHaveText(['API keys', 'My password'])
})

const SIZES = { phone: { width: 360, height: 780 }, desk: { width: 1440, height: 900 } }
for (const colorScheme of ['light', 'dark'])
  for (const [size, viewport] of Object.entries(SIZES))
    test.describe(`${colorScheme}, ${size}`, () => {
      test.use({ colorScheme, viewport })
      test('how the pages look', async ({ page, world }) => {
        test.setTimeout(120_000)
        const token = await login(world.url)
        const connection = { name: 'orders of the shop', connection_type: 'source', database_type: 'postgresql', host: 'db.shop.example', port: 5432, database: 'shop', username: 'reader', password: 'x', ssl_mode: 'verify-full' }
        for (const more of [{}, { name: 'warehouse', connection_type: 'target', database_type: 'mariadb', port: 3306 }]) await request(`${world.url}/api/v1/connections`, { method: 'POST', token, body: { ...connection, ...more } })
        const stream = world.stream(200)
        await until('some events are logged', () => world.logged(), (n) => n > 300, { timeout: 30_000 })
        await stream.stop()
        await open(page, world)
        for (const [name, path] of [['overview', '/'], ['pipelines', '/pipelines'], ['pipeline', `/pipelines/view?id=${world.pipelineId}`], ['connections', '/connections'], ['analytics', '/analytics'], ['settings', '/settings'], ['wizard', '/pipelines/new']]) {
          await page.goto(world.url + path)
          await expect(page.getByRole('main')).toBeVisible()
          await settled(page)
          await page.screenshot({ path: results(`${name}-${size}-${colorScheme}.png`), fullPage: size === 'phone' })
          await fits(page)
          expect(await violations(page), name).toEqual([])
        }
      })
    })
