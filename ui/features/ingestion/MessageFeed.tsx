'use client'

// The newest messages as PostgreSQL has them; it can be held still, searched and taken along.
import { Download, Inbox, Pause, Play, SearchX } from 'lucide-react'
import { useMemo, useState } from 'react'
import { Button } from '@/components/Button'
import { EmptyState } from '@/components/EmptyState'
import { ErrorState } from '@/components/ErrorState'
import { Skeleton } from '@/components/Skeleton'
import type { Message } from '@/lib/api/types'
import { download } from '@/lib/download'
import { ago, count, dateAndClock, preciseClock, utc } from '@/lib/format'
import { pollEvery, useNow, usePolling, useVisible } from '@/lib/hooks'
import { useAppDispatch, useAppSelector } from '@/lib/store'
import { matching, messagesCsv, NO_FILTER, type MessageFilter } from './figures'
import { fetchMessages, selectIngest } from './ingestSlice'

const LIMITS = [50, 100, 200]
const POLL_MS = 2000
const digits = (text: string) => text.replace(/[^\d-]/g, '')

export function MessageFeed() {
  const dispatch = useAppDispatch()
  const { messages, messagesLoaded, messagesError } = useAppSelector(selectIngest)
  const [limit, setLimit] = useState(50)
  const [held, setHeld] = useState<Message[] | null>(null)
  const [filter, setFilter] = useState<MessageFilter>(NO_FILTER)
  const [open, setOpen] = useState<number | null>(null)
  const visible = useVisible()
  usePolling(() => {
    const run = dispatch(fetchMessages(limit))
    return () => run.abort()
  }, pollEvery(POLL_MS, visible, held === null))
  const all = held ?? messages
  const shown = useMemo(() => matching(all, filter), [all, filter])

  const choose = (n: number) => {
    setLimit(n)
    void dispatch(fetchMessages(n))
  }
  const take = () => download(`messages-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.csv`, messagesCsv(shown), 'text/csv')

  return (
    <section aria-label="Messages" className="card flex h-[450px] min-w-0 flex-col overflow-hidden">
      <header className="flex flex-wrap items-center gap-2 border-b p-2.5">
        <h2 className="label mr-1">Newest messages</h2>
        <input type="search" aria-label="Search in messages" placeholder="Search" className="field w-36 flex-1 sm:max-w-60" value={filter.text} onChange={(e) => setFilter({ ...filter, text: e.target.value })} />
        <input inputMode="numeric" aria-label="User" placeholder="User" className="field w-16" value={filter.user} onChange={(e) => setFilter({ ...filter, user: digits(e.target.value) })} />
        <input inputMode="numeric" aria-label="Channel" placeholder="Channel" className="field w-20" value={filter.channel} onChange={(e) => setFilter({ ...filter, channel: digits(e.target.value) })} />
        <select aria-label="How many" className="field ml-auto" value={limit} onChange={(e) => choose(Number(e.target.value))}>
          {LIMITS.map((n) => (
            <option key={n} value={n}>
              last {n}
            </option>
          ))}
        </select>
        <Button onClick={() => setHeld(held ? null : messages)} aria-pressed={held !== null}>
          {held ? <Play className="size-3.5" aria-hidden /> : <Pause className="size-3.5" aria-hidden />}
          {held ? 'Resume' : 'Pause'}
        </Button>
        <Button onClick={take} disabled={!shown.length} aria-label="Download as CSV" title="Download as CSV" square>
          <Download className="size-4" aria-hidden />
        </Button>
      </header>
      {messagesError && all.length > 0 && (
        <p role="alert" className="border-b bg-bad/10 px-3.5 py-1.5 text-sm text-bad">
          Not up to date: {messagesError.message}
        </p>
      )}
      {!messagesLoaded && messagesError ? (
        <ErrorState title="The messages cannot be read" failure={messagesError} onRetry={() => void dispatch(fetchMessages(limit))} />
      ) : !messagesLoaded ? (
        <div className="space-y-2 p-3" role="status" aria-label="Loading messages">
          {Array.from({ length: 8 }, (_, i) => (
            <Skeleton key={i} className="h-9" />
          ))}
        </div>
      ) : !all.length ? (
        <EmptyState icon={Inbox} title="No messages yet">
          Run a simulation, or send one to POST /messages.
        </EmptyState>
      ) : !shown.length ? (
        <EmptyState icon={SearchX} title="No message matches" action={<Button onClick={() => setFilter(NO_FILTER)}>Clear the filters</Button>}>
          None of the last {count(all.length)} has these words, this user and this channel.
        </EmptyState>
      ) : (
        <ol className="min-h-0 flex-1 divide-y divide-line overflow-y-auto" tabIndex={0} aria-label="Messages, newest first">
          {shown.map((m) => (
            <Row key={m.id} message={m} isOpen={open === m.id} onToggle={() => setOpen(open === m.id ? null : m.id)} />
          ))}
        </ol>
      )}
      <footer className="tnum border-t px-3.5 py-1.5 text-xs text-faint" data-shown={shown.length}>
        {shown.length === all.length ? `${count(all.length)} messages` : `${count(shown.length)} of ${count(all.length)} messages`}
        {held && ', held still'}
      </footer>
    </section>
  )
}

function Row({ message: m, isOpen, onToggle }: { message: Message; isOpen: boolean; onToggle: () => void }) {
  const now = useNow(5000)
  return (
    <li data-message={m.id}>
      <button type="button" aria-expanded={isOpen} onClick={onToggle} className="grid w-full grid-cols-[minmax(0,1fr)_auto] gap-x-3 px-3.5 py-1.5 text-left hover:bg-raised">
        <span className={isOpen ? 'whitespace-pre-wrap break-words text-sm' : 'truncate text-sm'}>{m.content}</span>
        <time className="tnum text-xs text-faint" dateTime={m.inserted_at} title={utc(m.inserted_at)}>
          {preciseClock(m.inserted_at)}
        </time>
        <span className="tnum text-xs text-muted">
          user {m.user_id} · channel {m.channel_id}
        </span>
      </button>
      {isOpen && (
        <dl className="tnum grid grid-cols-[auto_1fr] gap-x-4 gap-y-0.5 bg-raised px-3.5 py-2 text-xs">
          <dt className="text-muted">id</dt>
          <dd>{m.id}</dd>
          <dt className="text-muted">created</dt>
          <dd title={utc(m.created_at)}>{dateAndClock(m.created_at)}</dd>
          <dt className="text-muted">stored</dt>
          <dd title={utc(m.inserted_at)}>
            {dateAndClock(m.inserted_at)} ({ago(Date.parse(m.inserted_at), now)})
          </dd>
        </dl>
      )}
    </li>
  )
}
