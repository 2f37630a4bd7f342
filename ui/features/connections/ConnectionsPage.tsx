'use client'

// The databases that pipelines read from and write to: do they work, and when was that last seen?
import { CircleCheck, CircleDashed, CircleX, Database, LoaderCircle, LockKeyhole, Pencil, Plug, Plus, Trash2 } from 'lucide-react'
import dynamic from 'next/dynamic'
import { useMemo, useState } from 'react'
import { Badge } from '@/components/Badge'
import { Button } from '@/components/Button'
import { Checklist } from '@/components/Checklist'
import { ConfirmDialog } from '@/components/ConfirmDialog'
import { Dialog } from '@/components/Dialog'
import { EmptyState } from '@/components/EmptyState'
import { Notice } from '@/components/Notice'
import { PageFrame } from '@/components/PageFrame'
import { SearchField } from '@/components/SearchField'
import { Shown } from '@/components/Shown'
import { useMay } from '@/features/auth/useMay'
import { fetchPipelines, selectPipelines } from '@/features/pipelines/pipelineSlice'
import { useChange } from '@/lib/api/useApi'
import type { Connection, ConnectionTest } from '@/lib/api/types'
import { ago, count, utc } from '@/lib/format'
import { pollEvery, useNow, usePolling, useVisible } from '@/lib/hooks'
import { useAppDispatch, useAppSelector } from '@/lib/store'
import { useUrlState } from '@/lib/useUrlState'
import { deleteConnection, fetchConnections, selectConnections } from './connectionSlice'
import { DATABASES } from './form'

/** Its form and the rules of it are loaded when somebody opens it. */
const ConnectionDialog = dynamic(() => import('./ConnectionDialog').then((all) => all.ConnectionDialog), { ssr: false })

const POLL_MS = 30_000

export function ConnectionsPage() {
  const dispatch = useAppDispatch()
  const visible = useVisible()
  const { connections, loaded, at, error } = useAppSelector(selectConnections)
  const pipelines = useAppSelector(selectPipelines)
  const [url, setUrl] = useUrlState({ q: '', type: '' })
  const [form, setForm] = useState<{ connection?: Connection } | null>(null)
  const [going, setGoing] = useState<Connection | null>(null)
  const admin = useMay('admin')
  const reload = () => {
    void dispatch(fetchConnections())
    void dispatch(fetchPipelines())
  }
  usePolling(reload, pollEvery(POLL_MS, visible, true))

  const shown = useMemo(() => {
    const words = url.q.toLowerCase().split(/\s+/).filter(Boolean)
    const text = (c: Connection) => `${c.name} ${c.host} ${c.database} ${c.username} ${DATABASES[c.database_type]?.label}`.toLowerCase()
    return connections
      .filter((c) => (!url.type || c.connection_type === url.type) && words.every((w) => text(c).includes(w)))
      .sort((a, b) => a.name.localeCompare(b.name))
  }, [connections, url])
  const usedBy = (id: string) => pipelines.filter((p) => p.source_connection_id === id || p.target_connection_id === id)

  return (
    <PageFrame here="/connections" title="Connections">
      <div className="flex flex-wrap items-center gap-2">
        <SearchField label="Search connections" value={url.q} onChange={(q) => setUrl({ q })} />
        <select aria-label="Used as" className="field" value={url.type} onChange={(e) => setUrl({ type: e.target.value })}>
          <option value="">Sources and targets</option>
          <option value="source">Sources</option>
          <option value="target">Targets</option>
        </select>
        {admin && (
          <Button look="primary" className="ml-auto" onClick={() => setForm({})}>
            <Plus className="size-3.5" aria-hidden />
            New connection
          </Button>
        )}
      </div>
      <Shown
        of={{ value: loaded ? connections : null, at, error, reload }}
        what="The connections"
        isEmpty={(all) => !all.length}
        empty={
          <EmptyState
            icon={Database}
            title="No connections yet"
            action={admin && <Button onClick={() => setForm({})}>Add a database</Button>}
          >
            A pipeline reads from one database and writes to another. Add both here first{!admin && '; an administrator can'}.
          </EmptyState>
        }
      >
        {() =>
          shown.length ? (
            <ul className="grid gap-3 md:grid-cols-2 2xl:grid-cols-3">
              {shown.map((c) => (
                <ConnectionCard key={c.id} connection={c} pipelines={usedBy(c.id).length} onEdit={() => setForm({ connection: c })} onDelete={() => setGoing(c)} />
              ))}
            </ul>
          ) : (
            <EmptyState icon={Database} title="No connection matches" action={<Button onClick={() => setUrl({ q: '', type: '' })}>Clear the filters</Button>} />
          )
        }
      </Shown>
      {form && <ConnectionDialog connection={form.connection} onClose={() => setForm(null)} />}
      {going && <Removal connection={going} usedBy={usedBy(going.id).map((p) => p.name)} onClose={() => setGoing(null)} />}
    </PageFrame>
  )
}

function LastTest({ c }: { c: Connection }) {
  const now = useNow(5000)
  if (!c.last_tested_at)
    return (
      <Badge tone="muted" icon={CircleDashed}>
        Never tested
      </Badge>
    )
  const good = c.last_test_status === 'success'
  return (
    <Badge tone={good ? 'ok' : 'bad'} icon={good ? CircleCheck : CircleX} title={utc(c.last_tested_at)}>
      {good ? 'Worked' : 'Failed'} {ago(Date.parse(c.last_tested_at), now)}
    </Badge>
  )
}

function ConnectionCard({ connection: c, pipelines, onEdit, onDelete }: { connection: Connection; pipelines: number; onEdit: () => void; onDelete: () => void }) {
  const dispatch = useAppDispatch()
  const operator = useMay('operator')
  const admin = useMay('admin')
  const [result, setResult] = useState<ConnectionTest | null>(null)
  const test = useChange(async (api) => {
    setResult(await api.testConnection(c.id))
    void dispatch(fetchConnections())
  })
  return (
    <li data-connection-name={c.name} className="card flex min-w-0 flex-col gap-2 p-3.5">
      <div className="flex items-start justify-between gap-2">
        <div className="min-w-0">
          <h2 className="truncate text-base font-semibold" title={c.name}>
            {c.name}
          </h2>
          <p className="text-xs text-muted">
            {DATABASES[c.database_type]?.label ?? c.database_type}, {c.connection_type}
          </p>
        </div>
        <LastTest c={c} />
      </div>
      <p className="truncate font-mono text-xs" title={`${c.username}@${c.host}:${c.port}/${c.database}`}>
        {c.username}@{c.host}:{c.port}/{c.database}
      </p>
      <p className="flex flex-wrap gap-x-3 text-xs text-muted">
        <span>{c.schema ? `schema ${c.schema}` : 'all schemas'}</span>
        <span className="inline-flex items-center gap-1">
          {c.ssl_mode.startsWith('verify') && <LockKeyhole className="size-3" aria-hidden />}
          TLS {c.ssl_mode}
        </span>
        <span>{pipelines === 0 ? 'no pipeline' : pipelines === 1 ? '1 pipeline' : `${count(pipelines)} pipelines`}</span>
      </p>
      {c.last_test_status === 'failed' && c.last_test_error && <p className="break-words text-xs text-bad">{c.last_test_error}</p>}
      {test.error && <Notice tone="bad">{test.error.message}</Notice>}
      <div className="mt-auto flex gap-2 pt-1">
        {operator && (
          <Button onClick={() => void test.run()} disabled={test.pending} aria-label={`Test ${c.name}`}>
            {test.pending ? <LoaderCircle className="size-3.5 animate-spin" aria-hidden /> : <Plug className="size-3.5" aria-hidden />}
            Test
          </Button>
        )}
        {admin && (
          <>
            <Button onClick={onEdit} aria-label={`Change ${c.name}`}>
              <Pencil className="size-3.5" aria-hidden />
              Change
            </Button>
            <Button look="quiet" square className="ml-auto" onClick={onDelete} aria-label={`Delete ${c.name}`} title="Delete">
              <Trash2 className="size-4" aria-hidden />
            </Button>
          </>
        )}
      </div>
      {result && (
        <Dialog title={`Test of ${c.name}`} onClose={() => setResult(null)}>
          <div className="grid gap-3">
            <Notice tone={result.success ? 'ok' : 'bad'}>{result.message}</Notice>
            <Checklist checks={result.checks} label="What was checked" />
          </div>
        </Dialog>
      )}
    </li>
  )
}

function Removal({ connection, usedBy, onClose }: { connection: Connection; usedBy: string[]; onClose: () => void }) {
  const dispatch = useAppDispatch()
  const removal = useChange(async () => {
    await dispatch(deleteConnection(connection.id)).unwrap()
    onClose()
  })
  return (
    <ConfirmDialog title="Delete a connection" action="Delete" name={connection.name} pending={removal.pending} error={removal.error} onConfirm={() => void removal.run()} onClose={onClose}>
      <p>
        <strong className="font-medium">{connection.name}</strong> and its stored password go. The database itself is not touched.
      </p>
      {usedBy.length > 0 && <p>It is used by {usedBy.join(', ')}: delete {usedBy.length === 1 ? 'that pipeline' : 'those pipelines'} first.</p>}
    </ConfirmDialog>
  )
}
