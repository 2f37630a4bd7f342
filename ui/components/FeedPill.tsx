'use client'

// How a feed is, in a word, with the seconds to the next try.
import { clsx } from 'clsx'
import { CloudOff, LoaderCircle, Radio, TimerReset, type LucideIcon } from 'lucide-react'
import { clock } from '@/lib/format'
import { useNow } from '@/lib/hooks'
import type { FeedState, FeedStatus } from '@/lib/websocket/feed'

const STATES: Record<FeedState, { label: string; icon: LucideIcon; look: string; moving?: string }> = {
  idle: { label: 'Disconnected', icon: CloudOff, look: 'text-muted bg-raised ring-line' },
  connecting: { label: 'Connecting', icon: LoaderCircle, look: 'text-muted bg-raised ring-line', moving: 'animate-spin' },
  open: { label: 'Live', icon: Radio, look: 'text-ok bg-ok/10 ring-ok/25', moving: 'pulse' },
  waiting: { label: 'Offline', icon: TimerReset, look: 'text-bad bg-bad/10 ring-bad/25' },
  given_up: { label: 'Given up', icon: CloudOff, look: 'text-bad bg-bad/10 ring-bad/25' },
}

export function FeedPill({ status }: { status: FeedStatus }) {
  const { label, icon: Icon, look, moving } = STATES[status.state]
  const now = useNow(250)
  const left = status.nextTryAt === null ? null : Math.max(0, Math.ceil((status.nextTryAt - now) / 1000))
  return (
    <span
      role="status"
      data-feed={status.state}
      title={`${label} since ${clock(status.since)}${status.reason ? `: ${status.reason}` : ''}`}
      className={clsx('tnum inline-flex h-7 shrink-0 items-center gap-1.5 rounded-full px-2.5 text-xs font-semibold ring-1 ring-inset', look)}
    >
      <Icon className={clsx('size-3.5', moving)} strokeWidth={2.25} aria-hidden />
      {label}
      {left !== null && <span className="font-medium">· {left} s</span>}
    </span>
  )
}
