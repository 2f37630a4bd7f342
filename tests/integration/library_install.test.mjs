// library_install.test.mjs - libmillrace for other programs: installed into an empty prefix, found by pkg-config and by
// CMake, linked shared and static, from C and C++; what it exports is what its headers declare.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { io } from 'socket.io-client'
import { startExample } from '../support/examples.mjs'
import { buildDir, root } from '../support/services.mjs'
import { within } from '../support/until.mjs'

let prefix, work, sanitize
const run = (file, args, options = {}) => execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], cwd: work, ...options })
const pkgConfig = (...args) =>
  run('pkg-config', [...args, 'libmillrace'], { env: { ...process.env, PKG_CONFIG_PATH: path.join(prefix, 'lib/pkgconfig') } }).trim().split(/\s+/)
const headers = () => fs.readdirSync(path.join(prefix, 'include/millrace')).filter((f) => f.endsWith('.h'))
const warnings = ['-Wall', '-Wextra', '-Werror']

before(() => {
  work = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-install-'))
  prefix = path.join(work, 'prefix')
  run('cmake', ['--install', path.resolve(buildDir()), '--prefix', prefix, '--component', 'library'])
  const on = /^MILLRACE_SANITIZE:STRING=(.+)$/m.exec(fs.readFileSync(path.join(buildDir(), 'CMakeCache.txt'), 'utf8'))?.[1]
  sanitize = on ? [`-fsanitize=${on}`] : []
})
after(() => fs.rmSync(work, { recursive: true }))

async function answers(file, event) {
  const server = await startExample(path.relative(path.join(buildDir(), 'bin'), file))
  try {
    const socket = io(server.url, { reconnection: false })
    await within('it connects', 5000, once(socket, 'connect'))
    if (event) assert.deepEqual(await socket.timeout(5000).emitWithAck(event, 'a', Buffer.from([1, 2])), 'a')
    socket.disconnect()
  } finally {
    assert.equal(await server.stop(), 0)
  }
}

describe('libmillrace, installed', () => {
  it('builds the examples with nothing but pkg-config, and they serve: shared', async () => {
    for (const name of ['chat', 'fanout', 'relay']) {
      run('cc', ['-std=c11', '-pedantic', ...warnings, ...sanitize, path.join(root, `examples/${name}.c`), '-o', name,
        ...pkgConfig('--cflags', '--libs'), `-Wl,-rpath,${prefix}/lib`])
    }
    assert.match(run('ldd', [path.join(work, 'chat')]), /libmillrace\.so\.0 => .*prefix/)
    await answers(path.join(work, 'chat'))
    await answers(path.join(work, 'fanout'), 'echo')
  })
  it('builds them static, without a trace of the shared library', async () => {
    const libs = pkgConfig('--static', '--libs').map((flag) => (flag === '-lmillrace' ? `${prefix}/lib/libmillrace.a` : flag))
    run('cc', ['-std=c11', ...warnings, ...sanitize, path.join(root, 'examples/chat.c'), '-o', 'chat-static', ...pkgConfig('--cflags'), ...libs])
    assert.doesNotMatch(run('ldd', [path.join(work, 'chat-static')]), /libmillrace/)
    await answers(path.join(work, 'chat-static'))
  })
  it('has headers that stand alone, in strict C11 and in C++', () => {
    for (const header of headers()) {
      for (const [compiler, args, suffix] of [['cc', ['-std=c11', '-pedantic'], 'c'], ['c++', ['-std=c++17'], 'cc']]) {
        fs.writeFileSync(path.join(work, `alone.${suffix}`), `#include <millrace/${header}>\nint main(void) { return 0; }\n`)
        run(compiler, [...args, ...warnings, '-fsyntax-only', `alone.${suffix}`, ...pkgConfig('--cflags')])
      }
    }
    assert.ok(headers().length > 10)
  })
  it('is used from C++ by pkg-config and by find_package', () => {
    fs.writeFileSync(path.join(work, 'use.cc'), `#include <millrace/millrace.h>
#include <cstdio>
int main() {
    mr_options opt{};
    mr_server *srv = nullptr;
    if (mr_server_new(&srv, uv_default_loop(), &opt) != MR_OK || mr_emit(srv, "/", nullptr, "x", MR_SPAN("1")) != 0) return 1;
    mr_server_close(srv, nullptr, nullptr);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    std::puts(mr_version());
}
`)
    run('c++', ['-std=c++17', ...warnings, ...sanitize, 'use.cc', '-o', 'use', ...pkgConfig('--cflags', '--libs'), `-Wl,-rpath,${prefix}/lib`])
    const version = pkgConfig('--modversion')[0]
    assert.equal(run(path.join(work, 'use'), []).trim(), version)
    fs.writeFileSync(path.join(work, 'CMakeLists.txt'), `cmake_minimum_required(VERSION 3.25)
project(use CXX)
find_package(millrace 0.1 REQUIRED)
add_executable(used use.cc)
target_link_libraries(used PRIVATE millrace::millrace)
`)
    run('cmake', ['-S', '.', '-B', 'b', `-DCMAKE_PREFIX_PATH=${prefix}`, `-DCMAKE_CXX_FLAGS=${sanitize.join(' ')}`])
    run('cmake', ['--build', 'b'])
    assert.equal(run(path.join(work, 'b/used'), []).trim(), version)
  })
  it('exports what its headers declare, and nothing else', () => {
    const texts = [...headers().map((f) => path.join(prefix, 'include/millrace', f)), path.join(prefix, 'include/millrace/proto/err.h')]
      .map((f) => fs.readFileSync(f, 'utf8').replace(/\/\*[\s\S]*?\*\//g, ''))
    const declared = new Set()
    for (const text of texts) for (const m of text.matchAll(/MR_EXPORT(?!\s+__attribute__)[^;]*?\b(mr_\w+)\(/g)) declared.add(m[1])
    const exported = new Set(run('nm', ['-D', '--defined-only', path.join(prefix, 'lib/libmillrace.so')]).split('\n')
      .map((line) => line.split(/\s+/)[2]).filter((name) => name && !/^(__|_init|_fini)/.test(name)))
    assert.deepEqual([...exported].filter((name) => !declared.has(name)), [])
    assert.deepEqual([...declared].filter((name) => !exported.has(name)), [])
    assert.ok(declared.size > 100)
  })
})
