'use client'

// Records that could not be read or stored: which, and why. They are kept whole by the server.
import { useState } from 'react'
import { Button } from '@/components/Button'
import { Dialog } from '@/components/Dialog'
import { EmptyState } from '@/components/EmptyState'
import { Shown } from '@/components/Shown'
import type { DeadLetter } from '@/lib/api/types'
import { useChange, useReading } from '@/lib/api/useApi'
import { bytes, count, dateAndClock, utc } from '@/lib/format'

const PAGE = 50

export function DeadLetters({ pipelineId, onClose }: { pipelineId: string; onClose: () => void }) {
  const first = useReading(`letters ${pipelineId}`, (api, call) => api.deadLetters({ pipeline_id: pipelineId, limit: PAGE }, call))
  const [more, setMore] = useState<{ items: DeadLetter[]; next: string | null } | null>(null)
  const next = more ? more.next : (first.value?.next ?? null)
  const load = useChange(async (api) => {
    const page = await api.deadLetters({ pipeline_id: pipelineId, limit: PAGE, cursor: next ?? undefined })
    setMore({ items: [...(more?.items ?? []), ...page.items], next: page.next })
  })
  return (
    <Dialog wide title="Dead letters" onClose={onClose}>
      <Shown of={first} what="The dead letters" isEmpty={(p) => !p.items.length} empty={<EmptyState title="None">Every record of this pipeline was read and stored.</EmptyState>}>
        {(page) => (
          <>
            <ol className="divide-y text-sm" aria-label="Dead letters, newest first">
              {[...page.items, ...(more?.items ?? [])].map((d) => (
                <li key={d.id} data-letter={d.id} className="py-2">
                  <p className="break-words font-medium">{d.reason}</p>
                  <p className="tnum break-all font-mono text-xs text-muted">
                    {d.topic} / {d.partition} @ {count(d.offset)}
                  </p>
                  <p className="tnum text-xs text-faint" title={utc(d.created_at)}>
                    {dateAndClock(d.created_at)}, key {bytes(d.key_bytes ?? 0)}, value {bytes(d.value_bytes ?? 0)}
                  </p>
                </li>
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
