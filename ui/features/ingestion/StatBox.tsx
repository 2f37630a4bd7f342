import { clsx } from 'clsx'
import { TrendingDown, TrendingUp, type LucideIcon } from 'lucide-react'
import type { ReactNode } from 'react'
import { Skeleton } from '@/components/Skeleton'
import { share } from '@/lib/format'

export interface StatBoxProps {
  id: string
  label: string
  icon: LucideIcon
  value: string | null // null: not known yet
  note: ReactNode
  trend?: number | null // of the last 5 s over the 5 before; only where it means something
  stale: boolean
}

/** One of four identical 16:9 boxes. */
export function StatBox({ id, label, icon: Icon, value, note, trend, stale }: StatBoxProps) {
  const Arrow = (trend ?? 0) < 0 ? TrendingDown : TrendingUp
  return (
    <div className="card flex aspect-video max-h-40 w-full min-w-0 flex-col justify-between p-4">
      <div className="flex items-center gap-2">
        <Icon className="size-4 text-accent" aria-hidden />
        <h2 className="label truncate">{label}</h2>
        {trend != null && trend !== 0 && value !== null && (
          <span className="tnum ml-auto inline-flex items-center gap-1 text-xs text-muted" title="The last 5 seconds, compared with the 5 before">
            <Arrow className="size-3.5" aria-hidden />
            {trend > 0 ? '+' : '−'}
            {share(Math.abs(trend), 1)}
          </span>
        )}
      </div>
      {value === null ? (
        <Skeleton className="h-8 w-28" />
      ) : (
        <span data-stat={id} className={clsx('tnum truncate text-xl font-semibold tracking-tight', stale && 'text-faint')}>
          {value}
        </span>
      )}
      <p className="tnum truncate text-xs text-faint">{note}</p>
    </div>
  )
}
