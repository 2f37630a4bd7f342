import { login } from '../support/client.mjs'
import { expect, results, test } from './world.mjs'

test('/docs shows every operation of the contract, from this server alone, and tries one out', async ({ page, world }) => {
  const elsewhere = []
  page.on('request', (r) => !r.url().startsWith(world.url) && !r.url().startsWith('data:') && elsewhere.push(r.url()))
  await page.goto(`${world.url}/docs`)
  const contract = await (await page.request.get(`${world.url}/openapi.json`)).json()
  const operations = Object.values(contract.paths).flatMap((methods) => Object.keys(methods).filter((m) => m !== 'parameters'))
  await expect(page.locator('.opblock')).toHaveCount(operations.length)
  await expect(page.getByRole('heading', { name: contract.info.title })).toBeVisible()
  await page.screenshot({ path: results('docs.png') })

  await page.getByRole('button', { name: 'Authorize' }).click()
  await page.locator('.auth-container input[type=text], .auth-container input[type=password]').first().fill(await login(world.url))
  await page.locator('.auth-btn-wrapper').getByRole('button', { name: 'Apply credentials' }).first().click()
  await page.locator('.auth-btn-wrapper').getByRole('button', { name: 'Close' }).first().click()
  const me = page.locator('#operations-auth-getMe')
  await me.locator('.opblock-summary-control').click()
  await me.getByRole('button', { name: 'Try it out' }).click()
  await me.getByRole('button', { name: 'Execute' }).click()
  await expect(me.locator('.live-responses-table tbody .response-col_status').first()).toContainText('200')
  expect(elsewhere).toEqual([])
})
