// What the page promises when things break: it says so, it comes back by itself, and nothing is missing.
import { until } from '../support/until.mjs'
import { allSeqs, expect, hurriedPolls, isLive, linkIs, NETWORK, row, signIn, stat, number, test } from './world.mjs'

test.use({ allowedErrors: NETWORK })

test('a server killed in the middle of a stream: offline is said, and every event is there afterwards', async ({ page, world, context }) => {
  test.setTimeout(180_000)
  await signIn(page, world)
  const stream = world.stream(60)
  await until('events flow', () => world.logged(), (n) => n > 60)
  await world.server.kill9()
  await linkIs(page, 'offline')
  await expect(page.getByRole('alert').first()).toContainText(/Offline since \d\d:\d\d:\d\d/)
  // The page stays away until the log has gone on without it: only a replay can bring that.
  await context.setOffline(true)
  await world.server.start()
  const back = await world.logged()
  await until('the log goes on', () => world.logged(), (n) => n > back + 60, { timeout: 30_000 })
  await context.setOffline(false)
  await isLive(page)
  await expect(page.getByText(/Offline since/)).toBeHidden()
  const sent = await stream.stop()
  const total = await world.inKafka() // the truth: a producer that tries again may write a record twice
  expect(total).toBeGreaterThanOrEqual(sent)
  await until(`all ${total} are logged`, () => world.logged(), (n) => n === total, { timeout: 60_000 })
  await expect(row(page, total)).toBeVisible()
  await expect(page.locator('[data-contiguous]')).toHaveAttribute('data-contiguous', 'true')
  const seqs = await allSeqs(page)
  expect(seqs[0]).toBe(total)
  expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, i) => total - i))
  expect(seqs.length).toBeGreaterThanOrEqual(sent)
  await expect(async () => expect(number(await stat(page, 'total_events').innerText())).toBe(total)).toPass()
})

test('what is logged while the page is away is replayed, more than a page of it', async ({ page, world, context }) => {
  await signIn(page, world)
  const at = await world.logged()
  await context.setOffline(true)
  await linkIs(page, 'offline')
  await world.emit(Array.from({ length: 2500 }, () => world.change('c')))
  await until('all of it is logged', () => world.logged(), (n) => n === at + 2500, { timeout: 30_000 })
  await context.setOffline(false)
  await isLive(page)
  await expect(row(page, at + 2500)).toBeVisible()
  await expect(page.locator('[data-contiguous]')).toHaveAttribute('data-contiguous', 'true')
  await expect(page.locator('[data-contiguous]')).toHaveAttribute('data-to', String(at + 2500))
})

test('without a socket the page polls, says so, and misses nothing', async ({ page, world }) => {
  await hurriedPolls(page)
  await page.routeWebSocket(/\/socket\.io\//, (ws) => ws.close())
  await page.route(/\/socket\.io\//, (route) => route.abort())
  await page.goto(`${world.url}/login?next=%2Fmonitoring`)
  await page.getByLabel('User name').fill('admin')
  await page.getByLabel('Password', { exact: true }).fill('correct horse battery')
  await page.keyboard.press('Enter')
  await linkIs(page, 'polling', { timeout: 30_000 })
  await expect(page.getByRole('alert').filter({ hasText: 'New events are asked for every 1.0 s' })).toBeVisible()
  const at = await world.logged()
  await world.emit(Array.from({ length: 5 }, () => world.change('c')))
  await expect(row(page, at + 5)).toBeVisible()
  await page.unrouteAll()
  await page.reload() // a route of WebSockets lasts as long as its page
})

test('a server that stops in order is told apart from nothing, and comes back as well', async ({ page, world }) => {
  await signIn(page, world)
  await world.server.stop()
  await linkIs(page, 'offline')
  await world.server.start()
  await isLive(page)
  const at = await world.logged()
  await world.emit([world.change('c')])
  await expect(row(page, at + 1)).toBeVisible()
})

test('the user may ask for the next try at once', async ({ page, world }) => {
  await signIn(page, world)
  await world.server.kill9()
  await linkIs(page, 'offline')
  await world.server.start()
  await page.getByRole('button', { name: 'Try now' }).click()
  await isLive(page)
})

test('PostgreSQL refusing for a while leaves the last counts, marked, and the page alive', async ({ page, world }) => {
  await hurriedPolls(page)
  await signIn(page, world)
  const before = await stat(page, 'total_events').innerText()
  await page.route('**/api/v1/monitoring/dashboard*', (route) =>
    route.fulfill({ status: 503, contentType: 'application/problem+json', body: '{"type":"about:blank","title":"x","status":503,"detail":"PostgreSQL is not available.","instance":"/"}' }),
  )
  await expect(page.getByText(/Counts as of .*PostgreSQL is not available\./)).toBeVisible({ timeout: 30_000 })
  await expect(stat(page, 'total_events')).toHaveText(before)
  await page.unrouteAll()
  await expect(page.getByText(/Counts as of/)).toBeHidden()
})
