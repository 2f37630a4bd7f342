'use client'

// The event logger: what brings records from Kafka into the log. When events stop, the reason is here.
import { CircleAlert, CircleCheck, CircleDot, CircleStop, LoaderCircle, type LucideIcon } from 'lucide-react'
import { Badge, type Tone } from '@/components/Badge'
import { useConfig } from '@/components/Providers'
import { Skeleton } from '@/components/Skeleton'
import type { LoggerStatus } from '@/lib/api/types'
import { clsx } from 'clsx'
import { ago, clock, count, duration, utc } from '@/lib/format'
import { useNow } from '@/lib/hooks'
import { useAppSelector } from '@/lib/store'
import { isStale, selectLink, selectLogger } from './monitoringSlice'

const STATE: Record<LoggerStatus['status'], { label: string; tone: Tone; icon: LucideIcon }> = {
  starting: { label: 'Starting', tone: 'accent', icon: LoaderCircle },
  running: { label: 'Running', tone: 'ok', icon: CircleCheck },
  degraded: { label: 'Degraded', tone: 'warn', icon: CircleAlert },
  stopped: { label: 'Stopped', tone: 'bad', icon: CircleStop },
  elsewhere: { label: 'In another process', tone: 'muted', icon: CircleDot },
}
const LAG_WARN = 10_000

export function LoggerCard() {
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
      {s?.last_error && s.status !== 'running' && (
        <p role="status" className="mt-2 line-clamp-2 text-xs text-warn" title={s.last_error}>
          {s.last_error}
        </p>
      )}
    </section>
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
