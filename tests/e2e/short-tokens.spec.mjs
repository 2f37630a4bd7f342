// Access tokens of ten seconds: what takes a quarter of an hour otherwise happens within the test.
import { expect, row, signIn, test } from './world.mjs'

test.use({ serverEnv: { MILLRACE_ACCESS_TOKEN_SECONDS: '10' } })

const session = (page) => page.evaluate(() => JSON.parse(localStorage.getItem('millrace.session')))

test('pages that are left open stay live past the end of their token, two of one session as well', async ({ page, world, context }) => {
  await signIn(page, world)
  const other = await context.newPage()
  await other.goto(`${world.url}/monitoring`)
  await expect(other.locator('[data-link=live]')).toBeVisible()
  const pages = [page, other]
  for (const p of pages)
    await p.evaluate(() => {
      globalThis.states = []
      const pill = document.querySelector('[data-link]')
      new MutationObserver(() => globalThis.states.push(pill.dataset.link)).observe(pill, { attributes: true })
    })
  const first = await session(page)
  // Renewed at least twice, so the socket that is open now was opened with a token long gone.
  await expect.poll(async () => (await session(page)).expiresAt - first.expiresAt, { timeout: 40_000 }).toBeGreaterThan(9000)
  await world.emit([world.change('c')])
  for (const p of pages) {
    await expect(row(p, 1)).toBeVisible()
    expect(await p.evaluate(() => globalThis.states)).toEqual([])
  }
})
