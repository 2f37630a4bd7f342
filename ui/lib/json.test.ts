import { describe, expect, it } from 'vitest'
import { isExactNumber, parseExact, stringifyExact } from './json'

describe('parseExact', () => {
  it('keeps the digits of a number that a double cannot hold', () => {
    const text = '{"id":9007199254740993,"price":12345678901234567890.123456789,"n":-1e400}'
    const row = parseExact(text) as Record<string, unknown>
    expect(row.id).toEqual({ $number: '9007199254740993' })
    expect(stringifyExact(row)).toBe(text)
  })

  it('leaves numbers that a double holds as numbers, however they are written', () => {
    expect(parseExact('[1, 1.50, 1.0E7, 1763667048397309, 0.1234567890123456, -0.0, 1e21]')).toEqual(
      [1, 1.5, 1e7, 1763667048397309, 0.1234567890123456, -0, 1e21],
    )
  })

  it('agrees with JSON.parse on everything else', () => {
    const text = String.raw`{"a":"q\"\\\u00e9\n","b":[{},[],null,true,false],"c":{"x y":"1234567890123456"}," ":""}`
    expect(parseExact(text)).toEqual(JSON.parse(text))
  })

  it.each(['{"a":12345678901234567890', '[12345678901234567890,]', '012345678901234567890', '{"a" 12345678901234567890}', '"\n1234567890123456"', '12345678901234567890 x'])(
    'refuses %j as JSON.parse does',
    (text) => expect(() => parseExact(text)).toThrow(SyntaxError),
  )

  it('does not let a member become a prototype', () => {
    const v = parseExact('{"__proto__":{"x":12345678901234567890}}') as object
    expect(Object.getPrototypeOf(v)).toBe(Object.prototype)
    expect(Object.keys(v)).toEqual(['__proto__'])
  })

  it('refuses nesting that would overflow the stack', () => {
    expect(() => parseExact(`${'['.repeat(100000)}12345678901234567890`)).toThrow(SyntaxError)
  })
})

describe('stringifyExact', () => {
  it('indents like JSON.stringify', () => {
    const v = { a: [1, { b: null }], c: {}, d: [], e: 'x' }
    expect(stringifyExact(v, 2)).toBe(JSON.stringify(v, null, 2))
    expect(stringifyExact(v)).toBe(JSON.stringify(v))
  })

  it('knows its own numbers from objects that look alike', () => {
    expect(isExactNumber({ $number: '1' })).toBe(true)
    expect(isExactNumber({ $number: 1 })).toBe(false)
    expect(isExactNumber(null)).toBe(false)
  })
})
