'use client'

import { clsx } from 'clsx'
import { Clock, Download, ListFilter, Pause, Play, Search, X } from 'lucide-react'
import dynamic from 'next/dynamic'
import { useRef, useState } from 'react'
import { Button } from '@/components/Button'
import { Menu, MenuChoice, MenuChoices, MenuContent, MenuItem, MenuLabel, MenuTrigger } from '@/components/Menu'
import { EVENT_KINDS, type EventKind, type ReplicationEvent } from '@/lib/api/types'
import { useApi } from '@/lib/api/useApi'
import { download } from '@/lib/download'
import { failureOf } from '@/lib/failure'
import { count } from '@/lib/format'
import { useShortcut } from '@/lib/hooks'
import { useAppDispatch, useAppSelector } from '@/lib/store'
import { asCsv, asNdjson } from './exports'
import { asEventQuery, isFiltering, NO_FILTERS, type Filters } from './filters'
import { KIND } from './kinds'
import { paused, resumed, selectPaused, selectSelectedPipelineId, selectWaiting } from './monitoringSlice'
import { rangeText } from './times'

const TimeDialog = dynamic(() => import('./TimeDialog').then((all) => all.TimeDialog), { ssr: false })

const ON: Record<EventKind, string> = {
  insert: 'text-insert bg-insert/10 ring-insert/40',
  update: 'text-update bg-update/10 ring-update/40',
  delete: 'text-delete bg-delete/10 ring-delete/40',
  truncate: 'text-truncate bg-truncate/10 ring-truncate/40',
  message: 'text-message bg-message/10 ring-message/40',
  other: 'text-other bg-other/10 ring-other/40',
}
const USUAL = new Set<EventKind>(['insert', 'update', 'delete'])
const ALL = '\u0000' // no table is called so

interface Props {
  filters: Filters
  onChange: (filters: Filters) => void
  tables: string[]
  kinds: Set<EventKind> // that occur
  shown: ReplicationEvent[] // what the filters leave
}

export function EventToolbar({ filters, onChange, tables, kinds, shown }: Props) {
  const search = useRef<HTMLInputElement>(null)
  useShortcut('/', () => search.current?.focus())
  const toggle = (kind: EventKind) =>
    onChange({ ...filters, kinds: filters.kinds.includes(kind) ? filters.kinds.filter((k) => k !== kind) : [...filters.kinds, kind] })

  return (
    <div className="flex flex-wrap items-center gap-2 border-b px-3 py-2">
      <div role="group" aria-label="Kinds of event" className="flex flex-wrap items-center gap-1">
        {EVENT_KINDS.filter((k) => USUAL.has(k) || kinds.has(k) || filters.kinds.includes(k)).map((kind) => {
          const { label, icon: Icon } = KIND[kind]
          const on = filters.kinds.includes(kind)
          return (
            <button
              key={kind}
              type="button"
              aria-pressed={on}
              onClick={() => toggle(kind)}
              className={clsx('inline-flex h-8 items-center gap-1.5 rounded-md px-2 text-sm font-medium ring-1 ring-inset transition-colors', on ? ON[kind] : 'text-muted ring-line hover:bg-raised hover:text-fg')}
            >
              <Icon className="size-3.5 max-sm:hidden" aria-hidden />
              {label}
            </button>
          )
        })}
      </div>

      <Menu>
        <MenuTrigger asChild>
          <Button className={clsx('max-w-56 max-sm:order-2', filters.table === null && '!text-muted')}>
            <ListFilter className="size-3.5 shrink-0" aria-hidden />
            <span className="truncate">{filters.table ?? 'All tables'}</span>
          </Button>
        </MenuTrigger>
        <MenuContent align="start" className="min-w-56">
          <MenuChoices value={filters.table ?? ALL} onValueChange={(v) => onChange({ ...filters, table: v === ALL ? null : v })}>
            <MenuChoice value={ALL} className="relative">
              All tables
            </MenuChoice>
            {tables.map((t) => (
              <MenuChoice key={t} value={t} className="relative font-mono text-xs">
                {t}
              </MenuChoice>
            ))}
          </MenuChoices>
        </MenuContent>
      </Menu>

      <TimeButton filters={filters} onChange={onChange} />

      <div className="relative min-w-40 flex-1 max-sm:order-2 md:max-w-80">
        <Search className="pointer-events-none absolute left-2.5 top-1/2 size-3.5 -translate-y-1/2 text-faint" aria-hidden />
        <input
          ref={search}
          type="search"
          value={filters.text}
          onChange={(e) => onChange({ ...filters, text: e.target.value })}
          onKeyDown={(e) => e.key === 'Escape' && (filters.text ? onChange({ ...filters, text: '' }) : e.currentTarget.blur())}
          placeholder="Search keys and values"
          aria-label="Search keys and values"
          maxLength={200}
          className="h-8 w-full rounded-md border border-edge bg-canvas pl-8 pr-7 text-sm placeholder:text-faint hover:border-faint focus:border-accent focus:outline-none focus:ring-2 focus:ring-accent/30 [&::-webkit-search-cancel-button]:hidden"
        />
        <kbd aria-hidden className="pointer-events-none absolute right-2 top-1/2 hidden -translate-y-1/2 rounded border px-1 font-mono text-2xs text-faint md:block">
          /
        </kbd>
      </div>

      {isFiltering(filters) && (
        <Button look="quiet" className="max-sm:order-2" onClick={() => onChange(NO_FILTERS)}>
          <X className="size-3.5" aria-hidden />
          Clear
        </Button>
      )}
      <ExportMenu events={shown} filters={filters} />
      <PauseButton />
    </div>
  )
}

function TimeButton({ filters, onChange }: Pick<Props, 'filters' | 'onChange'>) {
  const [open, setOpen] = useState(false)
  return (
    <>
      <Button className={clsx('max-sm:order-2', !filters.from && !filters.to && '!text-muted')} onClick={() => setOpen(true)} aria-haspopup="dialog">
        <Clock className="size-3.5 shrink-0" aria-hidden />
        <span className="truncate">{rangeText(filters.from, filters.to)}</span>
      </Button>
      {open && <TimeDialog range={filters} onChange={(range) => onChange({ ...filters, ...range })} onClose={() => setOpen(false)} />}
    </>
  )
}

function ExportMenu({ events, filters }: { events: ReplicationEvent[]; filters: Filters }) {
  const api = useApi()
  const pipeline = useAppSelector(selectSelectedPipelineId)
  const [failure, setFailure] = useState<string | null>(null)
  const query = asEventQuery(filters)
  const whole = async (form: 'csv' | 'ndjson') => {
    setFailure(null)
    try {
      download(`events.${form}`, await api.eventsFile({ pipeline_id: pipeline ?? undefined, ...query }, form))
    } catch (e) {
      setFailure(failureOf(e).message)
    }
  }
  return (
    <>
      <Menu>
        <MenuTrigger asChild>
          <Button look="quiet" square className="max-sm:order-2" aria-label="Export" title="Export" disabled={!events.length && !query}>
            <Download className="size-4" aria-hidden />
          </Button>
        </MenuTrigger>
        <MenuContent>
          <MenuLabel>{count(events.length)} events that are shown</MenuLabel>
          <MenuItem onSelect={() => download('events.csv', asCsv(events), 'text/csv')}>As CSV</MenuItem>
          <MenuItem onSelect={() => download('events.ndjson', asNdjson(events), 'application/x-ndjson')}>As lines of JSON</MenuItem>
          {query && pipeline && (
            <>
              <MenuLabel>All of the log{isFiltering(filters) ? ' that the filter lets pass' : ''}</MenuLabel>
              <MenuItem onSelect={() => void whole('csv')}>All as CSV</MenuItem>
              <MenuItem onSelect={() => void whole('ndjson')}>All as lines of JSON</MenuItem>
            </>
          )}
        </MenuContent>
      </Menu>
      {failure && (
        <span role="alert" className="text-sm text-bad">
          {failure}
        </span>
      )}
    </>
  )
}

function PauseButton() {
  const dispatch = useAppDispatch()
  const held = useAppSelector(selectPaused)
  const waiting = useAppSelector(selectWaiting)
  const toggle = () => dispatch(held ? resumed() : paused())
  useShortcut('p', toggle)
  return (
    <Button look={held ? 'primary' : 'plain'} className="ml-auto max-sm:order-1" onClick={toggle} aria-keyshortcuts="p" title={held ? 'Resume (p)' : 'Pause (p)'}>
      {held ? <Play className="size-3.5" aria-hidden /> : <Pause className="size-3.5" aria-hidden />}
      {held ? 'Resume' : 'Pause'}
      {held && (
        <span data-waiting={waiting} className="tnum -mr-0.5 rounded bg-onaccent/15 px-1.5 text-xs">
          {count(waiting)} waiting
        </span>
      )}
    </Button>
  )
}
