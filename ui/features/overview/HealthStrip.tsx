'use client'

// Is everything there? One pill a part, and for each that is not well the reason, in words.
import { CircleAlert, CircleCheck, CircleDashed, CircleX, type LucideIcon } from 'lucide-react'
import { clsx } from 'clsx'
import type { Health } from '@/lib/api/types'
import type { Reading } from '@/lib/api/useApi'
import { duration } from '@/lib/format'
import { useAppSelector } from '@/lib/store'
import { selectLink } from '@/features/monitoring/monitoringSlice'

type Tone = 'up' | 'warn' | 'down' | 'off' | 'unknown'
interface Part {
  key: string
  label: string
  tone: Tone
  words: string
  reason?: string
}

const LOOK: Record<Tone, { icon: LucideIcon; look: string }> = {
  up: { icon: CircleCheck, look: 'text-ok' },
  warn: { icon: CircleAlert, look: 'text-warn' },
  down: { icon: CircleX, look: 'text-bad' },
  off: { icon: CircleDashed, look: 'text-muted' },
  unknown: { icon: CircleDashed, look: 'text-muted' },
}
const WORDS: Record<Health['checks']['postgres']['status'], string> = { up: 'Up', down: 'Down', off: 'Off', unknown: 'Unknown' }
const CHECKS = [
  ['postgres', 'PostgreSQL'],
  ['kafka', 'Kafka'],
  ['connect', 'Kafka Connect'],
  ['redis', 'Redis'],
  ['event_logger', 'Event logger'],
] as const

export function HealthStrip({ health }: { health: Reading<Health> }) {
  const link = useAppSelector(selectLink)
  const h = health.error ? null : health.value
  const parts: Part[] = [
    {
      key: 'api',
      label: 'API',
      tone: health.error ? 'down' : h ? (h.status === 'stopping' ? 'warn' : 'up') : 'unknown',
      words: health.error ? 'Away' : h ? (h.status === 'stopping' ? 'Stopping' : 'Up') : 'Asking',
      reason: health.error?.message,
    },
    ...CHECKS.map(([key, label]): Part => {
      const c = h?.checks[key]
      return { key, label, tone: c?.status ?? 'unknown', words: c ? WORDS[c.status] : 'Unknown', reason: c && c.status !== 'up' ? c.detail : undefined }
    }),
    {
      key: 'socket',
      label: 'Live socket',
      tone: link.state === 'live' ? 'up' : link.state === 'offline' ? 'down' : link.state === 'polling' ? 'warn' : 'unknown',
      words: link.state === 'live' ? 'Open' : link.state === 'offline' ? 'Closed' : link.state === 'polling' ? 'Polling' : 'Opening',
      reason: link.state === 'offline' || link.state === 'polling' ? (link.reason ?? undefined) : undefined,
    },
  ]
  const reasons = parts.filter((p) => p.reason)
  return (
    <section aria-label="Health" className="card overflow-hidden">
      <ul className="grid grid-cols-2 gap-px bg-line sm:grid-cols-4 xl:grid-cols-7">
        {parts.map((p) => {
          const { icon: Icon, look } = LOOK[p.tone]
          const ms = p.key in (h?.checks ?? {}) ? h!.checks[p.key as keyof Health['checks']].latency_ms : undefined
          return (
            <li key={p.key} data-health={p.key} data-tone={p.tone} className="flex items-center gap-2 bg-surface px-3 py-2 last:max-sm:col-span-2 last:sm:max-xl:col-span-2" title={p.reason}>
              <Icon className={clsx('size-4 shrink-0', look)} aria-hidden />
              <span className="min-w-0">
                <span className="block truncate text-sm font-medium">{p.label}</span>
                <span className={clsx('tnum block truncate text-xs', p.tone === 'up' ? 'text-muted' : look)}>
                  {p.words}
                  {ms !== undefined && p.tone === 'up' && `, ${duration(ms)}`}
                </span>
              </span>
            </li>
          )
        })}
      </ul>
      {reasons.length > 0 && (
        <ul className="grid gap-1 border-t px-3.5 py-2 text-sm" role="status">
          {reasons.map((p) => (
            <li key={p.key} className={LOOK[p.tone].look}>
              <strong className="font-semibold">{p.label}:</strong> {p.reason}
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}
