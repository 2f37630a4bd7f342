import { seedCounts } from '../support/pipelines.mjs'
import { allSeqs, expect, number, row, rows, signIn, stat, test } from './world.mjs'

test.describe.configure({ mode: 'serial' })

test('events appear without a reload, and the counts of the server move with them', async ({ page, world }) => {
  await signIn(page, world)
  await expect(page.getByText('Waiting for the first change')).toBeVisible()
  await expect(stat(page, 'total_events')).toHaveText('0')
  const navigations = []
  page.on('framenavigated', () => navigations.push(page.url()))

  const order = { id: 41, customer: 'Ada Lovelace', status: 'new' }
  await world.emit([
    world.change('c', { id: 41, row: order }),
    world.change('u', { id: 41, before: order, row: { ...order, status: 'paid' } }),
    world.change('d', { id: 41 }),
  ])
  await expect(row(page, 3)).toContainText('Delete')
  await expect(row(page, 2)).toContainText('new → paid')
  await expect(row(page, 1)).toContainText('Ada Lovelace')
  expect(await rows(page).evaluateAll((all) => all.map((r) => r.dataset.kind))).toEqual(['delete', 'update', 'insert'])
  await expect(stat(page, 'total_events')).toHaveText('3')
  for (const id of ['insert_count', 'update_count', 'delete_count']) await expect(stat(page, id)).toHaveText('1')
  expect(navigations).toEqual([])
})

test('the counts are those of the seed\'s own aggregation', async ({ page, world }) => {
  await signIn(page, world)
  const stream = world.stream(100)
  await expect(async () => expect(number(await stat(page, 'total_events').innerText())).toBeGreaterThan(150)).toPass({ timeout: 30_000 })
  await stream.stop()
  await expect(async () => {
    const counts = await seedCounts(world.db)
    expect(number(await stat(page, 'total_events').innerText())).toBe(counts.total)
    expect(number(await stat(page, 'insert_count').innerText())).toBe(counts.insert)
    expect(number(await stat(page, 'update_count').innerText())).toBe(counts.update)
    expect(number(await stat(page, 'delete_count').innerText())).toBe(counts.delete)
    expect(counts.total).toBe(await world.logged())
  }).toPass({ timeout: 30_000 })
})

test('what was there before the page opened joins what comes after, without a gap', async ({ page, world }) => {
  const before = await world.logged()
  await signIn(page, world)
  await world.emit(Array.from({ length: 50 }, () => world.change('c')))
  await expect(row(page, before + 50)).toBeVisible()
  const older = page.getByRole('button', { name: 'Load older' })
  while (await older.isVisible()) {
    await older.click()
    await expect(page.getByRole('button', { name: 'Loading…' })).toBeHidden()
  }
  await expect(page.locator('[data-contiguous]')).toHaveAttribute('data-contiguous', 'true')
  expect(await allSeqs(page)).toEqual(Array.from({ length: before + 50 }, (_, i) => before + 50 - i))
})

test('a row opens to what it changed, with every digit, and markup of the data is text', async ({ page, world }) => {
  await signIn(page, world)
  const at = await world.logged()
  const hostile = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>'
  const record = world.change('u', {
    id: 7,
    before: { id: 7, note: 'plain', big: 0, same: 1 },
    row: { id: 7, note: hostile, big: 0, same: 1 },
  })
  // A number that no double holds, put in where JSON.stringify would have rounded it.
  record.value = record.value.replaceAll('"big":0', '"big":9007199254740993')
  await world.emit([record])
  await row(page, at + 1).click()
  const detail = page.getByRole('complementary', { name: `Event ${at + 1}` })
  await expect(detail.locator('tr[data-diff=changed]')).toHaveCount(1)
  await expect(detail.locator('tr[data-diff=changed]')).toContainText(hostile)
  await expect(detail).toContainText('9007199254740993')
  await detail.getByRole('tab', { name: 'JSON' }).click()
  await expect(detail.getByRole('tabpanel')).toContainText('"big": 9007199254740993')
  await page.keyboard.press('Escape')
  await expect(detail).toBeHidden()
  await expect(page).toHaveTitle(/millrace/)
})

test('the list can be paused, and gives back what waited', async ({ page, world }) => {
  await signIn(page, world)
  const at = await world.logged()
  await page.keyboard.press('p')
  await world.emit([world.change('c'), world.change('c'), world.change('c')])
  await expect(page.locator('[data-waiting="3"]')).toBeVisible()
  await expect(row(page, at + 3)).toHaveCount(0)
  await page.keyboard.press('p')
  await expect(row(page, at + 3)).toBeVisible()
})

test('filters narrow the list, live, and a reload keeps them', async ({ page, world }) => {
  await signIn(page, world)
  await page.getByRole('button', { name: 'Delete', exact: true }).click()
  await page.getByRole('button', { name: 'All tables' }).click()
  await page.getByRole('menuitemradio', { name: 'public.orders' }).click()
  await expect(page).toHaveURL(/kind=delete&table=public\.orders/)
  const at = await world.logged()
  await world.emit([world.change('c'), world.change('d', { id: 99901 })])
  await expect(row(page, at + 2)).toBeVisible()
  await expect(row(page, at + 1)).toHaveCount(0)
  await page.reload()
  await expect(row(page, at + 2)).toBeVisible()
  expect(new Set(await rows(page).evaluateAll((all) => all.map((r) => r.dataset.kind)))).toEqual(new Set(['delete']))
  await page.keyboard.press('/')
  await page.keyboard.type('99901')
  await expect(rows(page)).toHaveCount(1)
})

test('reading further down is not disturbed by what arrives above', async ({ page, world }) => {
  await world.emit(Array.from({ length: 60 }, () => world.change('c')))
  await signIn(page, world)
  const at = await world.logged()
  await expect(row(page, at)).toBeVisible()
  const grid = page.getByRole('grid')
  await grid.evaluate((box) => (box.scrollTop = 34 * 20))
  const reading = row(page, at - 25)
  const before = await reading.boundingBox()
  await world.emit(Array.from({ length: 40 }, () => world.change('c')))
  await expect(page.getByRole('button', { name: '40 new' })).toBeVisible()
  expect((await reading.boundingBox()).y).toBeCloseTo(before.y, 0)
  await page.getByRole('button', { name: '40 new' }).click()
  await expect(row(page, at + 40)).toBeVisible()
})

test('another pipeline can be chosen, and its state is seen to change', async ({ page, world }) => {
  await world.db.query(
    `INSERT INTO pipelines (id, name, mode, engine, status, cdc_status, kafka_topics) VALUES (gen_random_uuid(), 'billing', 'cdc_only', 'external', 'STOPPED', 'STOPPED', '["billing.none"]')`,
  )
  await signIn(page, world)
  await page.getByRole('button', { name: /^Pipeline:/ }).click()
  await page.getByRole('menuitemradio', { name: /billing/ }).click()
  await expect(page.getByText('No events yet')).toBeVisible()
  await expect(page.getByText('Stopped', { exact: true })).toBeVisible()
  await world.db.query(`UPDATE pipelines SET status = 'PAUSED' WHERE name = 'billing'`)
  await expect(page.getByText('Paused', { exact: true })).toBeVisible()
})

test('the event logger says how it is', async ({ page, world }) => {
  await signIn(page, world)
  await expect(page.locator('[data-logger=running]')).toBeVisible()
  await expect(page.getByRole('region', { name: 'Event logger' })).toContainText('Behind Kafka')
})
