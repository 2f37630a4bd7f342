// JSON whose numbers survive. A bigint key or a numeric(38) passes through PostgreSQL, Kafka and the
// server untouched; JSON.parse would round it and the dashboard would show a row that does not exist.
// A number that a double cannot hold becomes {$number: "its own digits"}; everything else is plain.
//
// The careful reader runs only on texts that hold a suspect number: JSON.parse is several times faster.

export interface ExactNumber {
  readonly $number: string
}
export type Json = null | boolean | number | string | ExactNumber | Json[] | { [key: string]: Json }

/** Sixteen digits on end, or an exponent of three: what a double may not hold. */
const SUSPECT = /\d[\d.]{15}|\d[eE][+-]?\d{3}/
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const DEPTH_MAX = 256

export const isExactNumber = (v: unknown): v is ExactNumber =>
  typeof v === 'object' && v !== null && typeof (v as ExactNumber).$number === 'string'

export function parseExact(text: string): unknown {
  return SUSPECT.test(text) ? new Reader(text).document() : JSON.parse(text)
}

/** Does the double say the same digits again? 1.50 does (as 1.5); 9007199254740993 does not. */
function fits(source: string, value: number): boolean {
  if (!Number.isFinite(value)) return false
  if (Number.isSafeInteger(value)) return true
  return digits(source) === digits(String(value))
}

/** Significant digits and scale, so that 1.0E7, 10000000 and 1e+7 compare as equal. */
function digits(source: string): string {
  const [mantissa = '', exponent = '0'] = source.toLowerCase().split('e')
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.')
  const all = (whole + fraction).replace(/^0+/, '')
  const kept = all.replace(/0+$/, '')
  return `${kept}e${Number(exponent) - fraction.length + all.length - kept.length}`
}

class Reader {
  private at = 0
  constructor(private readonly text: string) {}

  document(): Json {
    const value = this.value(0)
    this.space()
    if (this.at < this.text.length) this.fail()
    return value
  }

  private fail(): never {
    throw new SyntaxError(`Unexpected token in JSON at position ${this.at}`)
  }

  private space() {
    for (;;) {
      const c = this.text.charCodeAt(this.at)
      if (c !== 32 && c !== 10 && c !== 13 && c !== 9) return
      this.at++
    }
  }

  private take(c: string): boolean {
    this.space()
    if (this.text[this.at] !== c) return false
    this.at++
    return true
  }

  private value(depth: number): Json {
    if (depth > DEPTH_MAX) throw new SyntaxError('JSON is nested too deeply')
    this.space()
    switch (this.text[this.at]) {
      case '{':
        return this.object(depth)
      case '[':
        return this.array(depth)
      case '"':
        return this.string()
      case 't':
        return this.word('true', true)
      case 'f':
        return this.word('false', false)
      case 'n':
        return this.word('null', null)
      default:
        return this.number()
    }
  }

  private word<T extends Json>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) this.fail()
    this.at += word.length
    return value
  }

  private object(depth: number): Json {
    const out: { [key: string]: Json } = {}
    this.at++
    if (this.take('}')) return out
    do {
      this.space()
      const key = this.string()
      if (!this.take(':')) this.fail()
      const value = this.value(depth + 1)
      // As JSON.parse does: a member named __proto__ is a member, not a prototype.
      if (key === '__proto__') Object.defineProperty(out, key, { value, enumerable: true, writable: true, configurable: true })
      else out[key] = value
    } while (this.take(','))
    if (!this.take('}')) this.fail()
    return out
  }

  private array(depth: number): Json {
    const out: Json[] = []
    this.at++
    if (this.take(']')) return out
    do out.push(this.value(depth + 1))
    while (this.take(','))
    if (!this.take(']')) this.fail()
    return out
  }

  private string(): string {
    const from = this.at
    if (this.text[from] !== '"') this.fail()
    let escaped = false
    for (this.at++; this.at < this.text.length; this.at++) {
      const c = this.text.charCodeAt(this.at)
      if (c === 34) {
        this.at++
        // Escapes and control characters are rare: JSON.parse knows them all.
        return escaped ? (JSON.parse(this.text.slice(from, this.at)) as string) : this.text.slice(from + 1, this.at - 1)
      }
      if (c === 92) {
        escaped = true
        this.at++
      } else if (c < 32) this.fail()
    }
    return this.fail()
  }

  private number(): number | ExactNumber {
    NUMBER.lastIndex = this.at
    const source = NUMBER.exec(this.text)?.[0]
    if (source === undefined || /^-?0\d/.test(source)) this.fail()
    this.at += source.length
    const value = Number(source)
    return fits(source, value) ? value : { $number: source }
  }
}

/** JSON text again, with every number as it came. indent: spaces a level, 0 for one line. */
export function stringifyExact(value: unknown, indent = 0): string {
  return write(value, indent, '')
}

function write(value: unknown, indent: number, margin: string): string {
  if (isExactNumber(value)) return value.$number
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  const inner = margin + ' '.repeat(indent)
  const parts = Array.isArray(value)
    ? value.map((v) => write(v, indent, inner))
    : Object.entries(value)
        .filter(([, v]) => v !== undefined)
        .map(([k, v]) => `${JSON.stringify(k)}:${indent ? ' ' : ''}${write(v, indent, inner)}`)
  const [open, close] = Array.isArray(value) ? '[]' : '{}'
  if (!parts.length) return `${open}${close}`
  return indent
    ? `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${margin}${close}`
    : `${open}${parts.join(',')}${close}`
}
