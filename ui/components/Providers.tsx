'use client'

// Everything that is made once in a page's life: where the API is, who is signed in, the store.
import { createContext, useContext, useEffect, useState, type ReactNode } from 'react'
import { Provider } from 'react-redux'
import { createApiClient } from '@/lib/api/client'
import { loadConfig, type Config } from '@/lib/config'
import { SessionKeeper } from '@/lib/session'
import { makeStore, type AppStore } from '@/lib/store'
import { applyTheme, chosenTheme } from '@/lib/theme'
import { Boot } from './Boot'

const ConfigContext = createContext<Config | null>(null)

export function useConfig(): Config {
  const config = useContext(ConfigContext)
  if (!config) throw new Error('useConfig is for what Providers wraps')
  return config
}

export function ConfigProvider({ config, children }: { config: Config; children: ReactNode }) {
  return <ConfigContext value={config}>{children}</ConfigContext>
}

interface Made {
  config: Config
  store: AppStore
}

// Outside React, which may run an effect twice: there is one store and one socket.
let making: Promise<Made> | null = null

async function make(): Promise<Made> {
  const config = await loadConfig()
  const session = new SessionKeeper()
  const api = createApiClient({ baseURL: config.apiUrl, session })
  return { config, store: makeStore({ api, session, config }) }
}

export function Providers({ children }: { children: ReactNode }) {
  const [made, setMade] = useState<Made | null>(null)
  useEffect(() => {
    let here = true
    making ??= make()
    void making.then((m) => here && setMade(m))
    return () => {
      here = false
    }
  }, [])
  useEffect(() => {
    const system = matchMedia('(prefers-color-scheme: dark)')
    const changed = () => applyTheme(chosenTheme())
    system.addEventListener('change', changed)
    return () => system.removeEventListener('change', changed)
  }, [])
  if (!made) return <Boot />
  return (
    <ConfigProvider config={made.config}>
      <Provider store={made.store}>{children}</Provider>
    </ConfigProvider>
  )
}
