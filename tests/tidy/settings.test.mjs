// One table says what can be set; the documents say the same, row by row.
import assert from 'node:assert/strict'
import test from 'node:test'
import { read } from './tree.mjs'
import { cells, settings } from './settings.mjs'

const all = settings()

const documented = (text) => text.split('\n').filter((line) => /^\| `/.test(line))
  .map((line) => line.slice(1, line.lastIndexOf('|')).split(' |').map((cell) => cell.trim()))

// Pairs of "# help" and "#KEY=default".
const exampled = (text) => [...text.matchAll(/^# (.*)\n#([A-Z_]+)=(.*)$/gm)].map(([, help, env, def]) => ({ help, env, def }))

test('every row of the table is well-formed', () => {
  const types = ['STR', 'SECRET', 'INT', 'MS', 'SECONDS', 'BYTES', 'BOOL', 'LEVEL']
  assert.ok(all.length > 30)
  for (const s of all) {
    assert.match(s.field, /^[a-z][a-z0-9_]*$/)
    assert.match(s.env, /^(MILLRACE_[A-Z_]+|DATABASE_URL|DB_[A-Z]+|REDIS_[A-Z]+|KAFKA_[A-Z_]+|JWT_SECRET)$/)
    assert.ok(types.includes(s.type), `${s.env}: ${s.type}`)
    assert.ok(s.min <= s.max, `${s.env}: its bounds`)
    assert.match(s.help, /\.$/, `${s.env}: its help is a sentence`)
    if (s.type === 'MS') assert.ok(s.unit === 'ms' && /_MS$/.test(s.env), `${s.env}: its unit`)
    if (s.type === 'SECONDS') assert.ok(s.unit === 's' && /_SECONDS$/.test(s.env), `${s.env}: its unit`)
    if (/PASSWORD|SECRET(?!S)|_URL$/.test(s.env) && s.env !== 'KAFKA_CONNECT_URL') assert.equal(s.type, 'SECRET', s.env)
  }
  for (const key of ['field', 'env']) assert.equal(new Set(all.map((s) => s[key])).size, all.length, `${key} twice`)
})

test('docs/configuration.md is the table (millrace --help-markdown prints it)', () => {
  assert.deepEqual(documented(read('docs/configuration.md')), all.map(cells))
})

test('compose/env.example is the table (millrace --help-env prints it)', () => {
  assert.deepEqual(exampled(read('compose/env.example')), all.map(({ help, env, def }) => ({ help, env, def })))
})

test('a change of the table is noticed in either document', () => {
  const changed = settings(read('server/base/config.h').replace('"MILLRACE_PORT"', '"MILLRACE_POTR"'))
  assert.notDeepEqual(documented(read('docs/configuration.md')), changed.map(cells))
  assert.notDeepEqual(exampled(read('compose/env.example')), changed.map(({ help, env, def }) => ({ help, env, def })))
  assert.throws(() => settings(read('server/base/config.h').replace('X(port, ', 'X(port ')), /not a row/)
})
