// ports.mjs - a port that stays ours while nobody listens on it: a server that is stopped and started
// again, or a proxy that is cut and mended, must get its port back. One of the kernel's choosing may
// meanwhile be the near end of somebody's connection; so these lie under the kernel's range, and
// beside the one of ./dev (20000 and up).
import { once } from 'node:events'
import { createServer } from 'node:net'
import { randomInt } from 'node:crypto'

export async function stablePort() {
  for (;;) {
    const port = randomInt(10000, 20000)
    const probe = createServer()
    try {
      probe.listen(port, '127.0.0.1')
      await once(probe, 'listening')
      return port
    } catch (e) {
      if (e.code !== 'EADDRINUSE') throw e
    } finally {
      probe.close()
    }
  }
}
