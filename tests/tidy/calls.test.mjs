// Calls that are banned because each has a better one: unbounded copies, parsers that hide errors, a
// heap that a test cannot make fail, pointers and row values in logs.
import assert from 'node:assert/strict'
import test from 'node:test'
import { checkRule, code, files, isC, isProduct, matches } from './tree.mjs'

const call = (names) => new RegExp(`(?<![\\w.>])(${names.join('|')})\\s*\\(`, 'g')

const unbounded = call(['strcpy', 'stpcpy', 'strcat', 'sprintf', 'vsprintf', 'strtok', 'gets', 'atoi', 'atol', 'atoll', 'atof',
  'alloca', 'tmpnam', 'mktemp', 'system', 'popen', 'rand', 'srand', 'setjmp', 'longjmp'])
const heap = call(['malloc', 'calloc', 'realloc', 'reallocarray', 'free', 'strdup', 'strndup', 'asprintf', 'vasprintf', 'getline',
  'getdelim', 'posix_memalign', 'aligned_alloc', 'realpath'])

checkRule(test, assert, {
  title: 'no call is on the banned list',
  rule: (tree) => tree.flatMap(({ name, text }) => matches(name, code(text), unbounded, (m) => `${m[1]} is banned`)),
  tree: () => files((name) => isC(name) && (isProduct(name) || name.startsWith('examples/'))),
  bad: [
    ['server/io/x.c', 'void f(char *a)\n{\n    strcpy(a, "x");\n}\n', /x\.c:3: strcpy/],
    ['proto/src/x.c', 'int n = atoi (s);\n', /x\.c:1: atoi/],
    ['examples/x.c', 'char *p = alloca(n);\n', /alloca/],
    ['eventlogger/x.c', 'sprintf(a, "%d", 1); strtok(a, ",");\n', /strtok/],
  ],
  good: [['server/io/x.c', '/* not strcpy(a, b) */\nmr_strcpy(a, "atoi(x)");\nx->gets(1);\nsnprintf(a, 1, "");\n']],
})

checkRule(test, assert, {
  title: 'memory comes from proto/alloc.h alone',
  rule: (tree) => tree.filter(({ name }) => name !== 'proto/src/alloc.c')
    .flatMap(({ name, text }) => matches(name, code(text), heap, (m) => `${m[1]} goes past proto/alloc.h`)),
  tree: () => files(isProduct),
  bad: [
    ['server/api/x.c', 'char *p = malloc(1);\n', /x\.c:1: malloc/],
    ['eventlogger/x.c', 'free(p);\n', /free/],
    ['proto/src/buf.c', 'p = realloc(p, 2);\n', /realloc/],
    ['server/base/x.c', 'n = getline(&line, &cap, f);\n', /getline/],
  ],
  good: [['server/api/x.c', 'mr_free(mr_strdup(s));\nel_free(x);\njwt_free(t);\nfreeaddrinfo(ai);\n'], ['proto/src/alloc.c', 'free(ptr);\n']],
})

// Every LOG_X(...) with its strings, from the macro's name to the parenthesis that closes it.
function* logCalls(text) {
  const whole = code(text, { keepStrings: true })
  const bare = code(text)
  for (const m of bare.matchAll(/\bLOG_(DEBUG|INFO|WARN|ERROR|AT)\s*\(/g)) {
    let depth = 0
    let end = m.index + m[0].length - 1
    do {
      if (bare[end] === '(') depth++
      if (bare[end] === ')') depth--
      end++
    } while (depth > 0 && end < bare.length)
    yield { line: text.slice(0, m.index).split('\n').length, kind: m[1], args: whole.slice(m.index + m[0].length, end - 1).trim() }
  }
}

// Where connections are made: what libpq says of one that failed holds no row.
const connects = ['server/store/pg.c', 'server/databases/postgres.c']

function logRule(tree) {
  const faults = []
  for (const { name, text } of tree) {
    faults.push(...matches(name, code(text, { keepStrings: true }), /"[^"\n]*%[-+ #0-9.]*p[^"\n]*"/g, () => 'a pointer is printed (%p)'))
    if (!connects.includes(name)) faults.push(...matches(name, code(text), /\bPQ(error|resultError|resultVerboseError)Message\b/g, (m) => `${m[0]} quotes row values`))
    if (name === 'server/base/log.h') continue
    for (const { line, kind, args } of logCalls(text)) {
      const event = /^"([^"]*)"\s*(,|$)/.exec(kind === 'AT' ? args.replace(/^[^,]*,\s*/, '') : args)
      if (!event) faults.push(`${name}:${line}: the event of a log line is a literal, not ${args.split('\n')[0]}`)
      else if (!/^[a-z][a-z0-9_]*$/.test(event[1])) faults.push(`${name}:${line}: "${event[1]}" is not snake_case`)
      const secret = /F_(?:STR|SPAN)\(\s*"[^"]*",[^)]*(password|secret|token\b|jwt)/i.exec(args)
      if (secret) faults.push(`${name}:${line}: a secret is logged (${secret[1]})`)
    }
  }
  return faults
}

checkRule(test, assert, {
  title: 'log lines have a literal event, and neither pointers nor row values nor secrets',
  rule: logRule,
  tree: () => files(isProduct),
  bad: [
    ['server/io/x.c', 'LOG_INFO(name, F_INT("n", 1));\n', /x\.c:1: the event/],
    ['server/io/x.c', '\nLOG_WARN("Something went wrong");\n', /x\.c:2: "Something/],
    ['server/io/x.c', 'LOG_AT(level, fmt);\n', /the event/],
    ['server/io/x.c', 'snprintf(b, n, "at %p", x);\n', /%p/],
    ['server/api/x.c', 'LOG_WARN("query_failed", F_STR("why", PQerrorMessage(c)));\n', /PQerrorMessage/],
    ['server/store/x.c', 'LOG_WARN("query_failed",\n    F_STR("why", PQresultErrorMessage(r)));\n', /x\.c:2: PQresultErrorMessage/],
    ['server/api/x.c', 'LOG_INFO("user_signed_in", F_STR("pw", cfg->admin_password));\n', /secret/],
  ],
  good: [['server/io/x.c', '/* LOG_INFO(x) and "%p" */\nLOG_INFO("room_joined", F_STR("sid", sid),\n    F_INT("n", count(a, b)));\nLOG_DEBUG("frame_sent");\nLOG_AT(MR_LOG_WARN, "peer_lost");\n#define SQL "LIKE \'100%\'"\n']],
})

test('PQerrorMessage is read once, where a connection has not seen a row yet', () => {
  for (const { name, text } of files((file) => connects.includes(file))) assert.equal(code(text).match(/PQerrorMessage/g).length, 1, name)
})

checkRule(test, assert, {
  title: 'settings come from the table, not from getenv',
  // (fault.c is no setting: tests name the place where a process is to die. config.c hands on librdkafka's properties.)
  rule: (tree) => tree.filter(({ name }) => !['server/base/fault.c', 'server/base/config.c'].includes(name)).flatMap(({ name, text }) => matches(name, code(text), call(['getenv', 'secure_getenv', 'setenv', 'putenv']), (m) => `${m[1]}: add a row to server/base/config.h`)),
  tree: () => files(isProduct),
  bad: [['server/api/x.c', 'const char *s = getenv("MILLRACE_X");\n', /getenv/]],
})
