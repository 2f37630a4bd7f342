'use client'

// The message bus, live: by stream, with its latency, and who else is connected.
import { clsx } from 'clsx'
import { Hourglass, Pause, Play, Plug, SearchX, Send, Unplug } from 'lucide-react'
import { useEffect, useMemo, useRef, useState } from 'react'
import { Button } from '@/components/Button'
import { EmptyState } from '@/components/EmptyState'
import { FeedPill } from '@/components/FeedPill'
import { PageFrame } from '@/components/PageFrame'
import { useConfig } from '@/components/Providers'
import { selectAuth } from '@/features/auth/authSlice'
import { count, duration, NONE, preciseClock, rate, utc } from '@/lib/format'
import { pollEvery, usePolling, useVisible } from '@/lib/hooks'
import { useAppDispatch, useAppSelector } from '@/lib/store'
import { openBus, type BusService } from './busService'
import { fetchBusStatus, performanceOf, publish, selectBus, type BusMessage } from './busSlice'
import { ConnectionList } from './ConnectionList'

declare global {
  interface Window {
    webSocketService?: BusService
  }
}

export function RealtimePage() {
  const dispatch = useAppDispatch()
  const visible = useVisible()
  const { pollInterval } = useConfig()
  const { link, notices, coalesced } = useAppSelector(selectBus)
  const { user } = useAppSelector(selectAuth)
  const service = useRef<BusService | null>(null)
  useEffect(() => {
    const made = dispatch(openBus())
    service.current = made
    window.webSocketService = made
    return () => {
      made.end()
      delete window.webSocketService
    }
  }, [dispatch])
  usePolling(() => {
    const run = dispatch(fetchBusStatus())
    return () => run.abort()
  }, pollEvery(pollInterval, visible, true))
  const off = link.state === 'idle' || link.state === 'given_up'
  return (
    <PageFrame
      here="/realtime"
      title="Realtime"
      status={
        <>
          <FeedPill status={link} />
          <Button onClick={() => (off ? service.current?.connect() : service.current?.disconnect())}>
            {off ? <Plug className="size-3.5" aria-hidden /> : <Unplug className="size-3.5" aria-hidden />}
            {off ? 'Connect' : 'Disconnect'}
          </Button>
        </>
      }
    >
      {(link.state === 'waiting' || link.state === 'given_up') && (
        <p role="alert" className="tnum flex flex-wrap items-center gap-2 rounded-md bg-bad/10 px-3.5 py-2 text-sm">
          <span className="min-w-0 flex-1">
            <span className="font-semibold">{link.state === 'waiting' ? 'Offline.' : 'Given up.'}</span> {link.reason}{' '}
            {link.state === 'waiting' ? `Try ${link.attempt} of 10 failed; trying again by itself.` : 'Ten tries in a row have failed.'}
          </span>
          <Button onClick={() => service.current?.connect()}>Try now</Button>
        </p>
      )}
      {coalesced > 0 && (
        <p role="status" className="tnum rounded-md bg-warn/10 px-3.5 py-2 text-sm" data-coalesced={coalesced}>
          {count(coalesced)} messages were left out of this page, which did not keep up.
        </p>
      )}
      <PerformanceMonitor />
      <div className="grid gap-3 xl:grid-cols-[minmax(0,1fr)_22rem]">
        <Viewer />
        <div className="flex min-w-0 flex-col gap-3">
          <Streams />
          {user?.role !== 'viewer' && <Publisher onTest={() => service.current?.send({ type: 'test', data: 'hello' })} />}
          {notices.length > 0 && (
            <section aria-label="Notices" className="card p-3">
              <ul className="space-y-1 break-words text-sm text-muted">
                {notices.map((n, i) => (
                  <li key={`${n}${i}`}>{n}</li>
                ))}
              </ul>
            </section>
          )}
        </div>
      </div>
      {user?.role === 'admin' && <ConnectionList />}
    </PageFrame>
  )
}

function PerformanceMonitor() {
  const bus = useAppSelector(selectBus)
  const p = performanceOf(bus)
  const figures = [
    ['average_latency', 'Average latency', duration(p.average)],
    ['min_latency', 'Least', duration(p.min)],
    ['max_latency', 'Most', duration(p.max)],
    ['messages_per_second', 'Messages/s', rate(p.messagesPerSecond)],
    ['heard', 'Heard', count(bus.heard)],
    ['clock_offset', 'Server’s clock', bus.offset === null ? NONE : `${bus.offset >= 0 ? '+' : '−'}${duration(Math.abs(Math.round(bus.offset)))}`],
  ] as const
  return (
    <section aria-label="Performance" className="card overflow-hidden">
      <dl className="grid grid-cols-3 gap-px bg-line xl:grid-cols-6">
        {figures.map(([id, label, value]) => (
          <div key={id} className="min-w-0 bg-surface px-3.5 py-2.5">
            <dt className="truncate text-xs font-medium text-muted">{label}</dt>
            <dd data-stat={id} className="tnum mt-0.5 truncate text-lg font-semibold tracking-tight">
              {value}
            </dd>
          </div>
        ))}
      </dl>
      <p className="tnum border-t px-3.5 py-1 text-xs text-faint">Latency from the server to this page, of the last {count(p.samples)} messages, with the difference of the clocks taken out.</p>
    </section>
  )
}

const wordsOf = (m: BusMessage) => (typeof m.data === 'string' ? m.data : JSON.stringify(m.data))

function Viewer() {
  const { messages, streams, link } = useAppSelector(selectBus)
  const [stream, setStream] = useState('')
  const [text, setText] = useState('')
  const [held, setHeld] = useState<BusMessage[] | null>(null)
  const all = held ?? messages
  const shown = useMemo(() => {
    const words = text.trim().toLowerCase()
    return all.filter((m) => (!stream || m.stream === stream) && (!words || wordsOf(m).toLowerCase().includes(words)))
  }, [all, stream, text])
  return (
    <section aria-label="Messages" className="card flex h-[min(34rem,calc(100dvh-8rem))] min-h-80 min-w-0 flex-col overflow-hidden">
      <header className="flex flex-wrap items-center gap-2 border-b p-2.5">
        <h2 className="label mr-1">Messages</h2>
        <select aria-label="Stream" className="field" value={stream} onChange={(e) => setStream(e.target.value)}>
          <option value="">all streams</option>
          {Object.keys(streams)
            .sort()
            .map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
        </select>
        <input type="search" aria-label="Search in messages" placeholder="Search" className="field w-32 flex-1 sm:max-w-60" value={text} onChange={(e) => setText(e.target.value)} />
        <Button className="ml-auto" onClick={() => setHeld(held ? null : messages)} aria-pressed={held !== null}>
          {held ? <Play className="size-3.5" aria-hidden /> : <Pause className="size-3.5" aria-hidden />}
          {held ? 'Resume' : 'Pause'}
        </Button>
      </header>
      {!all.length ? (
        <EmptyState icon={Hourglass} title={link.state === 'open' ? 'Waiting for the first message' : 'No messages'}>
          Publish one here, by POST /api/v1/bus/&#123;stream&#125;, or with XADD.
        </EmptyState>
      ) : !shown.length ? (
        <EmptyState icon={SearchX} title="No message matches">
          None of the last {count(all.length)} is of this stream and has these words.
        </EmptyState>
      ) : (
        <ol className="min-h-0 flex-1 divide-y divide-line overflow-y-auto" tabIndex={0} aria-label="Messages, newest first">
          {shown.slice(0, 200).map((m) => (
            <li key={m.key} data-bus-message={m.id} className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-3 px-3.5 py-1.5">
              <span className="truncate font-mono text-xs" title={wordsOf(m)}>
                {wordsOf(m)}
              </span>
              <time className="tnum text-xs text-faint" dateTime={m.timestamp} title={utc(m.timestamp)}>
                {preciseClock(m.timestamp)}
              </time>
              <span className="tnum truncate text-xs text-muted">
                {m.stream}
                {m.type !== 'message' && ` · ${m.type}`} · {m.id}
              </span>
              <span className="tnum text-right text-xs text-faint">{m.latency === null ? 'replayed' : duration(Math.round(m.latency))}</span>
            </li>
          ))}
        </ol>
      )}
      <footer className="tnum border-t px-3.5 py-1.5 text-xs text-faint">
        {count(Math.min(200, shown.length))} of the last {count(all.length)} messages{held && ', held still'}
      </footer>
    </section>
  )
}

function Streams() {
  const { status } = useAppSelector(selectBus)
  const s = status.value
  return (
    <section aria-label="Streams" className="card flex flex-col gap-2 p-3">
      <header className="flex items-center justify-between gap-2">
        <h2 className="label">Streams</h2>
        {s && <span className={clsx('text-xs', s.connected ? 'text-ok' : 'text-bad')}>{s.connected ? 'Redis connected' : 'Redis is away'}</span>}
      </header>
      {status.error && (
        <p role="alert" className="text-sm text-bad">
          {status.error.message}
        </p>
      )}
      {s && !s.streams.length && <p className="text-sm text-faint">None yet.</p>}
      {s && s.streams.length > 0 && (
        <ul className="max-h-60 divide-y divide-line overflow-y-auto text-sm" tabIndex={0} aria-label="Streams and how many messages they had">
          {s.streams.map((x) => (
            <li key={x.name} className="flex items-baseline justify-between gap-3 py-1">
              <span className="min-w-0 truncate font-mono text-xs" title={`Redis key ${x.key}`}>
                {x.name}
              </span>
              <span className="tnum text-xs text-muted">{count(x.messages)}</span>
            </li>
          ))}
        </ul>
      )}
      {s && (
        <p className="tnum text-xs text-faint">
          {count(s.sockets)} listening, {count(s.sent)} sent, {count(s.waiting)} waiting, {count(s.coalesced)} left out
        </p>
      )}
    </section>
  )
}

function Publisher({ onTest }: { onTest: () => void }) {
  const dispatch = useAppDispatch()
  const [stream, setStream] = useState('demo')
  const [text, setText] = useState('{"hello": "world"}')
  const [failure, setFailure] = useState('')
  const send = async () => {
    let data: unknown = text
    try {
      data = JSON.parse(text)
    } catch {
      // then it is a message of plain text
    }
    const done = await dispatch(publish({ stream, data }))
    setFailure(publish.rejected.match(done) ? (done.payload?.message ?? 'It was not published.') : '')
  }
  return (
    <form
      aria-label="Publish"
      className="card flex flex-col gap-2 p-3"
      onSubmit={(e) => {
        e.preventDefault()
        void send()
      }}
    >
      <h2 className="label">Publish</h2>
      <input aria-label="Stream to publish to" required pattern="[A-Za-z0-9._:\-]{1,128}" className="field" value={stream} onChange={(e) => setStream(e.target.value)} />
      <textarea aria-label="Message" rows={2} className="min-w-0 rounded-md border border-edge bg-surface px-2 py-1 font-mono text-xs" value={text} onChange={(e) => setText(e.target.value)} />
      <div className="flex gap-2">
        <Button type="submit" look="primary">
          <Send className="size-3.5" aria-hidden />
          Publish
        </Button>
        <Button onClick={onTest}>Echo test</Button>
      </div>
      {failure && (
        <p role="alert" className="text-sm text-bad">
          {failure}
        </p>
      )}
    </form>
  )
}
