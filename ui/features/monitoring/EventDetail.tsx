'use client'

// One event, whole: where it stands, what it changed, and its JSON with every digit. Beside the table
// where there is room, over it where there is not.
import { clsx } from 'clsx'
import { Check, Copy, Equal, KeyRound, Minus, PencilLine, Plus, CircleSlash, X, type LucideIcon } from 'lucide-react'
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import { Button } from '@/components/Button'
import { Table, Td, Th } from '@/components/Table'
import type { ReplicationEvent } from '@/lib/api/types'
import { count, dateAndClock, duration, utc } from '@/lib/format'
import { useCopy, useShortcut } from '@/lib/hooks'
import { stringifyExact } from '@/lib/json'
import { asRow, diff, keyText, onlyKeySent, position, show, tableName, type DiffLine, type DiffState } from './change'
import { KindBadge } from './KindBadge'

const STATE: Record<DiffState, { word: string; icon: LucideIcon; look: string }> = {
  changed: { word: 'changed', icon: PencilLine, look: 'text-update' },
  added: { word: 'new', icon: Plus, look: 'text-insert' },
  removed: { word: 'removed', icon: Minus, look: 'text-delete' },
  same: { word: 'same', icon: Equal, look: 'text-faint' },
  unavailable: { word: 'not sent', icon: CircleSlash, look: 'text-warn' },
}

export function EventDetail({ event, onClose, onOnlyKey }: { event: ReplicationEvent; onClose: () => void; onOnlyKey?: () => void }) {
  const [tab, setTab] = useState<'change' | 'json'>('change')
  const json = useMemo(() => stringifyExact(event, 2), [event])
  const { copy, done } = useCopy()
  const panel = useRef<HTMLElement>(null)
  useShortcut('Escape', onClose)
  useEffect(() => {
    // Over the table it takes the focus, as a dialog does; beside it, reading on must stay possible.
    if (matchMedia('(max-width: 1279px)').matches) panel.current?.focus()
  }, [])

  return (
    <aside
      ref={panel}
      tabIndex={-1}
      aria-label={`Event ${event.pipeline_seq}`}
      data-detail={event.id}
      className="slide-in card flex min-h-0 min-w-0 flex-col overflow-hidden outline-none max-xl:fixed max-xl:inset-y-0 max-xl:right-0 max-xl:z-40 max-xl:w-full max-xl:max-w-lg max-xl:rounded-none max-xl:border-y-0 max-xl:border-r-0 max-xl:shadow-pop xl:w-[27rem] xl:shrink-0"
    >
      <header className="flex items-center gap-2.5 border-b py-2 pl-3.5 pr-2">
        <KindBadge kind={event.event_type} op={event.op} />
        <h2 className="min-w-0 flex-1 truncate font-mono text-sm font-medium" title={tableName(event)}>
          {tableName(event)}
        </h2>
        {onOnlyKey && (
          <Button look="quiet" square onClick={onOnlyKey} aria-label="Only this key" title="Only this key">
            <KeyRound className="size-4" aria-hidden />
          </Button>
        )}
        <Button look="quiet" square onClick={() => copy(json)} aria-label={done ? 'Copied' : 'Copy as JSON'} title="Copy as JSON">
          {done ? <Check className="size-4 text-ok" aria-hidden /> : <Copy className="size-4" aria-hidden />}
        </Button>
        <Button look="quiet" square onClick={onClose} aria-label="Close" title="Close (Esc)">
          <X className="size-4" aria-hidden />
        </Button>
      </header>
      <div className="min-h-0 flex-1 overflow-y-auto">
        <Facts event={event} />
        <div role="tablist" aria-label="Views of the event" className="sticky top-0 z-10 flex gap-4 border-b bg-surface px-3.5">
          {(['change', 'json'] as const).map((t) => (
            <button
              key={t}
              type="button"
              role="tab"
              id={`tab-${t}`}
              aria-selected={tab === t}
              aria-controls="event-view"
              onClick={() => setTab(t)}
              className={clsx('-mb-px border-b-2 py-2 text-sm font-medium', tab === t ? 'border-accent text-fg' : 'border-transparent text-muted hover:text-fg')}
            >
              {t === 'change' ? 'Before and after' : 'JSON'}
            </button>
          ))}
        </div>
        <div role="tabpanel" id="event-view" aria-labelledby={`tab-${tab}`} tabIndex={0}>
          {tab === 'change' ? <Change event={event} /> : <pre className="overflow-x-auto whitespace-pre-wrap break-words p-3.5 font-mono text-xs leading-5">{json}</pre>}
        </div>
      </div>
    </aside>
  )
}

function Facts({ event }: { event: ReplicationEvent }) {
  const s = event.source
  return (
    <dl className="tnum grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 px-3.5 py-3 text-sm">
      <Fact name="Number">
        #{count(event.pipeline_seq)} <span className="text-faint">in the pipeline, {count(event.seq)} in the log</span>
      </Fact>
      <Fact name="Key">{keyText(event)}</Fact>
      <Fact name="Committed">
        <span title={utc(s?.ts_ms ?? event.occurred_at)}>{dateAndClock(s?.ts_ms ?? event.occurred_at)}</span>
      </Fact>
      <Fact name="Logged">
        <span title={utc(event.started_at)}>{dateAndClock(event.started_at)}</span>
      </Fact>
      <Fact name="Latency">{event.latency_ms == null ? 'none: a snapshot row' : duration(event.latency_ms)}</Fact>
      <Fact name="Position">{position(event)}</Fact>
      <Fact name="Transaction">{show(s?.tx_id ?? undefined)}</Fact>
      <Fact name="Kafka">{event.topic && `${event.topic} / ${event.partition} @ ${count(event.offset)}`}</Fact>
      <Fact name="Source">{[s?.connector, s?.db].filter(Boolean).join(', ')}</Fact>
    </dl>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  if (children === '' || children == null) return null
  return (
    <>
      <dt className="text-muted">{name}</dt>
      <dd className="min-w-0 break-words font-medium">{children}</dd>
    </>
  )
}

function Change({ event }: { event: ReplicationEvent }) {
  const lines = useMemo(() => diff(event), [event])
  const before = asRow(event.before)
  const after = asRow(event.after)
  if (!lines.length)
    return <p className="px-3.5 py-6 text-center text-sm text-muted">{event.event_type === 'truncate' ? 'The whole table was emptied.' : 'This event carries no row.'}</p>
  const note = onlyKeySent(event)
    ? 'The source sent only the key of the deleted row (replica identity default); the other columns are not known.'
    : event.event_type === 'update' && !before
      ? 'The source does not send the row before an update (replica identity default).'
      : null
  const shown = onlyKeySent(event) ? lines.filter((l) => l.column in (asRow(event.key) ?? {})) : lines
  return (
    <>
      {note && <p className="border-b bg-raised/60 px-3.5 py-2 text-xs text-muted">{note}</p>}
      <Table className="font-mono !text-xs">
        <thead>
          <tr>
            <Th className="w-[32%] pl-3.5 font-sans">Column</Th>
            {before && <Th className="font-sans">Before</Th>}
            {after && <Th className="font-sans">After</Th>}
          </tr>
        </thead>
        <tbody>
          {shown.map((line) => (
            <Line key={line.column} line={line} before={before !== null} after={after !== null} />
          ))}
        </tbody>
      </Table>
    </>
  )
}

function Line({ line, before, after }: { line: DiffLine; before: boolean; after: boolean }) {
  const { word, icon: Icon, look } = STATE[line.state]
  const changed = line.state === 'changed'
  return (
    <tr data-diff={line.state} className={changed ? 'bg-update/[0.07]' : undefined}>
      <Td className="break-words pl-3.5">
        <span className={clsx('mr-1.5 inline-flex align-[-2px]', look)} title={word}>
          <Icon className="size-3" aria-hidden />
          <span className="sr-only">{word}: </span>
        </span>
        {line.column}
      </Td>
      {before && <Td className={clsx('break-words', line.state === 'same' ? 'text-faint' : changed && 'text-delete')}>{line.state === 'unavailable' ? '' : <Value value={line.before} />}</Td>}
      {after && (
        <Td className={clsx('break-words', line.state === 'same' ? 'text-faint' : changed && 'text-insert')}>
          {line.state === 'unavailable' ? <span className="font-sans italic text-warn">not sent: it did not change</span> : <Value value={line.after} />}
        </Td>
      )}
    </tr>
  )
}

function Value({ value }: { value: DiffLine['after'] }) {
  if (value === undefined) return <span className="text-faint">absent</span>
  if (value === null) return <span className="italic text-faint">null</span>
  if (value === '') return <span className="italic text-faint">empty text</span>
  return <>{show(value)}</>
}
