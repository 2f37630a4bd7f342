import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { blocked, withPolicy } from './export.mjs'

const sha = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

it('allows exactly the inline scripts of the page', () => {
  const html = withPolicy('<html><head><script src="/a.js"></script></head><body><script>one()</script><script id="x">two()</script></body></html>')
  const policy = /content="([^"]*)"/.exec(html)[1]
  expect(policy).toContain(`script-src 'self' ${sha('one()')} ${sha('two()')};`)
  expect(policy).not.toContain('unsafe')
  expect(html.indexOf('http-equiv')).toBeLessThan(html.indexOf('<script'))
})

it('finds what that policy would block', () => {
  expect(blocked('<p style="color:red">')).toHaveLength(1)
  expect(blocked('<style>p{}</style>')).toHaveLength(1)
  expect(blocked('<a onclick="x()">')).toHaveLength(1)
  expect(blocked('<p class="style"><script>var a = \'<p style="x">\'</script></p>')).toEqual([])
})
