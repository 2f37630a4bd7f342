// A component with everything around it that the page has, and fakes for what lies beyond.
import { render } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import type { ReactElement } from 'react'
import { Provider } from 'react-redux'
import { ConfigProvider } from '@/components/Providers'
import type { ApiClient } from '@/lib/api/client'
import { built, type Config } from '@/lib/config'
import { makeStore } from '@/lib/store'
import { fakeApi, fakeSession, FakeSocket } from './fakes'

export function renderPage(page: ReactElement, { api = {}, config = {}, signedIn = true }: { api?: Partial<ApiClient>; config?: Partial<Config>; signedIn?: boolean } = {}) {
  const socket = new FakeSocket()
  const session = fakeSession(signedIn)
  const settings = { ...built({}), ...config }
  const store = makeStore({
    api: fakeApi(api),
    session,
    config: settings,
    realtime: {
      connect: (_, options) => {
        socket.auth = options.auth as FakeSocket['auth']
        return socket.asSocket()
      },
    },
  })
  const view = render(
    <ConfigProvider config={settings}>
      <Provider store={store}>{page}</Provider>
    </ConfigProvider>,
  )
  return { ...view, store, session, socket, user: userEvent.setup() }
}
