import { clsx } from 'clsx'
import type { LucideIcon } from 'lucide-react'
import type { ReactNode } from 'react'

export type Tone = 'ok' | 'warn' | 'bad' | 'accent' | 'muted' | 'insert' | 'update' | 'delete' | 'truncate' | 'message' | 'other'

// Written out, so that Tailwind sees them.
const TONES: Record<Tone, string> = {
  ok: 'text-ok bg-ok/10 ring-ok/25',
  warn: 'text-warn bg-warn/10 ring-warn/25',
  bad: 'text-bad bg-bad/10 ring-bad/25',
  accent: 'text-accent bg-accent/10 ring-accent/25',
  muted: 'text-muted bg-raised ring-line',
  insert: 'text-insert bg-insert/10 ring-insert/20',
  update: 'text-update bg-update/10 ring-update/20',
  delete: 'text-delete bg-delete/10 ring-delete/20',
  truncate: 'text-truncate bg-truncate/10 ring-truncate/20',
  message: 'text-message bg-message/10 ring-message/20',
  other: 'text-other bg-other/10 ring-other/20',
}

/** A word with its icon: the colour only repeats what they say. */
export function Badge({ tone, icon: Icon, children, className, title }: { tone: Tone; icon?: LucideIcon; children: ReactNode; className?: string; title?: string }) {
  return (
    <span
      title={title}
      className={clsx('inline-flex items-center gap-1 whitespace-nowrap rounded px-1.5 py-px text-xs font-medium ring-1 ring-inset', TONES[tone], className)}
    >
      {Icon && <Icon className="size-3 shrink-0" strokeWidth={2.25} aria-hidden />}
      {children}
    </span>
  )
}
