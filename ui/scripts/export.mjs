// What `next build` leaves in out/, made ready to be served strictly and fast:
//   - every page gets a Content-Security-Policy that names its inline scripts by their hashes;
//   - a page with an inline style or event handler, which that policy would block, fails the build;
//   - /docs gets its page and the renderer of the API's contract, from its package;
//   - text files get .gz and .br variants beside them, where that makes them smaller.
import { createHash } from 'node:crypto'
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import path from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const SMALLEST = 512 // bytes; below it a variant saves nothing

/** The page with a policy for exactly the inline scripts that are in it. */
export function withPolicy(html) {
  const hashes = [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(
    ([, body]) => `'sha256-${createHash('sha256').update(body).digest('base64')}'`,
  )
  const policy = [
    `script-src 'self' ${[...new Set(hashes)].join(' ')}`.trim(),
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "font-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
  ].join('; ')
  // First in <head>: a policy holds for what follows it. connect-src is left to the host that serves
  // the page, which alone knows where its API is.
  return html.replace(/<head>/, `<head><meta http-equiv="Content-Security-Policy" content="${policy}"/>`)
}

/** What the policy would block, in words; empty when nothing. */
export function blocked(html) {
  const markup = html.replace(/<script[\s\S]*?<\/script>/g, '')
  return [...markup.matchAll(/<style[\s>]|<[a-z][^>]*\s(?:style|on[a-z]+)="[^"]*"/g)].map(([found]) => found.slice(0, 120))
}

async function files(dir) {
  const entries = await readdir(dir, { withFileTypes: true })
  const nested = await Promise.all(
    entries.map((e) => (e.isDirectory() ? files(path.join(dir, e.name)) : [path.join(dir, e.name)])),
  )
  return nested.flat()
}

/** The API's documentation: a page of ours around a renderer that the build bundles. */
async function addDocs(ui, out) {
  const to = path.join(out, 'docs-page')
  await mkdir(to, { recursive: true })
  await copyFile(path.join(ui, 'docs-page/docs.html'), path.join(out, 'docs.html'))
  for (const file of ['docs.js', 'docs.css']) await copyFile(path.join(ui, 'docs-page', file), path.join(to, file))
  for (const file of ['swagger-ui.css', 'swagger-ui-bundle.js']) await copyFile(path.join(ui, 'node_modules/swagger-ui-dist', file), path.join(to, file))
}

async function main() {
  const ui = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
  const out = path.join(ui, 'out')
  await addDocs(ui, out)
  const faults = []
  let plain = 0
  let small = 0
  for (const file of await files(out)) {
    if (/\.(gz|br)$/.test(file)) {
      await rm(file)
      continue
    }
    if (file.endsWith('.html')) {
      const html = await readFile(file, 'utf8')
      faults.push(...blocked(html).map((f) => `${path.relative(out, file)}: ${f}`))
      await writeFile(file, withPolicy(html))
    }
    if (!/\.(html|js|css|txt|json|svg|xml|webmanifest)$/.test(file)) continue
    const bytes = await readFile(file)
    if (bytes.length < SMALLEST) continue
    const br = brotliCompressSync(bytes, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
    })
    const gz = gzipSync(bytes, { level: 9 })
    if (br.length < bytes.length) await writeFile(`${file}.br`, br)
    if (gz.length < bytes.length) await writeFile(`${file}.gz`, gz)
    plain += bytes.length
    small += br.length
  }
  if (faults.length) {
    console.error(`the policy would block:\n  ${faults.join('\n  ')}`)
    process.exit(1)
  }
  console.log(`out/: ${Math.round(plain / 1024)} KiB of text, ${Math.round(small / 1024)} KiB with brotli`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
