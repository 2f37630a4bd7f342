// How it looks and whether everybody can use it: each page in both themes, on a phone and on a desk.
// The pictures are kept in results/ to be looked at.
import { expect, linkIs, NETWORK, results, row, rows, signIn, test, violations } from './world.mjs'

const fits = async (page) => expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 'sideways scrolling').toBe(0)
const SIZES = { phone: { width: 360, height: 780 }, desk: { width: 1440, height: 900 } }

for (const colorScheme of ['light', 'dark']) {
  for (const [size, viewport] of Object.entries(SIZES)) {
    test.describe(`${colorScheme}, ${size}`, () => {
      test.use({ colorScheme, viewport, allowedErrors: NETWORK })
      const shot = (page, name) => page.screenshot({ path: results(`${name}-${size}-${colorScheme}.png`) })

      test('signing in', async ({ page, world }) => {
        await page.goto(`${world.url}/login`)
        await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible()
        await shot(page, 'login')
        expect(await violations(page)).toEqual([])
      })

      test('monitoring, an event, and offline', async ({ page, world, context }) => {
        await signIn(page, world)
        const stream = world.stream(25)
        await expect(async () => expect(await rows(page).count()).toBeGreaterThan(8)).toPass({ timeout: 30_000 })
        await expect(page.locator('.recharts-bar-rectangle').first()).toBeAttached({ timeout: 30_000 })
        await stream.stop()
        await shot(page, 'monitoring')
        await fits(page)
        expect(await violations(page)).toEqual([])

        const at = await world.logged()
        await world.emit([world.change('u', { id: 5, before: { id: 5, status: 'new', note: null }, row: { id: 5, status: 'paid', note: 'gift' } })])
        await row(page, at + 1).click()
        await expect(page.getByRole('complementary')).toBeVisible()
        await shot(page, 'event')
        expect(await violations(page)).toEqual([])
        await page.keyboard.press('Escape')

        await page.getByRole('button', { name: /^Pipeline:/ }).click()
        await expect(page.getByRole('menuitemradio').first()).toBeVisible()
        await shot(page, 'picker')
        await page.keyboard.press('Escape')

        await context.setOffline(true)
        await linkIs(page, 'offline')
        await expect(page.getByText(/Offline since/)).toBeVisible()
        await shot(page, 'offline')
        await fits(page)
        expect(await violations(page)).toEqual([])
        await context.setOffline(false)
        await linkIs(page, 'live')
      })
    })
  }
}

test('the theme can be chosen, and is kept', async ({ page, world }) => {
  await page.goto(`${world.url}/login`)
  await page.getByRole('button', { name: /^Theme:/ }).click()
  await page.getByRole('menuitemradio', { name: 'Dark' }).click()
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark')
  await page.reload()
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark')
})

test('everything can be done with the keyboard alone', async ({ page, world }) => {
  await page.goto(`${world.url}/monitoring`)
  await expect(page.getByLabel('User name')).toBeFocused()
  await page.keyboard.type('admin')
  await page.keyboard.press('Tab')
  await page.keyboard.type('correct horse battery')
  await page.keyboard.press('Enter')
  await world.emit([world.change('c'), world.change('c')])
  const at = await world.logged()
  await expect(page.locator('[data-link=live]')).toBeVisible()
  for (let i = 0; i < 30; i++) {
    await page.keyboard.press('Tab')
    if (await page.getByRole('grid').evaluate((g) => g === document.activeElement)) break
  }
  await expect(page.getByRole('grid')).toBeFocused()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('complementary')).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('complementary')).toBeHidden()
  expect(at).toBeGreaterThanOrEqual(0)
})

// The picture of the README, from real data: MILLRACE_PICTURE=1 ./dev test browser
if (process.env.MILLRACE_PICTURE) {
  test.describe('the picture of the README', () => {
    test.use({ colorScheme: 'dark' })
    test('is taken', async ({ page, world }) => {
      test.setTimeout(300_000)
      await signIn(page, world)
      const start = Date.now()
      while (Date.now() - start < 125_000) {
        const stream = world.stream(14 + 10 * Math.sin((Date.now() - start) / 9000) + Math.random() * 8)
        await page.waitForTimeout(1500)
        await stream.stop()
      }
      const updated = rows(page).and(page.locator('[data-kind=update]')).nth(3)
      await updated.click()
      await page.waitForTimeout(1500)
      await page.screenshot({ path: results('../../../docs/images/dashboard.png') })
    })
  })
}
