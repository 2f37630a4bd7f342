// Checks in the order in which they were made: what was looked at, what was found, how long it took.
import { clsx } from 'clsx'
import { CircleCheck, CircleX } from 'lucide-react'
import { duration } from '@/lib/format'

export interface CheckLine {
  check: string
  ok: boolean
  detail: string
  duration_ms?: number
  scope?: string
}

export const named = (check: string) => check.replaceAll('_', ' ')

export function Checklist({ checks, label }: { checks: CheckLine[]; label: string }) {
  return (
    <ol aria-label={label} className="divide-y rounded-md border text-sm">
      {checks.map((c, i) => (
        <li key={i} data-check={c.check} data-ok={c.ok} className="flex items-start gap-2 px-3 py-1.5">
          {c.ok ? <CircleCheck className="mt-0.5 size-4 shrink-0 text-ok" aria-hidden /> : <CircleX className="mt-0.5 size-4 shrink-0 text-bad" aria-hidden />}
          <div className="min-w-0 flex-1">
            <span className="font-medium">
              {c.scope && <span className="text-muted">{c.scope}: </span>}
              {named(c.check)}
            </span>
            <span className="sr-only">{c.ok ? ' passed' : ' failed'}</span>
            <p className={clsx('break-words text-xs', c.ok ? 'text-muted' : 'text-bad')}>{c.detail}</p>
          </div>
          {c.duration_ms !== undefined && <span className="tnum shrink-0 text-xs text-faint">{duration(c.duration_ms)}</span>}
        </li>
      ))}
    </ol>
  )
}
