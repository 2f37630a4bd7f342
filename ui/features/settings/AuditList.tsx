'use client'

// The audit log, a page at a time: of everything, or of one resource.
import { useState } from 'react'
import { Button } from '@/components/Button'
import { EmptyState } from '@/components/EmptyState'
import { Shown } from '@/components/Shown'
import type { AuditQuery } from '@/lib/api/client'
import type { AuditEntry } from '@/lib/api/types'
import { useChange, useReading } from '@/lib/api/useApi'
import { dateAndClock, utc } from '@/lib/format'

const PAGE = 50

export function AuditList({ query }: { query: AuditQuery }) {
  const key = JSON.stringify(query)
  const first = useReading(`audit ${key}`, (api, call) => api.audit({ ...query, limit: PAGE }, call))
  const [more, setMore] = useState<{ key: string; items: AuditEntry[]; next: string | null } | null>(null)
  const later = more?.key === key ? more : null
  const next = later ? later.next : (first.value?.next ?? null)
  const load = useChange(async (api) => {
    const page = await api.audit({ ...query, limit: PAGE, cursor: next ?? undefined })
    setMore({ key, items: [...(later?.items ?? []), ...page.items], next: page.next })
  })
  return (
    <Shown of={first} what="The audit log" isEmpty={(p) => !p.items.length} empty={<EmptyState title="No entry">Nothing was done that matches.</EmptyState>}>
      {(page) => (
        <div className="card overflow-hidden">
          <ol className="divide-y" aria-label="Entries of the audit log">
            {[...page.items, ...(later?.items ?? [])].map((e) => (
              <Entry key={e.id} entry={e} />
            ))}
          </ol>
          {next && (
            <div className="border-t p-2 text-center">
              {load.error && <p className="text-xs text-bad">{load.error.message}</p>}
              <Button onClick={() => void load.run()} disabled={load.pending}>
                {load.pending ? 'Loading…' : 'Load older'}
              </Button>
            </div>
          )}
        </div>
      )}
    </Shown>
  )
}

function Entry({ entry: e }: { entry: AuditEntry }) {
  return (
    <li data-audit={e.action} className="px-3.5 py-1.5 text-sm">
      <details>
        <summary className="cursor-pointer">
          <time className="tnum mr-3 text-xs text-muted" dateTime={e.at} title={utc(e.at)}>
            {dateAndClock(e.at)}
          </time>
          <span className="mr-3 font-medium">{e.actor}</span>
          <span className="mr-3 font-mono text-xs">{e.action}</span>
          <span className="break-all text-xs text-faint">
            {e.resource_type} {e.resource_id} {e.addr && `from ${e.addr}`}
          </span>
        </summary>
        <div className="mt-1 grid gap-2 sm:grid-cols-2">
          {(['before', 'after'] as const).map((side) => (
            <div key={side} className="min-w-0">
              <p className="label">{side === 'before' ? 'Before' : 'After'}</p>
              <pre className="max-h-64 overflow-auto whitespace-pre-wrap break-all rounded bg-raised p-2 font-mono text-2xs" tabIndex={0}>
                {e[side] ? JSON.stringify(e[side], null, 1) : 'nothing'}
              </pre>
            </div>
          ))}
          <p className="break-all font-mono text-2xs text-faint sm:col-span-2">
            #{e.id} {e.hash} {e.request_id && `request ${e.request_id}`}
          </p>
        </div>
      </details>
    </li>
  )
}
