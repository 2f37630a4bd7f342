'use client'

// The event logger: what brings records from Kafka into the log. When events stop, the reason is here.
import { CircleAlert, CircleCheck, CircleDot, CircleStop, LoaderCircle, RotateCw, type LucideIcon } from 'lucide-react'
import { useState } from 'react'
import { Badge, type Tone } from '@/components/Badge'
import { Button } from '@/components/Button'
import { ConfirmDialog } from '@/components/ConfirmDialog'
import { useConfig } from '@/components/Providers'
import { Skeleton } from '@/components/Skeleton'
import { useMay } from '@/features/auth/useMay'
import type { LoggerStatus } from '@/lib/api/types'
import { useChange } from '@/lib/api/useApi'
import { clsx } from 'clsx'
import { ago, clock, count, duration, utc } from '@/lib/format'
import { useNow } from '@/lib/hooks'
import { useAppDispatch, useAppSelector } from '@/lib/store'
import { fetchLoggerStatus, isStale, selectLink, selectLogger } from './monitoringSlice'

const STATE: Record<LoggerStatus['status'], { label: string; tone: Tone; icon: LucideIcon }> = {
  starting: { label: 'Starting', tone: 'accent', icon: LoaderCircle },
  running: { label: 'Running', tone: 'ok', icon: CircleCheck },
  degraded: { label: 'Degraded', tone: 'warn', icon: CircleAlert },
  stopped: { label: 'Stopped', tone: 'bad', icon: CircleStop },
  elsewhere: { label: 'In another process', tone: 'muted', icon: CircleDot },
}
const LAG_WARN = 10_000

export function LoggerCard() {
  const operator = useMay('operator')
  const [asked, setAsked] = useState(false)
  const { value: s, error, at } = useAppSelector(selectLogger)
  const link = useAppSelector(selectLink)
  const { pollInterval } = useConfig()
  const now = useNow()
  const stale = isStale(at, now, pollInterval, link.state === 'offline')
  const state = s && (STATE[s.status] ?? { label: s.status, tone: 'muted' as const, icon: CircleDot })
  return (
    <section aria-label="Event logger" className="card flex min-w-0 flex-col px-3.5 pb-3 pt-2.5 max-xl:md:col-span-2">
      <header className="flex items-center justify-between gap-2">
        <h2 className="label">Event logger</h2>
        {(error && !s) || stale ? (
          <Badge tone={stale ? 'muted' : 'bad'} icon={CircleAlert}>
            {stale ? `As of ${clock(at)}` : 'Unknown'}
          </Badge>
        ) : (
          state && (
            <span data-logger={s.status}>
              <Badge tone={state.tone} icon={state.icon}>
                {state.label}
              </Badge>
            </span>
          )
        )}
      </header>
      {!s && !error && <Skeleton className="mt-3 h-20 w-full" />}
      {!s && error && <p className="mt-2 text-sm text-muted">{error.message}</p>}
      {s && (
        <dl className={clsx(stale && 'text-faint [&_dt]:text-faint', 'tnum mt-2 grid flex-1 grid-cols-[auto_1fr] content-between gap-x-3 gap-y-0.5 text-sm max-lg:grid-cols-[auto_1fr_auto_1fr]')}>
          <Line name="Behind Kafka" bad={(s.lag_records ?? 0) > LAG_WARN}>
            {s.lag_records === null ? 'unknown' : s.lag_records === 0 ? 'nothing' : `${count(s.lag_records)} records`}
          </Line>
          <Line name="Last commit">
            <span title={utc(s.last_commit_at)}>{s.last_commit_at ? ago(Date.parse(s.last_commit_at), now) : 'none yet'}</span>
          </Line>
          <Line name="Partitions">{count(s.assigned_count ?? s.assigned.length)}</Line>
          <Line name="Up for">{s.uptime_seconds === null ? 'unknown' : duration(s.uptime_seconds * 1000)}</Line>
        </dl>
      )}
      {operator && s && s.status !== 'elsewhere' && (
        <Button look="quiet" className="-mx-2 mt-1 self-start" onClick={() => setAsked(true)}>
          <RotateCw className="size-3.5" aria-hidden />
          Restart
        </Button>
      )}
      {asked && <Restart onClose={() => setAsked(false)} />}
      {s?.last_error && s.status !== 'running' && (
        <p role="status" className="mt-2 line-clamp-2 text-xs text-warn" title={s.last_error}>
          {s.last_error}
        </p>
      )}
    </section>
  )
}

function Restart({ onClose }: { onClose: () => void }) {
  const dispatch = useAppDispatch()
  const restart = useChange(async (api) => {
    await api.restartLogger()
    void dispatch(fetchLoggerStatus())
    onClose()
  })
  return (
    <ConfirmDialog title="Restart the event logger" action="Restart" pending={restart.pending} error={restart.error} onConfirm={() => void restart.run()} onClose={onClose}>
      <p>It stores what it has in hand, leaves its group, and begins anew where the log stands. Live events pause for some seconds; none is lost.</p>
    </ConfirmDialog>
  )
}

function Line({ name, children, bad }: { name: string; children: React.ReactNode; bad?: boolean }) {
  return (
    <>
      <dt className="text-muted">{name}</dt>
      <dd className={bad ? 'truncate font-medium text-warn lg:text-right' : 'truncate font-medium lg:text-right'}>{children}</dd>
    </>
  )
}
