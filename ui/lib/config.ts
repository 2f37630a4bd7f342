// Where the API is. One build serves any host: /config.json, read at run time, goes before what the
// build was given (NEXT_PUBLIC_*). Empty URLs mean "where this page came from".

export interface Config {
  apiUrl: string // no slash at the end; '' is this origin
  wsUrl: string
  wsEnabled: boolean
  pollInterval: number // ms between polls of what the socket does not bring, or cannot
  auth: 'required' | 'open' // open: the server takes everyone for admin, so nobody is asked
}

const POLL_MS_MIN = 500
const POLL_MS_MAX = 600_000

export function built(env: Record<string, string | undefined>): Config {
  const apiUrl = env.apiUrl ?? (env.mode === 'development' ? 'http://localhost:8000' : '')
  return checked({
    apiUrl,
    wsUrl: env.wsUrl ?? apiUrl,
    wsEnabled: env.wsEnabled === undefined || !/^(false|0|no|off)$/i.test(env.wsEnabled),
    pollInterval: env.pollInterval === undefined ? 5000 : Number(env.pollInterval),
    auth: 'required',
  })
}

/** over: what /config.json holds; anything that is not of the right type is left as it was built. */
export function merged(base: Config, over: unknown): Config {
  if (typeof over !== 'object' || over === null) return base
  const o = over as Record<string, unknown>
  const apiUrl = typeof o.apiUrl === 'string' ? o.apiUrl : base.apiUrl
  return checked({
    apiUrl,
    wsUrl: typeof o.wsUrl === 'string' && (o.wsUrl !== '' || apiUrl === '') ? o.wsUrl : typeof o.apiUrl === 'string' ? apiUrl : base.wsUrl,
    wsEnabled: typeof o.wsEnabled === 'boolean' ? o.wsEnabled : base.wsEnabled,
    pollInterval: typeof o.pollInterval === 'number' ? o.pollInterval : base.pollInterval,
    auth: o.auth === 'open' ? 'open' : base.auth,
  })
}

function checked(c: Config): Config {
  const interval = Number.isFinite(c.pollInterval) ? c.pollInterval : 5000
  return {
    ...c,
    apiUrl: c.apiUrl.replace(/\/+$/, ''),
    wsUrl: c.wsUrl.replace(/\/+$/, ''),
    pollInterval: Math.min(POLL_MS_MAX, Math.max(POLL_MS_MIN, interval)),
  }
}

export async function loadConfig(fetcher: typeof fetch = fetch): Promise<Config> {
  // Named one by one: the build replaces each of these expressions by its value.
  const base = built({
    mode: process.env.NODE_ENV,
    apiUrl: process.env.NEXT_PUBLIC_API_URL,
    wsUrl: process.env.NEXT_PUBLIC_WS_URL,
    wsEnabled: process.env.NEXT_PUBLIC_WS_ENABLED,
    pollInterval: process.env.NEXT_PUBLIC_POLL_INTERVAL,
  })
  try {
    const res = await fetcher('/config.json', { cache: 'no-store' })
    return res.ok ? merged(base, await res.json()) : base
  } catch {
    return base // away or not JSON: the page then says itself that it is offline
  }
}
