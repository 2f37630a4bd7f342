import { expect, it } from 'vitest'
import { csv } from './csv'

it('quotes what has to be quoted', () => expect(csv([{ a: 'x,"y"', b: null }, { a: 1, b: { k: 2 } }])).toBe('a,b\r\n"x,""y""",\r\n1,"{""k"":2}"\r\n'))
it('holds no formula', () => expect(csv([{ a: '=1+1', b: -5 }])).toBe("a,b\r\n'=1+1,-5\r\n"))
it('keeps every digit', () => expect(csv([{ a: { $number: '9007199254740993' } }])).toBe('a\r\n9007199254740993\r\n'))
