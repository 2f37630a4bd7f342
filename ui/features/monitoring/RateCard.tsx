'use client'

// Events a second, by kind, over the last minutes. The drawing is loaded after the rest: nothing
// waits for it. What it shows is said in words too.
import dynamic from 'next/dynamic'
import { Skeleton } from '@/components/Skeleton'
import { NONE, rate } from '@/lib/format'
import { useAppSelector } from '@/lib/store'
import { KIND } from './kinds'
import { selectLink, selectMetrics, selectRates } from './monitoringSlice'
import { meanRate, total } from './rates'

const RateChart = dynamic(() => import('./RateChart').then((m) => m.RateChart), { ssr: false, loading: () => <Skeleton className="h-full w-full" /> })

const LEGEND = [
  ['insert', 'bg-insert'],
  ['update', 'bg-update'],
  ['delete', 'bg-delete'],
  ['other', 'bg-other'],
] as const

export function RateCard() {
  const { points } = useAppSelector(selectRates)
  const metrics = useAppSelector(selectMetrics)
  const unknown = useAppSelector(selectLink).state === 'offline'
  const mean = meanRate(points) ?? metrics.value?.events_per_second
  const peak = points.slice(0, -1).reduce((max, p) => Math.max(max, total(p)), 0)
  return (
    <section aria-label="Events per second" className="card flex min-w-0 flex-col px-3.5 pb-2 pt-2.5">
      <header className="flex flex-wrap items-baseline gap-x-3 gap-y-1">
        <h2 className="label">Events per second</h2>
        <span data-stat="events_per_second" className="tnum text-base font-semibold">
          {unknown ? NONE : rate(mean)}
        </span>
        <span className="tnum text-xs text-faint">{unknown ? 'not known while offline' : `mean of 10 s, peak ${rate(peak)}`}</span>
        <ul className="ml-auto hidden gap-3 sm:flex" aria-hidden>
          {LEGEND.map(([kind, fill]) => (
            <li key={kind} className="flex items-center gap-1.5 text-xs text-muted">
              <span className={`size-2 rounded-sm ${fill}`} />
              {KIND[kind].label}
            </li>
          ))}
        </ul>
      </header>
      <div className="mt-2 h-20 min-w-0 sm:h-[104px]" role="img" aria-label={`Events per second: ${rate(mean)} on average over ten seconds, at most ${rate(peak)} in the last two minutes`}>
        <RateChart points={points} />
      </div>
    </section>
  )
}
