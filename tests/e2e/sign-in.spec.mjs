import { ADMIN, expect, isLive, NETWORK, signIn, test } from './world.mjs'

test('who is not signed in comes to the sign-in page, and from there to where they wanted to go', async ({ page, world }) => {
  await page.goto(`${world.url}/monitoring?q=lovelace`)
  await expect(page).toHaveURL(/\/login\?next=/)
  await page.getByLabel('User name').fill(ADMIN.username)
  await page.getByLabel('Password', { exact: true }).fill(ADMIN.password)
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/\/monitoring\?.*q=lovelace/)
  await isLive(page)
})

test('the bare address leads to the overview', async ({ page, world }) => {
  await page.goto(world.url)
  await expect(page).toHaveURL(/\/login\?next=%2F$/)
})

test('a session survives a reload and ends with signing out', async ({ page, world }) => {
  await signIn(page, world)
  await page.reload()
  await isLive(page)
  await page.getByRole('button', { name: 'Account: admin' }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await expect(page).toHaveURL(/\/login/)
  await page.goto(`${world.url}/monitoring`)
  await expect(page).toHaveURL(/\/login/)
})

test('every page holds a strict policy that needs no exception for scripts', async ({ page, world }) => {
  for (const path of ['/login', '/monitoring', '/']) {
    const response = await page.goto(world.url + path)
    const policy = response.headers()['content-security-policy']
    expect(policy).toContain("default-src 'self'")
    expect(policy).toMatch(/script-src 'self'( 'sha256-[^']+')*;/)
    expect(await page.locator('meta[http-equiv=Content-Security-Policy]').getAttribute('content')).toContain("style-src 'self';")
  }
})

test('an address that does not exist says so', async ({ page, world }) => {
  test.info().annotations.push({ type: 'note', description: 'the browser logs the 404' })
  const response = await page.request.get(`${world.url}/no/such/page`, { headers: { accept: 'text/html' } })
  expect(response.status()).toBe(404)
})

test.describe('refused', () => {
  test.use({ allowedErrors: NETWORK })

  test('a wrong password is told, and the right one can be typed at once', async ({ page, world }) => {
    await page.goto(`${world.url}/login`)
    await page.getByLabel('User name').fill(ADMIN.username)
    await page.getByLabel('Password', { exact: true }).fill('not the password')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await expect(page.getByRole('alert').first()).toHaveText('The user name or the password is wrong.')
    await expect(page).toHaveURL(/\/login/)
    await page.keyboard.type(ADMIN.password)
    await page.keyboard.press('Enter')
    await isLive(page)
  })

  test('a session that the server no longer knows leads to signing in, and back', async ({ page, world }) => {
    await signIn(page, world, '/monitoring?q=ada')
    await page.evaluate(() => {
      const s = JSON.parse(localStorage.getItem('millrace.session'))
      localStorage.setItem('millrace.session', JSON.stringify({ ...s, accessToken: 'a.b.c', refreshToken: 'unknown' }))
    })
    await page.reload()
    await expect(page).toHaveURL(/\/login\?next=.*expired=1/)
    await expect(page.getByText('Your session has ended')).toBeVisible()
    await page.getByLabel('User name').fill(ADMIN.username)
    await page.getByLabel('Password', { exact: true }).fill(ADMIN.password)
    await page.keyboard.press('Enter')
    await expect(page).toHaveURL(/\/monitoring\?.*q=ada/)
    await isLive(page)
  })
})
