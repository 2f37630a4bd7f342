import { clsx } from 'clsx'
import type { LucideIcon } from 'lucide-react'
import type { ReactNode } from 'react'
import type { Tone } from './Badge'
import { Skeleton } from './Skeleton'

const TEXT: Partial<Record<Tone, string>> = { insert: 'text-insert', update: 'text-update', delete: 'text-delete', bad: 'text-bad', accent: 'text-accent' }
const FILL: Partial<Record<Tone, string>> = { insert: 'bg-insert', update: 'bg-update', delete: 'bg-delete', bad: 'bg-bad', accent: 'bg-accent' }

export interface StatCardProps {
  label: string
  value: string | null // null: not known yet
  note?: ReactNode
  icon: LucideIcon
  tone?: Tone
  part?: number // of a whole, 0 to 1: drawn as a thin bar
  stale?: boolean
  onOpen?: () => void // there is more to see
  id: string // of the figure, for tests and for aria
}

/** One figure. Cards share a row and its hairlines (see StatRow in features/monitoring). */
export function StatCard({ label, value, note, icon: Icon, tone = 'muted', part, stale, id, onOpen }: StatCardProps) {
  return (
    <div className="relative min-w-0 bg-surface px-3 pb-2.5 pt-2 sm:px-3.5 sm:pb-3 sm:pt-2.5">
      <dt className="flex items-center gap-1.5 truncate text-xs font-medium text-muted">
        <Icon className={clsx('size-3.5 max-sm:hidden', TEXT[tone] ?? 'text-faint')} aria-hidden />
        {label}
      </dt>
      <dd className={clsx('mt-1', stale && 'text-faint')}>
        {value === null ? (
          <Skeleton className="mb-1 mt-1.5 h-5 w-24" />
        ) : (
          <span data-stat={id} className="tnum block truncate text-lg font-semibold tracking-tight">
            {onOpen ? (
              <button type="button" onClick={onOpen} className="rounded underline decoration-dotted underline-offset-4 hover:text-accent" aria-label={`${label}: ${value}, show them`}>
                {value}
              </button>
            ) : (
              value
            )}
          </span>
        )}
        <span className="tnum block truncate text-xs text-faint max-sm:hidden">{note ?? '\u00a0'}</span>
      </dd>
      {part !== undefined && (
        <span aria-hidden className="absolute inset-x-3 bottom-0 sm:inset-x-3.5 h-0.5 overflow-hidden rounded-full bg-raised">
          <span className={clsx('block h-full rounded-full', stale ? 'bg-edge' : (FILL[tone] ?? 'bg-faint'))} style={{ width: `${Math.min(100, part * 100)}%` }} />
        </span>
      )}
    </div>
  )
}
