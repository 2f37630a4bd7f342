// until.mjs - wait for a condition, never for a time. The deadline is where a test gives up, and
// what it then says is what was last seen, so that a failure can be read without a rerun.
//
//   const rows = await until('the row is logged', async () => (await db.query(SQL)).rows, (r) => r.length === 1)

/** Sleep; only for pacing polls and load, never as synchronisation. */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/**
 * Poll look() until good(value) holds, and return that value.
 * what: a clause for the message. timeout, every: milliseconds. An error thrown by look() counts as
 * "not yet" and is shown when the deadline passes. detail(): more text for the failure (logs).
 */
export async function until(what, look, good = Boolean, { timeout = 15000, every = 50, detail } = {}) {
  const from = Date.now()
  let seen
  let error
  for (;;) {
    try {
      seen = await look()
      error = undefined
      if (good(seen)) return seen
    } catch (e) {
      error = e
    }
    if (Date.now() - from > timeout) break
    await pause(every)
  }
  const last = error ? `the last look failed: ${error.stack ?? error}` : `last seen: ${show(seen)}`
  const more = detail ? `\n${await detail()}` : ''
  throw new Error(`not within ${timeout} ms: ${what}; ${last}${more}`)
}

/** Await a promise, but not for ever. */
export async function within(what, timeout, promise) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${timeout} ms: ${what}`)), timeout)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

function show(value) {
  let text
  try {
    text = JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}n` : v))
  } catch {
    text = String(value)
  }
  text ??= String(value)
  return text.length > 2000 ? `${text.slice(0, 2000)}… (${text.length} characters)` : text
}
