// Tables as files. Pure.
import { stringifyExact, type Json } from './json'

/** RFC 4180, columns by the names that occur; text that a spreadsheet would take for a formula is quoted as text. */
export function csv(rows: Record<string, unknown>[]): string {
  const columns = [...new Set(rows.flatMap((r) => Object.keys(r)))]
  const cell = (v: unknown) => {
    let text = v == null ? '' : typeof v === 'object' ? stringifyExact(v as Json) : String(v)
    if (typeof v === 'string' && /^[=+\-@\t\r]/.test(text)) text = `'${text}`
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  }
  return [columns.join(','), ...rows.map((r) => columns.map((c) => cell(r[c])).join(','))].map((line) => `${line}\r\n`).join('')
}
