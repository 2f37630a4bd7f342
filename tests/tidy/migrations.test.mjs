// Migrations only go forward: numbered without a hole, each under its own name, none that a released
// schema could not take.
import assert from 'node:assert/strict'
import test from 'node:test'
import { checkRule, files, matches } from './tree.mjs'

function rule(tree) {
  const faults = []
  tree.forEach(({ name, text }, i) => {
    const base = name.replace(/^migrations\//, '')
    const number = String(i + 1).padStart(4, '0')
    if (!/^\d{4}_[a-z][a-z0-9_]*\.sql$/.test(base)) faults.push(`${name}: is not NNNN_name.sql`)
    else if (!base.startsWith(`${number}_`)) faults.push(`${name}: number ${number} comes next`)
    if (!text.startsWith(`-- ${base.replace(/\.sql$/, '')}: `)) faults.push(`${name}:1: does not open with its name and its idea`)
    const sql = text.replace(/--[^\n]*/g, (c) => ' '.repeat(c.length))
    // The runner opens and closes the transaction. (A function's body has a BEGIN without a semicolon.)
    faults.push(...matches(name, sql, /\b(BEGIN|START TRANSACTION|COMMIT|ROLLBACK)\s*;/gi, (m) => `${m[1]} inside the file's transaction`))
    faults.push(...matches(name, sql, /\b(CONCURRENTLY|VACUUM|CREATE DATABASE)\b/gi, (m) => `${m[1]} cannot run in a transaction`))
    faults.push(...matches(text && name, text, /[^\n]{111,}/g, () => 'a line over 110 columns'))
  })
  return faults
}

checkRule(test, assert, {
  title: 'migrations are numbered in sequence, named, and fit in one transaction',
  rule,
  tree: () => files((name) => /^migrations\/(?!embed\.cmake)/.test(name)),
  bad: [
    ['migrations/0002_users.sql', '-- 0002_users: who.\n', /number 0001/],
    ['migrations/1_users.sql', '-- 1_users: who.\n', /NNNN_name/],
    ['migrations/0001_Users.sql', '-- 0001_Users: who.\n', /NNNN_name/],
    ['migrations/0001_users.sql', '-- 0001_people: who.\n', /its name/],
    ['migrations/0001_users.sql', '-- 0001_users: who.\nBEGIN;\nCOMMIT;\n', /:2: BEGIN[^]*:3: COMMIT/],
    ['migrations/0001_users.sql', '-- 0001_users: who.\nCREATE INDEX CONCURRENTLY i ON t (a);\n', /CONCURRENTLY/],
  ],
  good: [['migrations/0001_users.sql', '-- 0001_users: who. Not BEGIN;\nCREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n    RETURN 1;\nEND $$;\n']],
})

// Dashboards group by an alias of this name, which PostgreSQL would bind to a column of ours.
test('pipeline_runs has no column named event_type', () => {
  for (const { name, text } of files((n) => /^migrations\/.*\.sql$/.test(n))) {
    assert.doesNotMatch(text, /^\s*event_type\s+\w/m, name)
  }
})
