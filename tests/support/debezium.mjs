// debezium.mjs - change events shaped as Debezium 3.2's PostgreSQL connector writes them through
// JsonConverter, with schemas (its default) or without. Made here, so a test can have any number of
// them at once; that the shapes are the real ones is held by the captured events of tests/unit.
//
//   change('u', {id: 7, row: {...}})          -> {key, value}: a Kafka record
//   tombstone({id: 7})                        -> {key, value: null}
//   mixed(50000, {tables: ['orders', ...]})   -> c/u/d/r with a tombstone after each d, and the counts

const sourceFields = [
  ['string', false, 'version'], ['string', false, 'connector'], ['string', false, 'name'],
  ['int64', false, 'ts_ms'], ['string', true, 'snapshot'], ['string', false, 'db'],
  ['string', true, 'sequence'], ['int64', true, 'ts_us'], ['int64', true, 'ts_ns'],
  ['string', false, 'schema'], ['string', false, 'table'], ['int64', true, 'txId'],
  ['int64', true, 'lsn'], ['int64', true, 'xmin'],
]
const rowFields = [
  ['int32', false, 'id'], ['string', true, 'customer'], ['string', true, 'amount'],
  ['string', true, 'created_at'], ['string', true, 'note'],
]
const field = ([type, optional, name]) => ({ type, optional, field: name })

function envelopeSchema(name) {
  const row = (which) => ({ type: 'struct', fields: rowFields.map(field), optional: true, name: `${name}.Value`, field: which })
  return {
    type: 'struct',
    fields: [
      row('before'),
      row('after'),
      { type: 'struct', fields: sourceFields.map(field), optional: false, name: 'io.debezium.connector.postgresql.Source', version: 1, field: 'source' },
      { type: 'struct', fields: [['string', false, 'id'], ['int64', false, 'total_order'], ['int64', false, 'data_collection_order']].map(field), optional: true, name: 'event.block', version: 1, field: 'transaction' },
      ...[['string', false, 'op'], ['int64', true, 'ts_ms'], ['int64', true, 'ts_us'], ['int64', true, 'ts_ns']].map(field),
    ],
    optional: false,
    name: `${name}.Envelope`,
    version: 2,
  }
}
const keySchema = (name) => ({ type: 'struct', fields: [field(['int32', false, 'id'])], optional: false, name: `${name}.Key` })

const schemaText = new Map() // made once a topic: 1.7 KB that would otherwise be rebuilt an event
function withSchema(kind, name, make, payload) {
  const id = `${kind} ${name}`
  if (!schemaText.has(id)) schemaText.set(id, JSON.stringify(make(name)))
  return `{"schema":${schemaText.get(id)},"payload":${payload}}`
}

/** A key as Debezium writes it. */
export function key(id, { prefix = 'pl1', schema = 'public', table = 'orders', schemas = false } = {}) {
  const bare = JSON.stringify({ id })
  return schemas ? withSchema('key', `${prefix}.${schema}.${table}`, keySchema, bare) : bare
}

/**
 * One change. op: c, u, d, r. id: the row's key. row: the new row (default: a plausible one); before:
 * the old one (default: null, and for d the key with nulls, as under REPLICA IDENTITY DEFAULT).
 */
export function change(op, options = {}) {
  const {
    id = 1, prefix = 'pl1', db = 'shop', schema = 'public', table = 'orders', schemas = false,
    lsn = 31140696 + 56 * id, txId = 732 + id, tsMs = Date.now(), snapshot = op === 'r' ? 'true' : 'false',
    row = { id, customer: `c${id}`, amount: '12.50', created_at: '2026-11-20T19:10:48.397309Z', note: 'xxxxxxxx' },
    before = op === 'd' ? { id, customer: null, amount: null, created_at: null, note: null } : null,
  } = options
  const us = tsMs * 1000 + 460
  // ts_ns passes 2^53: written as text, so that it is exact.
  const source =
    `{"version":"3.2.0.Final","connector":"postgresql","name":${JSON.stringify(prefix)},"ts_ms":${tsMs},"snapshot":"${snapshot}",` +
    `"db":${JSON.stringify(db)},"sequence":"[null,\\"${lsn}\\"]","ts_us":${us},"ts_ns":${us}000,"schema":${JSON.stringify(schema)},` +
    `"table":${JSON.stringify(table)},"txId":${txId},"lsn":${lsn},"xmin":null}`
  const bare =
    `{"before":${JSON.stringify(before)},"after":${op === 'd' ? 'null' : JSON.stringify(row)},"source":${source},` +
    `"transaction":null,"op":"${op}","ts_ms":${tsMs + 3},"ts_us":${us + 3000},"ts_ns":${us + 3000}892}`
  const name = `${prefix}.${schema}.${table}`
  return { key: key(id, { prefix, schema, table, schemas }), value: schemas ? withSchema('value', name, envelopeSchema, bare) : bare }
}

/** The NULL that follows a delete, for Kafka's log compaction. */
export const tombstone = (options = {}) => ({ key: key(options.id ?? 1, options), value: null })

/**
 * n events over tables, round about: 40 % c, 40 % u, 15 % d, 5 % r, and a tombstone after each d (not
 * counted in n). Returns {byTable: Map(table → records in order), counts: {insert, update, delete,
 * snapshot, tombstone, total}}. The same arguments give the same events, timestamps aside.
 */
export function mixed(n, { tables = ['orders'], firstId = 1, ...options } = {}) {
  const byTable = new Map(tables.map((t) => [t, []]))
  const counts = { insert: 0, update: 0, delete: 0, snapshot: 0, tombstone: 0, total: n }
  const kinds = { c: 'insert', r: 'insert', u: 'update', d: 'delete' }
  for (let i = 0; i < n; i++) {
    const m = i % 20
    const op = m < 8 ? 'c' : m < 16 ? 'u' : m < 19 ? 'd' : 'r'
    const table = tables[Math.floor(i / 20 + i) % tables.length]
    const id = firstId + i
    const records = byTable.get(table)
    records.push(change(op, { ...options, id, table, lsn: 31140696 + 56 * i }))
    counts[kinds[op]]++
    if (op === 'r') counts.snapshot++
    if (op === 'd') {
      records.push(tombstone({ ...options, id, table }))
      counts.tombstone++
    }
  }
  return { byTable, counts }
}
