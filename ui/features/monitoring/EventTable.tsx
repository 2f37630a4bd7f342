'use client'

// The list, of which only what is in sight exists as elements. Rows have one height, so where each is
// follows from its number; when rows arrive above what somebody is reading, the view stays with them.
import { flexRender, getCoreRowModel, useReactTable, type ColumnDef, type Row } from '@tanstack/react-table'
import { useVirtualizer } from '@tanstack/react-virtual'
import { clsx } from 'clsx'
import { ArrowUp } from 'lucide-react'
import { memo, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react'
import type { ReplicationEvent } from '@/lib/api/types'
import { count, duration, preciseClock, utc } from '@/lib/format'
import { useMedia } from '@/lib/hooks'
import { keyText, summary, tableName } from './change'
import { KindBadge } from './KindBadge'

const ROW_WIDE = 34
const ROW_NARROW = 60
const OVERSCAN = 8

interface Meta {
  cell: string // the grid area
  align?: string
}

const columns: ColumnDef<ReplicationEvent>[] = [
  { id: 'seq', header: '#', meta: { cell: 'c-seq' }, cell: ({ row }) => <span className="tnum text-xs text-faint">{count(row.original.pipeline_seq)}</span> },
  { id: 'kind', header: 'Kind', meta: { cell: 'c-kind' }, cell: ({ row }) => <KindBadge kind={row.original.event_type} op={row.original.op} /> },
  {
    id: 'table',
    header: 'Table',
    meta: { cell: 'c-table' },
    cell: ({ row: { original: e } }) => (
      <span className="block truncate font-mono text-xs" title={tableName(e)}>
        {e.schema_name && <span className="text-faint max-md:hidden">{e.schema_name}.</span>}
        {e.table_name ?? e.topic}
      </span>
    ),
  },
  { id: 'key', header: 'Key', meta: { cell: 'c-key' }, cell: ({ row }) => <span className="tnum block truncate font-mono text-xs">{keyText(row.original)}</span> },
  { id: 'change', header: 'Change', meta: { cell: 'c-change' }, cell: ({ row }) => <Summary event={row.original} /> },
  { id: 'latency', header: 'Latency', meta: { cell: 'c-latency', align: 'text-right' }, cell: ({ row }) => <span className="tnum text-xs text-muted">{duration(row.original.latency_ms)}</span> },
  {
    id: 'time',
    header: 'Logged',
    meta: { cell: 'c-time' },
    cell: ({ row: { original: e } }) => (
      <time className="tnum text-xs text-muted" dateTime={e.started_at} title={utc(e.started_at)}>
        {preciseClock(e.started_at)}
      </time>
    ),
  },
]

function Summary({ event }: { event: ReplicationEvent }) {
  const pieces = summary(event)
  return (
    <span className="block truncate font-mono text-xs">
      {pieces.map((p, i) => (
        <span key={p.column}>
          {i > 0 && <span className="text-faint"> · </span>}
          <span className="text-faint">{p.column} </span>
          {p.from !== undefined && <span className="text-muted">{p.from || '∅'} → </span>}
          {p.to || '∅'}
        </span>
      ))}
      {!pieces.length && <span className="text-faint">{event.event_type === 'truncate' ? 'table emptied' : event.event_type === 'delete' ? 'row removed' : ''}</span>}
    </span>
  )
}

interface Props {
  events: ReplicationEvent[]
  selectedId: string | null
  onSelect: (event: ReplicationEvent | null) => void
}

export function EventTable({ events, selectedId, onSelect }: Props) {
  const scroller = useRef<HTMLDivElement>(null)
  const wide = useMedia('(min-width: 768px)')
  const rowHeight = wide ? ROW_WIDE : ROW_NARROW
  const [cursor, setCursor] = useState<string | null>(null) // the row that the keyboard is on
  const virtual = useVirtualizer({
    count: events.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: OVERSCAN,
    initialRect: { width: 1024, height: 400 },
  })
  const items = virtual.getVirtualItems()
  useLayoutEffect(() => virtual.measure(), [virtual, rowHeight])

  // Only the rows in sight go through the table model: ten thousand a frame would be felt.
  const first = items[0]?.index ?? 0
  const last = (items[items.length - 1]?.index ?? -1) + 1
  const shown = useMemo(() => events.slice(first, last), [events, first, last])
  const table = useReactTable({ data: shown, columns, getCoreRowModel: getCoreRowModel(), getRowId: (e) => e.id })
  const rows = table.getRowModel().rows

  const { above, fresh } = useArrivals(events, scroller, rowHeight)
  const toTop = useCallback(() => scroller.current?.scrollTo({ top: 0 }), [])

  const picked = useRef(onSelect)
  useEffect(() => {
    picked.current = onSelect
  })
  const pick = useCallback((event: ReplicationEvent) => {
    setCursor(event.id)
    picked.current(event)
  }, [])

  const at = Math.max(0, cursor === null ? 0 : events.findIndex((e) => e.id === cursor))
  const move = (to: number) => {
    const index = Math.min(events.length - 1, Math.max(0, to))
    setCursor(events[index]?.id ?? null)
    virtual.scrollToIndex(index)
    if (selectedId !== null) onSelect(events[index] ?? null)
  }
  const pressed = (e: KeyboardEvent) => {
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / rowHeight) - 2)
    const steps: Record<string, number> = { ArrowDown: at + (cursor === null ? 0 : 1), j: at + (cursor === null ? 0 : 1), ArrowUp: at - 1, k: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: events.length - 1 }
    const to = steps[e.key]
    if (to !== undefined && events.length) move(to)
    else if ((e.key === 'Enter' || e.key === ' ') && events[at]) onSelect(events[at])
    else return
    e.preventDefault()
  }

  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      <div
        ref={scroller}
        role="grid"
        aria-label="Events, newest first"
        aria-rowcount={events.length + 1}
        aria-activedescendant={cursor !== null && shown.some((e) => e.id === cursor) ? `event-${cursor}` : undefined}
        tabIndex={0}
        onKeyDown={pressed}
        className="min-h-0 flex-1 overflow-y-auto overscroll-contain focus-visible:outline-offset-[-2px]"
      >
        <div role="row" aria-rowindex={1} className="event-row sticky top-0 z-10 h-8 border-b bg-surface text-xs font-medium text-muted max-md:hidden">
          {table.getFlatHeaders().map((h) => {
            const meta = h.column.columnDef.meta as Meta
            return (
              <div key={h.id} role="columnheader" className={clsx(meta.cell, meta.align)}>
                {flexRender(h.column.columnDef.header, h.getContext())}
              </div>
            )
          })}
        </div>
        <div role="rowgroup" className="relative" style={{ height: virtual.getTotalSize() }}>
          {items.map((item, i) => {
            const row = rows[i]
            if (!row) return null
            const { id, seq } = row.original
            return (
              <EventRow
                key={id}
                row={row}
                index={item.index}
                top={item.start}
                height={item.size}
                selected={id === selectedId}
                current={id === cursor}
                fresh={seq > fresh}
                onPick={pick}
              />
            )
          })}
        </div>
      </div>
      {above > 0 && (
        <button
          type="button"
          onClick={toTop}
          className="tnum absolute left-1/2 top-10 z-20 inline-flex -translate-x-1/2 items-center gap-1.5 rounded-full bg-accent px-3 py-1 text-xs font-semibold text-onaccent shadow-pop"
        >
          <ArrowUp className="size-3.5" aria-hidden />
          {count(above)} new
        </button>
      )}
    </div>
  )
}

interface RowProps {
  row: Row<ReplicationEvent>
  index: number
  top: number
  height: number
  selected: boolean
  current: boolean
  fresh: boolean
  onPick: (event: ReplicationEvent) => void
}

/** Events never change, so a row is drawn again only when it moves or is pointed at. */
const EventRow = memo(
  function EventRow({ row, index, top, height, selected, current, fresh, onPick }: RowProps) {
    const event = row.original
    return (
      <div
        id={`event-${event.id}`}
        role="row"
        aria-rowindex={index + 2}
        aria-selected={selected}
        data-event={event.id}
        data-kind={event.event_type}
        data-seq={event.seq}
        data-pipeline-seq={event.pipeline_seq}
        onClick={() => onPick(event)}
        className={clsx(
          'event-row absolute inset-x-0 top-0 cursor-pointer border-b border-line/60',
          selected ? 'bg-accent/10 shadow-[inset_2px_0_oklch(var(--accent))]' : 'hover:bg-raised/70',
          current && !selected && 'bg-raised',
          fresh && 'fresh',
        )}
        style={{ height, transform: `translateY(${top}px)` }}
      >
        <Cells row={row} />
      </div>
    )
  },
  (a, b) => a.row.original === b.row.original && KEYS.every((k) => a[k] === b[k]),
)
const KEYS = ['index', 'top', 'height', 'selected', 'current', 'fresh', 'onPick'] as const

const Cells = memo(
  function Cells({ row }: { row: Row<ReplicationEvent> }) {
    return row.getVisibleCells().map((cell) => {
      const meta = cell.column.columnDef.meta as Meta
      return (
        <div key={cell.id} role="gridcell" className={clsx(meta.cell, meta.align, 'min-w-0')}>
          {flexRender(cell.column.columnDef.cell, cell.getContext())}
        </div>
      )
    })
  },
  (a, b) => a.row.original === b.row.original,
)

/**
 * What to do about rows that arrive at the top. Somebody at the top sees them come in (fresh: newer
 * than this seq is drawn as new); somebody further down keeps seeing what they read, and is told how
 * many there are above.
 */
function useArrivals(events: ReplicationEvent[], scroller: React.RefObject<HTMLDivElement | null>, rowHeight: number) {
  const top = useRef<string | undefined>(undefined)
  const down = useRef(false) // scrolled away from the top; asking the box would cost a layout a frame
  const [above, setAbove] = useState(0)
  const [fresh, setFresh] = useState(Infinity)

  useLayoutEffect(() => {
    const box = scroller.current
    const before = top.current
    top.current = events[0]?.id
    if (!box || before === undefined || before === events[0]?.id) return
    const arrived = events.findIndex((e) => e.id === before)
    if (arrived <= 0) return
    if (down.current) {
      box.scrollTop += arrived * rowHeight
      setAbove((n) => n + arrived)
    } else setFresh(events[arrived]!.seq)
  }, [events, scroller, rowHeight])

  useEffect(() => {
    const box = scroller.current
    if (!box) return
    const scrolled = () => {
      down.current = box.scrollTop > rowHeight / 2
      if (!down.current) setAbove(0)
    }
    box.addEventListener('scroll', scrolled, { passive: true })
    return () => box.removeEventListener('scroll', scrolled)
  }, [scroller, rowHeight])

  return { above, fresh }
}
