// mariadb.mjs - records real events of Debezium's MariaDB connector for tests/unit/test_cdc_captured.c.
//
//   set -a; eval "$(./dev stack env)"; set +a; node tests/capture/mariadb.mjs
//
// It fetches the connector with Maven (PLUGIN_DIR names one that is there already), starts a MariaDB with a
// binary log and a Connect worker of its own, makes the changes below, and writes one file a configuration:
// tests/unit/captured/mariadb_<configuration>.jsonl. OUT names another folder.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startMariadb } from '../support/mariadb.mjs'
import { closeServices, deleteTopics, readTopics, required, root, topicsWith } from '../support/services.mjs'
import { stablePort } from '../support/ports.mjs'
import { until } from '../support/until.mjs'

const VERSION = '3.2.0.Final'
const JSON_CONVERTER = 'org.apache.kafka.connect.json.JsonConverter'
const BEFORE = [
  'CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR(100), price DECIMAL(12,4), big BIGINT, at DATETIME(6), doc JSON, bin VARBINARY(8))',
  "INSERT INTO items VALUES (1, 'before', 1.5, 9007199254740993, '2026-11-20 10:00:00.123456', '{\"a\": [1]}', x'00ff'), (2, 'ünïcode', NULL, NULL, NULL, NULL, NULL)",
  'CREATE TABLE no_key (a INT, b TEXT)',
]
const CHANGES = [
  ["INSERT INTO items (id, name, price) VALUES (3, 'three', 12345678.1234)"],
  ["UPDATE items SET name = 'four', big = -9223372036854775808 WHERE id = 3"],
  ['UPDATE items SET id = 30 WHERE id = 3'], // a change of key: d, tombstone, c
  ['DELETE FROM items WHERE id = 2'],
  ['BEGIN', 'INSERT INTO items (id) VALUES (4)', "INSERT INTO no_key VALUES (1, 'in one transaction')", 'UPDATE items SET price = 0.1 WHERE id = 4', 'COMMIT'],
  ['ALTER TABLE items ADD COLUMN later VARCHAR(10)'],
  ["UPDATE items SET later = 'x' WHERE id = 4"],
  ['TRUNCATE TABLE no_key'],
  ["INSERT INTO items (id, name) VALUES (99, 'last')"],
]
const CONFIGURATIONS = {
  schemas_on: {},
  schemas_off: {
    'key.converter': JSON_CONVERTER, 'value.converter': JSON_CONVERTER, 'key.converter.schemas.enable': 'false', 'value.converter.schemas.enable': 'false', 'decimal.handling.mode': 'string',
    'provide.transaction.metadata': 'true', 'heartbeat.interval.ms': '1000', 'skipped.operations': 'none',
  },
}

function plugin(dir) {
  if (process.env.PLUGIN_DIR) return process.env.PLUGIN_DIR
  const artifact = `io.debezium:debezium-connector-mariadb:${VERSION}:tar.gz:plugin`
  execFileSync('mvn', ['-B', '-q', 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${dir}`], { stdio: 'inherit' })
  execFileSync('tar', ['-xzf', `debezium-connector-mariadb-${VERSION}-plugin.tar.gz`], { cwd: dir })
  return dir
}

const mysql = (port, statements) => execFileSync('mariadb', ['--no-defaults', '--protocol=tcp', '-h127.0.0.1', `-P${port}`, '-uroot', 'shop'], { input: statements.map((s) => `${s};\n`).join('') })

/** A standalone worker with one connector a configuration. */
async function connect(dir, plugins, connectors) {
  const port = await stablePort()
  const worker = path.join(dir, 'worker.properties')
  writeFileSync(worker, Object.entries({
    'bootstrap.servers': required('KAFKA_BOOTSTRAP_SERVERS'), 'key.converter': JSON_CONVERTER, 'value.converter': JSON_CONVERTER,
    'offset.storage.file.filename': path.join(dir, 'offsets'), 'plugin.path': plugins, 'plugin.discovery': 'service_load', listeners: `http://127.0.0.1:${port}`,
  }).map(([k, v]) => `${k}=${v}\n`).join(''))
  const files = connectors.map((config) => {
    const file = path.join(dir, `${config.name}.properties`)
    writeFileSync(file, Object.entries(config).map(([k, v]) => `${k}=${v}\n`).join(''))
    return file
  })
  const child = spawn('java', ['-Xmx512m', '-cp', `${root}/.cache/java/kafka/*`, `-Dlog4j.configuration=file:${root}/compose/conf/log4j.properties`,
    'org.apache.kafka.connect.cli.ConnectStandalone', worker, ...files], { stdio: ['ignore', 'ignore', 'inherit'] })
  process.on('exit', () => child.kill('SIGKILL'))
  const status = (name) => fetch(`http://127.0.0.1:${port}/connectors/${name}/status`).then((r) => r.json(), () => ({}))
  for (const { name } of connectors) {
    await until(`${name} runs`, () => status(name), (s) => s.tasks?.[0]?.state === 'RUNNING', { timeout: 60000 })
  }
  return child
}

const run = Date.now()
const dir = mkdtempSync(path.join(tmpdir(), 'capture-'))
const my = await startMariadb({ sql: ['CREATE DATABASE shop'], settings: { 'log-bin': 'binlog', 'server-id': 7, 'binlog-format': 'ROW', 'binlog-row-image': 'FULL', 'log-basename': 'capture' } })
const prefix = (name) => `cap${run}_${name}`
const connectors = Object.entries(CONFIGURATIONS).map(([name, own], i) => ({
  name: prefix(name), 'connector.class': 'io.debezium.connector.mariadb.MariaDbConnector', 'tasks.max': 1, 'topic.prefix': prefix(name),
  'topic.creation.default.partitions': 1, 'topic.creation.default.replication.factor': 1, 'database.hostname': '127.0.0.1', 'database.port': my.port,
  'database.user': 'root', 'database.password': '', 'database.ssl.mode': 'disable', 'database.server.id': 100 + i, 'database.include.list': 'shop', 'include.schema.changes': 'true',
  'schema.history.internal.kafka.bootstrap.servers': required('KAFKA_BOOTSTRAP_SERVERS'), 'schema.history.internal.kafka.topic': `history.${prefix(name)}`,
  'snapshot.mode': 'initial', 'poll.interval.ms': 10, ...own,
}))
mysql(my.port, BEFORE)
const child = await connect(dir, plugin(dir), connectors)
const topicsOf = async (name) => (await topicsWith(prefix(name))).concat((await topicsWith(`__debezium-heartbeat.${prefix(name)}`)))
const has = async (name, text) => (await readTopics((await topicsOf(name)).filter((t) => t.endsWith('.items')))).some((r) => r.value?.includes(text))
for (const name of Object.keys(CONFIGURATIONS)) await until(`${name} has its snapshot`, () => has(name, 'ünïcode'), Boolean, { timeout: 60000, every: 500 })
for (const statements of CHANGES) mysql(my.port, statements)
const out = process.env.OUT ?? path.join(root, 'tests/unit/captured')
for (const name of Object.keys(CONFIGURATIONS)) {
  await until(`${name} has the last change`, () => has(name, '"last"'), Boolean, { timeout: 60000, every: 500 })
  const plain = (text) => text?.replaceAll(`cap${run}_`, 'cap_') ?? null
  const records = (await readTopics(await topicsOf(name))).filter((r) => !r.topic.startsWith('__') || r.offset < 3)
  records.sort((a, b) => (a.topic === b.topic ? a.offset - b.offset : a.topic < b.topic ? -1 : 1))
  const lines = records.map((r) => {
    const linked = Object.entries(r.headers ?? {}).filter(([k]) => /__debezium\.(old|new)key/.test(k)).map(([k, v]) => [k, plain(v.toString())])
    return JSON.stringify({ topic: plain(r.topic), offset: r.offset, key: plain(r.key), value: plain(r.value), ...(linked.length ? { headers: Object.fromEntries(linked) } : {}) })
  })
  writeFileSync(path.join(out, `mariadb_${name}.jsonl`), `${lines.join('\n')}\n`)
  console.log(`mariadb_${name}.jsonl: ${lines.length} records`)
}
child.kill('SIGTERM')
await my.stop()
for (const name of Object.keys(CONFIGURATIONS)) await deleteTopics([...(await topicsOf(name)), `history.${prefix(name)}`])
await closeServices()
rmSync(dir, { recursive: true, force: true })
process.exit(0)
