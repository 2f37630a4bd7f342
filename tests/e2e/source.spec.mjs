// The whole way: a row changes in a PostgreSQL source, and a real Debezium brings it to the page.
import { createDatabase, deleteTopics, required, topicsWith, uniqueName } from '../support/services.mjs'
import { createConnector, deleteConnector } from '../support/connector.mjs'
import { createPipeline } from '../support/pipelines.mjs'
import { expect, row, signIn, stat, test } from './world.mjs'

test('a change in the source database is on the page a moment later', async ({ page, world }) => {
  test.setTimeout(180_000)
  const source = await createDatabase('e2e_source', { url: required('DEMO_SOURCE_URL') })
  const name = uniqueName('e2e')
  try {
    await source.query('CREATE TABLE items (id bigint PRIMARY KEY, name text, price numeric(30,10))')
    await source.query('ALTER TABLE items REPLICA IDENTITY FULL')
    await source.query(`INSERT INTO items VALUES (1, 'before the slot', 1)`)
    const id = await createPipeline(world.db, { name: 'the real thing', prefix: name })
    await createConnector(name, { sourceUrl: source.url, prefix: name, tables: ['public.items'] })
    await signIn(page, world, `/monitoring?pipeline=${id}`)
    await expect(row(page, 1)).toContainText('before the slot')
    await source.query(`INSERT INTO items VALUES (9007199254740993, 'mill wheel', 12345678901234567.0000000001)`)
    await expect(row(page, 2)).toContainText('9007199254740993')
    await source.query(`UPDATE items SET name = 'mill race' WHERE id = 9007199254740993`)
    await expect(row(page, 3)).toContainText('mill wheel → mill race')
    await source.query('DELETE FROM items WHERE id = 1')
    await expect(row(page, 4)).toContainText('Delete')
    await expect(stat(page, 'insert_count')).toHaveText('2')
    await expect(stat(page, 'update_count')).toHaveText('1')
    await expect(stat(page, 'delete_count')).toHaveText('1')
  } finally {
    await deleteConnector(name)
    await source.drop()
    await deleteTopics(await topicsWith(name))
  }
})
