'use client'

// How events reach this page, said in a word at the top, and in a sentence when it is not live.
import { clsx } from 'clsx'
import { CloudOff, History, LoaderCircle, Radio, RotateCw, Timer, type LucideIcon } from 'lucide-react'
import { Button } from '@/components/Button'
import { useConfig } from '@/components/Providers'
import { clock, duration, seconds, utc } from '@/lib/format'
import { useNow } from '@/lib/hooks'
import { useAppDispatch, useAppSelector } from '@/lib/store'
import { realtimeRetried } from '@/lib/websocket/client'
import { selectLink, type LinkState } from './monitoringSlice'

const LINK: Record<LinkState, { label: string; icon: LucideIcon; look: string; moving?: string }> = {
  idle: { label: 'Not connected', icon: CloudOff, look: 'text-muted bg-raised ring-line' },
  connecting: { label: 'Connecting', icon: LoaderCircle, look: 'text-muted bg-raised ring-line', moving: 'animate-spin' },
  catching_up: { label: 'Catching up', icon: History, look: 'text-accent bg-accent/10 ring-accent/25', moving: 'pulse' },
  live: { label: 'Live', icon: Radio, look: 'text-ok bg-ok/10 ring-ok/25', moving: 'pulse' },
  polling: { label: 'Polling', icon: Timer, look: 'text-warn bg-warn/10 ring-warn/25' },
  offline: { label: 'Offline', icon: CloudOff, look: 'text-bad bg-bad/10 ring-bad/25' },
}

export function LinkPill() {
  const link = useAppSelector(selectLink)
  const { label, icon: Icon, look, moving } = LINK[link.state]
  return (
    <span
      role="status"
      aria-live="polite"
      data-link={link.state}
      title={`${label} since ${clock(link.since)}`}
      className={clsx('inline-flex h-7 shrink-0 items-center gap-1.5 rounded-full px-2.5 text-xs font-semibold ring-1 ring-inset', look)}
    >
      <Icon className={clsx('size-3.5', moving)} strokeWidth={2.25} aria-hidden />
      {label}
    </span>
  )
}

/** Only while there is no socket: since when, what is being done about it, and "now, please". */
export function LinkBanner() {
  const link = useAppSelector(selectLink)
  const { wsEnabled } = useConfig()
  if (link.state !== 'offline' && link.state !== 'polling') return null
  if (link.state === 'polling' && !wsEnabled) return null
  return <Banner />
}

function Banner() {
  const link = useAppSelector(selectLink)
  const { pollInterval } = useConfig()
  const dispatch = useAppDispatch()
  const now = useNow()
  const offline = link.state === 'offline'
  return (
    <div
      role="alert"
      className={clsx('flex flex-wrap items-center gap-x-3 gap-y-2 border-b px-4 py-2 text-sm', offline ? 'border-bad/30 bg-bad/10' : 'border-warn/30 bg-warn/10')}
    >
      {offline ? <CloudOff className="size-4 shrink-0 text-bad" aria-hidden /> : <Timer className="size-4 shrink-0 text-warn" aria-hidden />}
      <p className="min-w-0 flex-1 basis-60">
        <span className="font-semibold">
          {offline ? 'Offline' : 'No live connection'} since{' '}
          <time className="tnum" title={utc(link.since)}>
            {clock(link.since)}
          </time>
          .
        </span>{' '}
        <span className="text-muted">
          {offline ? 'What you see is what was known then. ' : `New events are asked for every ${duration(pollInterval)}. `}
          {link.reason} Reconnecting by itself
          <span className="tnum" aria-hidden>
            {link.attempt > 0 && `, try ${link.attempt}`}
            {now - link.since >= 1000 && `, for ${seconds(now - link.since)} so far`}
          </span>
          .
        </span>
      </p>
      <Button onClick={() => dispatch(realtimeRetried())}>
        <RotateCw className="size-3.5" aria-hidden />
        Try now
      </Button>
    </div>
  )
}
