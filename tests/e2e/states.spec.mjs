// What pages say while they wait, when nothing is there, when something fails, and when what they show is
// old; that none of it makes a page blank; and that the keyboard is enough.
import { expect, hurriedPolls, NETWORK, signIn, test, violations } from './world.mjs'

// A setting of its own, and so a server and a log of its own: other files add pipelines to theirs.
test.use({ allowedErrors: NETWORK, serverEnv: { MILLRACE_RETENTION_DAYS: '32' } })

const PAGES = [
  ['/', 'dashboard', 'The totals cannot be read'],
  ['/pipelines', 'pipelines', 'The pipelines cannot be read'],
  ['/connections', 'connections', 'The connections cannot be read'],
  ['/analytics', 'analytics', 'The figures cannot be read'],
  ['/settings', 'users', 'The users cannot be read'],
  ['/settings?tab=keys', 'api-keys', 'The keys cannot be read'],
  ['/settings?tab=audit', 'audit', 'The audit log cannot be read'],
]
const problem = { status: 503, contentType: 'application/problem+json', body: JSON.stringify({ type: 'about:blank', title: 'Service Unavailable', status: 503, detail: 'PostgreSQL is away.', instance: '/', request_id: 'r-1' }) }
const of = (name) => new RegExp(`/api/v1/(monitoring/)?${name}(\\?|$)`)

for (const [path, name, words] of PAGES)
  test(`${path} fails in words, keeps the rest of the page, and comes back`, async ({ page, world }) => {
    await signIn(page, world)
    await page.route(of(name), (route) => route.fulfill(problem))
    await page.goto(world.url + path)
    await expect(page.getByText(words)).toBeVisible({ timeout: 20_000 })
    await expect(page.getByText('PostgreSQL is away.').first()).toBeVisible()
    await expect(page.getByRole('navigation', { name: 'Pages' })).toBeVisible()
    expect(await violations(page)).toEqual([])
    await page.unroute(of(name))
    const retry = page.getByRole('button', { name: 'Retry' }).first()
    if (await retry.isVisible()) await retry.click()
    await expect(page.getByText(words)).toBeHidden({ timeout: 20_000 })
  })

test('a list that grows old says since when, and why', async ({ page, world }) => {
  await hurriedPolls(page)
  await signIn(page, world)
  await page.goto(`${world.url}/pipelines`)
  await expect(page.locator('[data-pipeline]')).toHaveCount(1)
  await page.route(of('pipelines'), (route) => route.fulfill(problem))
  await expect(page.locator('[data-stale]')).toContainText('PostgreSQL is away.', { timeout: 20_000 })
  await expect(page.locator('[data-pipeline]')).toHaveCount(1)
  await page.unroute(of('pipelines'))
  await page.getByRole('button', { name: 'Retry' }).click()
  await expect(page.locator('[data-stale]')).toHaveCount(0)
})

test('while it waits a page shows what will be there', async ({ page, world }) => {
  await signIn(page, world)
  let open
  const gate = new Promise((resolve) => { open = resolve })
  await page.route(of('pipelines'), async (route) => {
    await gate
    await route.continue()
  })
  await page.goto(`${world.url}/pipelines`)
  await expect(page.getByRole('status', { name: 'Loading the pipelines' })).toBeVisible()
  open()
  await expect(page.locator('[data-pipeline]')).toHaveCount(1)
})

test('a pipeline that is not there is said to be not there', async ({ page, world }) => {
  await signIn(page, world)
  await page.goto(`${world.url}/pipelines/view?id=00000000-0000-7000-8000-000000000000`)
  await expect(page.getByText('There is no such pipeline')).toBeVisible()
})

test('from page to page and through a pipeline with the keyboard alone', async ({ page, world }) => {
  await signIn(page, world)
  for (const [key, path] of [['p', '/pipelines'], ['c', '/connections'], ['a', '/analytics'], ['s', '/settings'], ['p', '/pipelines']]) {
    await page.keyboard.press('g')
    await page.keyboard.press(key)
    await expect(page).toHaveURL(new RegExp(`${path}$`))
  }
  await page.keyboard.press('?')
  await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toContainText('Pipelines')
  await page.keyboard.press('Escape')
  const actions = page.getByRole('button', { name: /^Actions for/ })
  await expect(actions).toBeVisible()
  for (let i = 0; i < 40 && !(await actions.evaluate((b) => b === document.activeElement)); i++) await page.keyboard.press('Tab')
  await expect(actions).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(page.getByRole('menuitem', { name: 'Pause' })).toBeVisible()
  await page.keyboard.press('End')
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog')
  await expect(dialog.getByRole('textbox')).toBeFocused()
  await page.keyboard.press('Escape')
  await expect(dialog).toBeHidden()
})

test('a dead letter is seen with its bytes, cannot be read again, and is thrown away; the logger begins anew', async ({ page, world }) => {
  await world.emit([{ key: '{"id":1}', value: 'no JSON at all' }])
  await signIn(page, world)
  await page.getByRole('button', { name: /^Dead letters: 1/ }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Bytes' }).click()
  await expect(dialog.getByText('no JSON at all')).toBeVisible()
  expect(await violations(page)).toEqual([])
  await dialog.getByRole('button', { name: /^Read .* 0 again$/ }).click()
  await expect(dialog.getByText(/still cannot be logged/)).toBeVisible()
  await dialog.getByRole('button', { name: 'Throw all away' }).click()
  await dialog.getByRole('button', { name: 'Throw them away' }).click()
  await expect(dialog.getByText('1 are gone.')).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page.locator('[data-stat=failed_count]')).toHaveText('0')
  await page.getByRole('button', { name: 'Restart' }).click()
  await dialog.getByRole('button', { name: 'Restart' }).click()
  await expect(dialog).toBeHidden({ timeout: 30_000 })
  await world.emit([world.change('c')])
  await expect(page.locator('[data-pipeline-seq]').first()).toBeVisible({ timeout: 30_000 })
})
