// Dependencies point one way:
//   proto <- base <- io
//   proto <- base <- store <- stream, pipelines, ingest, feeds, databases <- api <- main
//   databases <- pipelines
//   proto, base, store <- eventlogger
// and the library's public header stands alone. Whoever includes against an arrow is named here.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { checkRule, code, files, isC, matches, root } from './tree.mjs'

const middle = ['stream', 'pipelines', 'ingest', 'feeds', 'databases']
const low = ['proto', 'base', 'store']

// layer -> the layers that it may include, besides itself
const arrows = {
  proto: [],
  base: ['proto'],
  io: ['proto', 'base', 'public'],
  store: ['proto', 'base'],
  ...Object.fromEntries(middle.map((layer) => [layer, [...low, 'public']])),
  pipelines: [...low, 'databases'],
  api: [...low, ...middle, 'public'],
  eventlogger: low,
  main: [...low, ...middle, 'io', 'public', 'api', 'eventlogger'],
  examples: ['public'],
}

// What only one layer may know: who speaks to which dependency.
const owners = [
  [/^libwebsockets\.h$/, ['io']],
  [/^uv\.h$/, ['public', 'io', 'stream', 'feeds', 'api', 'main', 'examples']],
  [/^libpq-fe\.h$|^postgres/, ['store', 'pipelines', 'databases']],
  [/^librdkafka\//, ['store', 'eventlogger', 'pipelines', 'ingest', 'main']],
  [/^hiredis\//, ['io', 'ingest', 'store', 'feeds', 'main']],
  [/^curl\//, ['pipelines', 'databases', 'main']],
  [/^mariadb\//, ['databases']],
  [/^jwt\.h$/, ['api']],
  [/^cjson\//, ['api', 'pipelines']],
]

// proto is bytes in, structs out: it has the language, and nothing that does anything.
const pure = /^(assert|ctype|float|limits|math|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|strings|endian|emmintrin|immintrin|inttypes)\.h$/

const publicHeader = 'server/include/millrace/millrace.h' // and those beside it, which it includes
const publicMay = new Set(['proto/err.h', 'proto/span.h', 'uv.h', 'stdbool.h', 'stddef.h', 'stdint.h'])

function layerOf(name) {
  const parts = name.split('/')
  if (parts[0] === 'proto' || parts[0] === 'eventlogger' || parts[0] === 'examples') return parts[0]
  if (parts[0] !== 'server') return null
  if (parts[1] === 'include') return 'public'
  return parts.length === 2 ? 'main' : parts[1]
}

// The layer of what is included, from the path in the directive and the file that holds it.
function targetOf(name, included) {
  if (included.startsWith('millrace/')) return 'public'
  if (included.startsWith('eventlogger/') || included.startsWith('proto/')) return included.split('/')[0]
  const first = included.split('/')[0]
  if (included.includes('/') && (first in arrows)) return first
  if (included.includes('/')) return null
  // A bare name is a neighbour, or else something that lies right under server/.
  const neighbour = path.posix.join(path.posix.dirname(name), included)
  const there = (file) => existsSync(path.join(root, file))
  return !there(neighbour) && there(`server/${included}`) ? 'main' : layerOf(neighbour)
}

function rule(tree) {
  const faults = []
  for (const { name, text } of tree) {
    const layer = layerOf(name)
    const say = (m, why) => faults.push(...matches(name, text, new RegExp(m[0].replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'), 'g'), () => why).slice(0, 1))
    for (const m of code(text, { keepStrings: true }).matchAll(/^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]/gm)) {
      const [, quote, included] = m
      if (/\.c$/.test(included)) say(m, `includes a source file, ${included}`)
      if (layer === null) continue
      if (included.includes('..')) say(m, `climbs out of its folder: ${included}`)
      if (!(layer in arrows) && layer !== 'public') {
        say(m, `lies in a layer that has no arrows, ${layer}`)
        continue
      }
      const owner = owners.find(([what]) => what.test(included))
      if (owner && !owner[1].includes(layer)) say(m, `${layer} may not know ${included}`)
      if (layer === 'public') {
        if (!included.startsWith('millrace/') && !publicMay.has(included)) say(m, `the public header may not include ${included}`)
        continue
      }
      const target = quote === '"' || included.startsWith('millrace/') ? targetOf(name, included) : null
      if (quote === '"' && target === null) say(m, `includes ${included}, which is in no layer`)
      if (target && target !== layer && !arrows[layer].includes(target)) say(m, `${layer} may not include ${target}: ${included}`)
      if (layer === 'examples' && quote === '"') say(m, `an example has the public header and the system's: ${included}`)
      if (layer === 'proto' && quote === '<' && !pure.test(included)) say(m, `proto does nothing but compute: ${included}`)
    }
  }
  return faults
}

const breach = (layer, name, line) => [name, `/* x */\n${line}\n`, new RegExp(`^${name.replaceAll('.', '\\.')}:2: ${layer}`)]

checkRule(test, assert, {
  title: 'every include follows an arrow of docs/architecture.md',
  rule,
  tree: () => files(isC),
  bad: [
    breach('proto', 'proto/src/x.c', '#include "base/log.h"'),
    breach('proto', 'proto/src/x.c', '#include <pthread.h>'),
    breach('proto', 'proto/include/proto/x.h', '#include <uv.h>'),
    breach('base', 'server/base/x.c', '#include "store/pg.h"'),
    breach('base', 'server/base/x.c', '#include "io/frame.h"'),
    breach('io', 'server/io/x.c', '#include "store/pg.h"'),
    breach('io', 'server/io/x.c', '#include "api/api.h"'),
    breach('store', 'server/store/x.c', '#include "stream/stream.h"'),
    breach('store', 'server/store/x.c', '#include "millrace/millrace.h"'),
    breach('stream', 'server/stream/x.c', '#include "io/room.h"'),
    breach('stream', 'server/stream/x.c', '#include "pipelines/state.h"'),
    breach('api', 'server/api/x.c', '#include "io/core.h"'),
    breach('api', 'server/api/x.c', '#include "eventlogger/eventlogger.h"'),
    breach('api', 'server/api/x.c', '#include "main.h"'),
    breach('api', 'server/api/x.c', '#include <libpq-fe.h>'),
    breach('eventlogger', 'eventlogger/x.c', '#include "io/mailbox.h"'),
    breach('eventlogger', 'eventlogger/x.c', '#include "api/api.h"'),
    breach('eventlogger', 'eventlogger/x.c', '  #  include "stream/stream.h"'),
    breach('stream', 'server/stream/x.c', '#include <librdkafka/rdkafka.h>'),
    breach('examples', 'examples/x.c', '#include "proto/json.h"'),
    breach('an example', 'examples/x.c', '#include "millrace/millrace.h"'),
    breach('the public header', publicHeader, '#include "proto/json.h"'),
    breach('the public header', publicHeader, '#include "io/core.h"'),
    breach('lies in a layer', 'server/extra/x.c', '#include "proto/err.h"'),
    breach('includes a source', 'tests/unit/x.c', '#include "../../proto/src/sio.c"'),
    breach('climbs', 'server/api/x.c', '#include "../io/core.h"'),
    breach('includes nothing.h/x.h', 'server/api/x.c', '#include "nothing.h/x.h"'),
  ],
  good: [
    ['server/main.c', '#include "main.h"\n#include "io/limits.h"\n#include "eventlogger/eventlogger.h"\n'],
    ['server/main_serve.c', '#include <millrace/millrace.h>\n'],
    ['eventlogger/consume.c', '#include "queue.h"\n#include "store/runs.h"\n#include <librdkafka/rdkafka.h>\n'],
    ['server/stream/x.c', '#include "millrace/millrace.h"\n#include "stream_parts.h"\n// #include "io/core.h"\n/* #include "io/core.h" */\n'],
    ['examples/chat.c', '#include <millrace/millrace.h>\n#include <stdio.h>\n'],
    ['proto/src/sio.c', '#include "proto/sio.h"\n#include "scan.h"\n#include <string.h>\n'],
    ['tests/unit/test_sio.c', '#include "guard.h"\n#include <sys/mman.h>\n'],
  ],
})
