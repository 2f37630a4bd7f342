// peers.mjs - peers in Go and Python, made ready where the language is. Each gives the beginning of a command, or null.
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { root } from '../../support/services.mjs'
import { here } from './programs.mjs'

const cache = path.join(root, '.cache/bench')
const python = path.join(cache, 'python/bin/python')
const must = (file, args, options) => execFileSync(file, args, { stdio: ['ignore', 'ignore', 'inherit'], ...options })

export const has = (file) => spawnSync('sh', ['-c', `command -v ${file}`]).status === 0

/** peers/NAME, a module. */
export function goPeer(name, say) {
  const server = path.join(cache, name, 'server')
  if (!has('go')) {
    say('no go: its server is left out')
    return null
  }
  if (!fs.existsSync(server)) {
    const source = path.join(cache, name, 'source') // go writes go.sum beside the module
    fs.cpSync(path.join(here, 'peers', name), source, { recursive: true })
    must('go', ['mod', 'tidy'], { cwd: source })
    must('go', ['build', '-o', server, '.'], { cwd: source })
  }
  return [server]
}

/** peers/FILE with what peers/REQUIREMENTS names. */
export function pythonPeer(file, requirements, say) {
  const done = path.join(cache, 'python', requirements)
  if (!has('python3')) {
    say('no python3: its server is left out')
    return null
  }
  if (!fs.existsSync(done)) {
    must('python3', ['-m', 'venv', path.join(cache, 'python')])
    must(python, ['-m', 'pip', 'install', '--quiet', '-r', path.join(here, 'peers/requirements.txt'), '-r', path.join(here, 'peers', requirements)])
    fs.writeFileSync(done, '')
  }
  return [python, path.join(here, 'peers', file)]
}
