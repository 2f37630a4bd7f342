'use client'

// Who is connected, for administrators: and the way to send somebody away.
import { Button } from '@/components/Button'
import { useConfig } from '@/components/Providers'
import { ago, count, dateAndClock } from '@/lib/format'
import { pollEvery, useNow, usePolling, useVisible } from '@/lib/hooks'
import { useAppDispatch, useAppSelector } from '@/lib/store'
import { closeLiveConnection, fetchLiveConnections, selectBus } from './busSlice'

const CELL = 'whitespace-nowrap px-3 py-1.5 text-left'

export function ConnectionList() {
  const dispatch = useAppDispatch()
  const { value, error } = useAppSelector(selectBus).connections
  const { pollInterval } = useConfig()
  const visible = useVisible()
  const now = useNow(5000)
  usePolling(() => {
    const run = dispatch(fetchLiveConnections())
    return () => run.abort()
  }, pollEvery(pollInterval, visible, true))
  return (
    <section aria-label="Connections" className="card min-w-0 overflow-hidden">
      <header className="flex items-baseline gap-3 px-3.5 py-2.5">
        <h2 className="label">Connections</h2>
        {value && <span className="tnum text-xs text-faint">{count(value.length)}</span>}
        {error && <span className="text-xs text-bad">{error.message}</span>}
      </header>
      {value && value.length > 0 && (
        <div className="relative overflow-x-auto border-t" tabIndex={0} role="region" aria-label="Table of connections">
          <table className="tnum w-full text-sm">
            <thead className="text-xs text-muted">
              <tr>
                {['User', 'Path', 'Transport', 'Address', 'Since', 'Unsent', 'Rooms'].map((name) => (
                  <th key={name} scope="col" className={`${CELL} font-medium`}>
                    {name}
                  </th>
                ))}
                <th scope="col" className={CELL}>
                  <span className="sr-only">Disconnect</span>
                </th>
              </tr>
            </thead>
            <tbody className="divide-y divide-line">
              {value.map((c) => (
                <tr key={c.sid} data-connection={c.sid}>
                  <td className={CELL}>{c.user ?? 'nobody'}</td>
                  <td className={`${CELL} font-mono text-xs`}>{c.path}</td>
                  <td className={CELL}>{c.transport}</td>
                  <td className={CELL}>{c.address}</td>
                  <td className={CELL} title={dateAndClock(c.connected_at)}>
                    {ago(Date.parse(c.connected_at), now)}
                  </td>
                  <td className={CELL}>{count(c.queued_bytes)} B</td>
                  <td className="max-w-60 truncate px-3 py-1.5 text-xs text-muted" title={c.rooms.join(', ')}>
                    {c.rooms.length ? c.rooms.join(', ') : 'none'}
                  </td>
                  <td className={CELL}>
                    <Button onClick={() => void dispatch(closeLiveConnection(c.sid))} aria-label={`Disconnect ${c.user ?? 'nobody'}, ${c.path}, ${c.sid}`}>
                      Disconnect
                    </Button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  )
}
