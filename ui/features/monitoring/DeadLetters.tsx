'use client'

// Records that could not be read or stored: which, why, and their bytes; read again after a fix, or
// thrown away.
import { RotateCw, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { Button } from '@/components/Button'
import { ConfirmDialog } from '@/components/ConfirmDialog'
import { Dialog } from '@/components/Dialog'
import { EmptyState } from '@/components/EmptyState'
import { Notice } from '@/components/Notice'
import { Shown } from '@/components/Shown'
import { useMay } from '@/features/auth/useMay'
import type { ApiClient } from '@/lib/api/client'
import type { DeadLetter } from '@/lib/api/types'
import { useChange, useReading } from '@/lib/api/useApi'
import { bytes, count, dateAndClock, utc } from '@/lib/format'

const PAGE = 50

async function sweep(api: ApiClient, what: 'retry' | 'discard', pipelineId: string) {
  const sum = { done: 0, failed: 0 }
  for (let after: string | undefined; ; ) {
    const { done, failed, next } = await api.sweepDeadLetters(what, { pipeline_id: pipelineId, after })
    sum.done += done
    sum.failed += failed
    if (next === null) return sum
    after = next
  }
}

export function DeadLetters({ pipelineId, onClose, onChanged }: { pipelineId: string; onClose: () => void; onChanged: () => void }) {
  const operator = useMay('operator')
  const first = useReading(`letters ${pipelineId}`, (api, call) => api.deadLetters({ pipeline_id: pipelineId, limit: PAGE }, call))
  const [more, setMore] = useState<{ items: DeadLetter[]; next: string | null } | null>(null)
  const [gone, setGone] = useState<ReadonlySet<string>>(new Set())
  const [told, setTold] = useState<string | null>(null)
  const [asked, setAsked] = useState(false)
  const next = more ? more.next : (first.value?.next ?? null)
  const load = useChange(async (api) => {
    const page = await api.deadLetters({ pipeline_id: pipelineId, limit: PAGE, cursor: next ?? undefined })
    setMore({ items: [...(more?.items ?? []), ...page.items], next: page.next })
  })
  const all = useChange(async (api, what: 'retry' | 'discard') => {
    const { done, failed } = await sweep(api, what, pipelineId)
    setTold(`${count(done)} ${what === 'retry' ? 'are in the log now' : 'are gone'}${failed ? `, ${count(failed)} could not be` : ''}.`)
    setAsked(false)
    setMore(null)
    setGone(new Set())
    first.reload()
    onChanged()
  })
  const wentAway = (id: string) => {
    setGone(new Set(gone).add(id))
    onChanged()
  }
  if (asked)
    return (
      <ConfirmDialog title="Throw all dead letters away" action="Throw them away" pending={all.pending} error={all.error} onConfirm={() => void all.run('discard')} onClose={() => setAsked(false)}>
        <p>The records that could not be read go for good, with their bytes. They are counted as skipped from then on.</p>
      </ConfirmDialog>
    )
  return (
    <Dialog wide title="Dead letters" onClose={onClose}>
      {told && (
        <Notice tone="ok" className="mb-3">
          {told}
        </Notice>
      )}
      {all.error && (
        <Notice tone="bad" className="mb-3">
          {all.error.message}
        </Notice>
      )}
      <Shown of={first} what="The dead letters" isEmpty={(p) => !p.items.length} empty={<EmptyState title="None">Every record of this pipeline was read and stored.</EmptyState>}>
        {(page) => (
          <>
            {operator && (
              <div className="mb-2 flex justify-end gap-2">
                <Button disabled={all.pending} onClick={() => void all.run('retry')}>
                  <RotateCw className={all.pending ? 'size-3.5 animate-spin' : 'size-3.5'} aria-hidden />
                  Read all again
                </Button>
                <Button look="danger" disabled={all.pending} onClick={() => setAsked(true)}>
                  <Trash2 className="size-3.5" aria-hidden />
                  Throw all away
                </Button>
              </div>
            )}
            <ol className="divide-y border-t text-sm" aria-label="Dead letters, newest first">
              {[...page.items, ...(more?.items ?? [])]
                .filter((d) => !gone.has(d.id))
                .map((d) => (
                  <Letter key={d.id} letter={d} operator={operator} onGone={() => wentAway(d.id)} />
                ))}
            </ol>
            {next && (
              <div className="pt-3 text-center">
                {load.error && <p className="text-xs text-bad">{load.error.message}</p>}
                <Button onClick={() => void load.run()} disabled={load.pending}>
                  {load.pending ? 'Loading…' : 'Load older'}
                </Button>
              </div>
            )}
          </>
        )}
      </Shown>
    </Dialog>
  )
}

function Letter({ letter: d, operator, onGone }: { letter: DeadLetter; operator: boolean; onGone: () => void }) {
  const [open, setOpen] = useState(false)
  const change = useChange(async (api, what: 'retry' | 'discard') => {
    await (what === 'retry' ? api.retryDeadLetter(d.id) : api.discardDeadLetter(d.id))
    onGone()
  })
  return (
    <li data-letter={d.id} className="py-2">
      <div className="flex items-start gap-2">
        <div className="min-w-0 flex-1">
          <p className="break-words font-medium">{d.reason}</p>
          <p className="tnum break-all font-mono text-xs text-muted">
            {d.topic} / {d.partition} @ {count(d.offset)}
          </p>
          <p className="tnum text-xs text-faint" title={utc(d.created_at)}>
            {dateAndClock(d.created_at)}, key {bytes(d.key_bytes ?? 0)}, value {bytes(d.value_bytes ?? 0)}
          </p>
        </div>
        <Button look="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
          Bytes
        </Button>
        {operator && (
          <>
            <Button look="quiet" square disabled={change.pending} onClick={() => void change.run('retry')} aria-label={`Read ${d.topic} ${d.offset} again`} title="Read it again">
              <RotateCw className="size-4" aria-hidden />
            </Button>
            <Button look="quiet" square disabled={change.pending} onClick={() => void change.run('discard')} aria-label={`Throw ${d.topic} ${d.offset} away`} title="Throw it away">
              <Trash2 className="size-4" aria-hidden />
            </Button>
          </>
        )}
      </div>
      {change.error && <p className="mt-1 break-words text-xs text-bad">{change.error.message}</p>}
      {open && <Bytes id={d.id} />}
    </li>
  )
}

const SHOWN_MAX = 20_000 // characters

/** As text where it is text, else as base64. */
function readable(base64: string | null): string {
  if (base64 === null) return 'null'
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)))
    return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text
  } catch {
    return `base64: ${base64.slice(0, SHOWN_MAX)}`
  }
}

function Bytes({ id }: { id: string }) {
  const whole = useReading(`letter ${id}`, (api, call) => api.deadLetter(id, call))
  return (
    <Shown of={whole} what="The bytes" rows={2}>
      {(w) => (
        <dl className="mt-1 grid grid-cols-[auto_minmax(0,1fr)] gap-x-3 gap-y-1 text-xs">
          {(['key', 'value'] as const).map((part) => (
            <div key={part} className="contents">
              <dt className="text-muted">{part}</dt>
              <dd>
                <pre className="max-h-48 overflow-auto whitespace-pre-wrap break-all rounded bg-raised p-1.5 font-mono text-2xs" tabIndex={0}>
                  {readable(w[part])}
                </pre>
              </dd>
            </div>
          ))}
          {(w.headers?.length ?? 0) > 0 && (
            <>
              <dt className="text-muted">headers</dt>
              <dd className="break-all font-mono text-2xs">{JSON.stringify(w.headers)}</dd>
            </>
          )}
        </dl>
      )}
    </Shown>
  )
}
