// The TypeScript of the API, made from the contract that the server is tested against, so that the
// two cannot drift apart unseen. Written only when it changed: a build stays incremental.
//
//   node scripts/gen.mjs [openapi.yaml]
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import path from 'node:path'
import openapiTS, { astToString } from 'openapi-typescript'

const ui = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const source = path.resolve(process.argv[2] ?? path.join(ui, '../server/api/openapi.yaml'))
const target = path.join(ui, 'lib/api/schema.gen.d.ts')

const text = `// Generated from the API's contract by scripts/gen.mjs; not edited, not committed.\n${astToString(
  await openapiTS(pathToFileURL(source)),
)}`
const old = await readFile(target, 'utf8').catch(() => '')
if (old !== text) {
  await writeFile(target, text)
  console.log(`${path.relative(ui, target)} written`)
}
