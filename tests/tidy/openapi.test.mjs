// The contract and the router's table are the same set of routes.
import assert from 'node:assert/strict'
import test from 'node:test'
import { code, read } from './tree.mjs'

const methods = ['get', 'put', 'post', 'delete', 'patch', 'head', 'options', 'trace']

// openapi.yaml has a path at two blanks, its methods at four, in block style throughout.
export function contract(yaml) {
  const found = []
  let at = null
  for (const line of yaml.slice(yaml.search(/^paths:/m)).split('\n').slice(1)) {
    if (/^\S/.test(line)) break
    const route = /^ {2}(\/\S*):\s*$/.exec(line)
    const method = /^ {4}([a-z]+):/.exec(line)
    if (route) at = route[1]
    else if (method && methods.includes(method[1])) found.push(`${method[1].toUpperCase()} ${at}`)
  }
  return found.sort()
}

// Rows such as {"GET", V1 "/pipelines/{id}", ...}: a path is string literals and macros in a row.
export function router(c) {
  const text = code(c, { keepStrings: true })
  const macros = Object.fromEntries([...text.matchAll(/^#define\s+(\w+)\s+"([^"]*)"/gm)].map(([, name, value]) => [name, value]))
  const table = /mr_routes\[\]\s*=\s*\{([\s\S]*?)\n\};/.exec(text)[1]
  return [...table.matchAll(/\{\s*"([A-Z]+)",\s*((?:\w+\s+|"[^"]*"\s*)+),/g)]
    .map(([, method, parts]) => `${method} ${parts.replace(/"([^"]*)"|(\w+)/g, (_, literal, macro) => literal ?? macros[macro]).replace(/\s/g, '')}`).sort()
}

const yaml = read('server/api/openapi.yaml')
const routes = read('server/api/routes.c')

test('every route that is served is in openapi.yaml, and every one in it is served', () => {
  assert.ok(router(routes).length > 20)
  assert.deepEqual(contract(yaml), router(routes))
})

test('no route is there twice', () => {
  assert.equal(new Set(router(routes)).size, router(routes).length)
  assert.equal(new Set(contract(yaml)).size, contract(yaml).length)
})

test('openapi.json is openapi.yaml in another form', () => {
  const json = JSON.parse(read('server/api/openapi.json'))
  const found = Object.entries(json.paths).flatMap(([path, item]) => Object.keys(item)
    .filter((m) => methods.includes(m)).map((m) => `${m.toUpperCase()} ${path}`))
  assert.deepEqual(found.sort(), contract(yaml))
  assert.equal(json.info.version, /^ {2}version: (\S+)/m.exec(yaml)[1])
})

test('a route on one side only is noticed', () => {
  const more = routes.replace('mr_routes[] = {', 'mr_routes[] = {\n    {"PATCH", V1 "/more/{id}", 0, 0, 0, f, NULL},')
  assert.deepEqual(router(more).filter((r) => !router(routes).includes(r)), ['PATCH /api/v1/more/{id}'])
  const wider = yaml.replace(/^paths:$/m, 'paths:\n  /wider:\n    post:\n      tags: []')
  assert.deepEqual(contract(wider).filter((r) => !contract(yaml).includes(r)), ['POST /wider'])
})
