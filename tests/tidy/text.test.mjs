// What a reader meets in every file: its idea at the head, lines that fit, no left-overs, nothing
// of the machine that it was written on.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { checkRule, files, isC, isProduct, matches, root } from './tree.mjs'

checkRule(test, assert, {
  title: 'every C file opens with its name and its idea',
  rule: (tree) => tree.filter(({ name, text }) => !text.startsWith(`/* ${path.posix.basename(name)} - `))
    .map(({ name }) => `${name}:1: does not open with "/* ${path.posix.basename(name)} - "`),
  tree: () => files(isC),
  bad: [
    ['server/io/x.c', '#include "io/x.h"\n', /x\.c:1/],
    ['server/io/x.c', '/* y.c - something else */\n', /x\.c:1/],
    ['server/io/x.c', '// x.c - something\n', /x\.c:1/],
  ],
  good: [['server/io/x.c', '/* x.c - the idea. */\n']],
})

// A table between "clang-format off" and "on" is drawn by hand; its rows may be as wide as they need.
const drawn = (text) => text.replace(/\/\* *clang-format off *\*\/[\s\S]*?(\/\* *clang-format on *\*\/|$)/g, (part) => part.replace(/[^\n]/g, ''))

checkRule(test, assert, {
  title: 'no line of code is over 100 columns',
  rule: (tree) => tree.flatMap(({ name, text }) => drawn(text).split('\n')
    .map((line, i) => [[...line].length, i + 1]).filter(([columns]) => columns > 100)
    .map(([columns, line]) => `${name}:${line}: ${columns} columns`)),
  tree: () => files(isC),
  bad: [
    ['server/io/x.c', `/* x */\nint ${'a'.repeat(97)};\n`, /x\.c:2: 102/],
    ['server/io/x.c', `/* clang-format off */\n/* clang-format on */\n// ${'é'.repeat(98)}\n`, /x\.c:3: 101/],
  ],
  good: [['server/io/x.c', `/* clang-format off */\nint ${'a'.repeat(200)};\n/* clang-format on */\n// ${'é'.repeat(97)}\n`]],
})

checkRule(test, assert, {
  title: 'a source file stays one idea: at most 600 lines, without tabs and trailing blanks',
  rule: (tree) => tree.flatMap(({ name, text }) => [
    ...(text.split('\n').length > 601 ? [`${name}: ${text.split('\n').length - 1} lines`] : []),
    ...matches(name, text, /\t/g, () => 'a tab'),
    ...matches(name, text, /[ \t]+$/gm, () => 'blanks at the end of the line'),
    ...(text.endsWith('\n') && !text.endsWith('\n\n') ? [] : [`${name}: does not end with one line end`]),
  ]),
  tree: () => files(isProduct),
  bad: [
    ['server/io/x.c', 'int a;\n'.repeat(601), /601 lines/],
    ['server/io/x.c', 'int\ta;\n', /tab/],
    ['server/io/x.c', '\nint a; \n', /x\.c:2: blanks/],
    ['server/io/x.c', 'int a;', /line end/],
  ],
})

// Written so that this file does not hold them itself.
const foreign = [
  [/\/wor[k]\//g, 'a path of one machine'],
  [/\/home\/[a-z]+\//g, 'a path of one machine'],
  [/registry\.npmj[s]|repo1?\.mave[n]\.|deb\.debia[n]\.org|pyp[i]\.org|crate[s]\.io|docke[r]\.io\//g, 'the host of a package registry'],
  [/\b(TOD[O]|FIXM[E]|XX[X]|HAC[K])\b/g, 'a left-over'],
  [/\b[Nn]ot implemente[d]|[Cc]oming soo[n]/g, 'something that is not there'],
  [/\bfar[m]-|bash_job[s]|sub-?agen[t]/gi, 'a tool of the workshop'],
  [/\bissues? #?\d+\b/gi, 'the number of an issue'],
]

checkRule(test, assert, {
  title: 'no left-overs, machine paths or registry hosts',
  rule: (tree) => tree.flatMap(({ name, text }) => foreign.flatMap(([what, why]) => matches(name, text, what, (m) => `${why}: ${m[0]}`))),
  tree: () => files((name) => !/package-lock\.json$/.test(name)),
  bad: [
    ['docs/x.md', `run /wor${'k'}/main/dev\n`, /x\.md:1: a path/],
    ['dev', `\ncurl https://registry.npmj${'s'}.org/x\n`, /dev:2: the host/],
    ['server/io/x.c', `/* TOD${'O'}: later */\n`, /left-over/],
    ['docs/x.md', `as issue ${'3'} says\n`, /number of an issue/],
  ],
  good: [['docs/x.md', 'https://socket.io, TODOs are none, an issue of trust\n']],
})

checkRule(test, assert, {
  title: 'no test is switched off',
  rule: (tree) => tree.flatMap(({ name, text }) => [
    ...matches(name, text, /\b(?:it|test|describe|suite)\.(skip|only|todo|fixme)\b/g, (m) => `.${m[1]}`),
    ...matches(name, text, /\{\s*(skip|only|todo)\s*:/g, (m) => m[1]),
    ...(/^tests\/(unit|wire)\//.test(name) ? matches(name, text, /\bskip\(\s*\)/g, () => 'skip()') : []),
  ]),
  tree: () => files((name) => /^(tests|ui|compose)\//.test(name) && /\.([ch]|m?[jt]sx?)$/.test(name) && name !== 'tests/tidy/text.test.mjs'),
  bad: [
    ['tests/integration/x.test.mjs', "test.skip('later', () => {})\n", /\.skip/],
    ['tests/integration/x.test.mjs', "test('later', { skip: true }, () => {})\n", /skip/],
    ['tests/unit/test_x.c', '    skip();\n', /skip\(\)/],
  ],
})

checkRule(test, assert, {
  title: 'every relative link of a document leads somewhere',
  rule: (tree) => tree.flatMap(({ name, text }) => matches(name, text.replace(/```[\s\S]*?```/g, (part) => part.replace(/[^\n]/g, ' ')),
    /\]\((?!https?:|mailto:|#)([^)\s#]+)(?:#[^)]*)?\)/g, (m) => m[1])
    .filter((fault) => !existsSync(path.join(root, path.dirname(name), fault.replace(/^.*?:\d+: /, '')))))
    .map((fault) => `${fault} does not exist`),
  tree: () => files((name) => /\.md$/.test(name) && !name.startsWith('ui/')),
  bad: [['docs/x.md', 'see\n[that](nowhere.md#part)\n', /x\.md:2: nowhere\.md/]],
  good: [['docs/x.md', '[a](../README.md), [b](https://x/y), [c](#here)\n```\n[d](nowhere)\n```\n']],
})

test('docs/index.md lists every page', () => {
  const [{ text }] = files((name) => name === 'docs/index.md')
  for (const { name } of files((n) => /^docs\/[^/]+\.md$/.test(n) && n !== 'docs/index.md')) {
    assert.ok(text.includes(`](${path.posix.basename(name)})`), `${name} is not in docs/index.md`)
  }
})
