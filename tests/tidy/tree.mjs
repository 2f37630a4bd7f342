// The checkout as text, and C without what is not code. Nothing here knows a rule.
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')

// What is made or fetched, not written. Names that begin with a dot are left out, too, but for these.
const notOurs = new Set(['build', 'node_modules', 'out', 'captured', 'results', 'corpus', 'artifacts'])
const dotted = new Set(['.ci', '.clang-format', '.clang-tidy', '.editorconfig', '.gitignore', '.dockerignore'])

function* walk(folder) {
  for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
    const name = path.posix.join(folder, entry.name)
    if (entry.name.startsWith('.') && !dotted.has(entry.name)) continue
    if (entry.isDirectory()) {
      if (!notOurs.has(entry.name)) yield* walk(name)
    } else if (entry.isFile()) yield name
  }
}

const binary = /\.(png|jpe?g|gif|ico|svg|webm|woff2?|gz|br|bin|jar)$/

// [{ name, text }], names with slashes from the root. keep: a predicate on the name.
export const files = (keep = () => true) => [...walk('')]
  .filter((name) => !binary.test(name) && keep(name)).sort()
  .map((name) => ({ name, text: readFileSync(path.join(root, name), 'utf8') }))

export const read = (name) => readFileSync(path.join(root, name), 'utf8')

export const isC = (name) => /\.[ch]$/.test(name)
export const isProduct = (name) => isC(name) && /^(proto|server|eventlogger)\//.test(name)

// The same text with comments, and with strings' and characters' content, made blank: lines and
// columns stay where they are. keepStrings leaves the strings.
export function code(text, { keepStrings = false } = {}) {
  const blank = (s) => s.replace(/[^\n]/g, ' ')
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/(?:\\\n|[^\n])*|"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])+'/g, (token) => {
    if (token[0] === '/') return blank(token)
    return keepStrings ? token : token[0] + blank(token.slice(1, -1)) + token[0]
  })
}

// Every match of a global expression as "name:line: what".
export const matches = (name, text, expression, say) => [...text.matchAll(expression)]
  .map((m) => `${name}:${text.slice(0, m.index).split('\n').length}: ${say(m)}`)

// A rule takes [{ name, text }] and gives faults. It holds in the tree, and it is not blind: each of
// the bad samples (name, text, part of the fault) makes it speak, and no good one does.
export function checkRule(test, assert, { title, rule, tree, bad, good = [] }) {
  test(title, () => assert.deepEqual(rule(tree()), []))
  test(`${title}: and the rule sees a breach`, () => {
    for (const [name, text, what] of bad) {
      const faults = rule([{ name, text }])
      assert.ok(faults.length > 0, `nothing was said about ${name}: ${text}`)
      assert.match(faults.join('\n'), what)
    }
    for (const [name, text] of good) assert.deepEqual(rule([{ name, text }]), [])
  })
}
