// The list of events narrowed to a range of time, and the log taken along as a file, beyond what the list holds.
import { readFileSync } from 'node:fs'
import { expect, rows, signIn, test, violations } from './world.mjs'

const N = 450 // more than the page of history that is read at first

test('a range of time is chosen, kept in the address, and reached back to; all of it is a file', async ({ page, world }) => {
  await world.emit(Array.from({ length: N }, () => world.change('c')))
  await expect.poll(() => world.logged()).toBe(N)
  await signIn(page, world)
  const time = page.getByRole('button', { name: 'Any time' })
  await time.click()
  const dialog = page.getByRole('dialog', { name: 'Logged when' })
  expect(await violations(page)).toEqual([])
  await dialog.getByRole('button', { name: 'Last hour' }).click()
  await expect(dialog).toBeHidden()
  await expect(page).toHaveURL(/from=/)
  await expect(page.locator('[data-shown]')).toHaveAttribute('data-shown', String(N)) // 200 were there at first

  await page.getByRole('button', { name: /^From / }).click()
  await dialog.getByLabel('From').fill('2001-01-01T00:00:01')
  await dialog.getByLabel('To').fill('2000-01-01T00:00:01')
  await expect(dialog.getByText('Must be later than From')).toBeVisible()
  await dialog.getByLabel('To').fill('2001-01-02T00:00:01')
  await dialog.getByRole('button', { name: 'Show' }).click()
  await expect(page.getByText('No event matches')).toBeVisible()
  await page.reload()
  await expect(page.getByText('No event matches')).toBeVisible()
  await page.getByRole('button', { name: 'Clear the filters' }).click()
  await expect(rows(page).first()).toBeVisible()

  const take = async (item) => {
    await page.getByRole('button', { name: 'Export' }).click()
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: item }).click()])
    return readFileSync(await file.path(), 'utf8')
  }
  const lines = (await take('All as lines of JSON')).trimEnd().split('\n')
  expect(lines.length).toBe(N)
  expect(JSON.parse(lines[0]).seq).toBe(N)
  const csv = (await take('All as CSV')).trimEnd().split('\r\n')
  expect(csv.length).toBe(N + 1)
  expect(csv[0]).toMatch(/^seq,pipeline_seq,/)
})
