// connector.mjs - a real Debezium source connector, registered with the real Kafka Connect and
// removed again; its slot goes with its database (Database.drop).
import { required } from './services.mjs'
import { request } from './client.mjs'
import { until } from './until.mjs'

const at = (path) => `${required('KAFKA_CONNECT_URL')}/connectors${path}`

/**
 * Register and wait until connector and task run. sourceUrl: the database. prefix: topic prefix, slot
 * and publication name. tables: ["public.orders"]. config: further settings.
 */
export async function createConnector(name, { sourceUrl, prefix, tables, config = {} }) {
  const u = new URL(sourceUrl)
  const settings = {
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'tasks.max': '1',
    'plugin.name': 'pgoutput',
    'database.hostname': u.hostname,
    'database.port': u.port || '5432',
    'database.user': decodeURIComponent(u.username),
    'database.password': decodeURIComponent(u.password),
    'database.dbname': u.pathname.slice(1),
    'topic.prefix': prefix,
    'slot.name': prefix,
    'publication.name': prefix,
    'publication.autocreate.mode': 'filtered',
    'table.include.list': tables.map((t) => t.replaceAll('.', '\\.')).join(','),
    'snapshot.mode': 'initial',
    'poll.interval.ms': '10',
    'decimal.handling.mode': 'string',
    ...config,
  }
  const res = await request(at(`/${name}/config`), { method: 'PUT', body: settings, timeout: 30000 })
  if (res.status >= 300) throw new Error(`Kafka Connect refused ${name}: ${res.status} ${res.text}`)
  await until(`connector ${name} runs`, () => status(name), (s) => s.connector?.state === 'RUNNING' && s.tasks?.length > 0 && s.tasks.every((t) => t.state === 'RUNNING'), { timeout: 60000, every: 200 })
}

export async function deleteConnector(name) {
  const res = await request(at(`/${name}`), { method: 'DELETE', timeout: 30000 })
  if (res.status >= 300 && res.status !== 404) throw new Error(`Kafka Connect did not delete ${name}: ${res.status} ${res.text}`)
}

const status = async (name) => (await request(at(`/${name}/status`))).body
