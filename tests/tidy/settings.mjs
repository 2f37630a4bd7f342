// The table of server/base/config.h, read as text, so that no build is needed.
import { read } from './tree.mjs'

const row = /^\s*X\((\w+),\s*"([^"]*)",\s*(\w+),\s*"((?:[^"\\]|\\.)*)",\s*(-?\d+),\s*(-?\d+),\s*"([^"]*)",\s*([01]),\s*"((?:[^"\\]|\\.)*)"\)/

export function settings(text = read('server/base/config.h')) {
  const table = /#define MR_SETTINGS\(X\) \\\n((?:.*\\\n)*.*\n)/.exec(text)[1]
  return table.trimEnd().split('\n').map((line) => {
    const m = row.exec(line)
    if (!m) throw new Error(`not a row of MR_SETTINGS: ${line}`)
    const [, field, env, type, def, min, max, unit, reload, help] = m
    return { field, env, type, def, min: Number(min), max: Number(max), unit, reload: reload === '1', help, flag: `--${field.replaceAll('_', '-')}` }
  })
}

const text = (type) => type === 'STR' || type === 'SECRET'

// A row as docs/configuration.md has it, cell by cell.
export const cells = (s) => [
  `\`${s.env}\``,
  `\`${s.flag}\``,
  s.def ? `\`${s.def}\`${s.unit && ` ${s.unit}`}` : '',
  s.type === 'BOOL' || s.type === 'LEVEL' ? '' : `${s.min} to ${s.max}${text(s.type) ? ' characters' : ''}`,
  s.reload ? 'yes' : '',
  s.help + (s.type === 'SECRET' ? ' Secret: never printed.' : ''),
]
