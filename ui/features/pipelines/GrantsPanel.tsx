'use client'

// Who may do what with this pipeline alone, beside the role that everybody has anyway.
import { LoaderCircle, Plus, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { Button } from '@/components/Button'
import { Notice } from '@/components/Notice'
import { Shown } from '@/components/Shown'
import { useChange, useReading } from '@/lib/api/useApi'
import type { Grant } from '@/lib/api/types'
import { dateAndClock } from '@/lib/format'

const ROLES = { none: 'may not see it', viewer: 'may look', operator: 'may start and stop', admin: 'may do everything' } as const

export function GrantsPanel({ id }: { id: string }) {
  const grants = useReading(`${id} grants`, (api, call) => api.pipelineGrants(id, call))
  const users = useReading('users', (api, call) => api.users(call))
  const [who, setWho] = useState('')
  const [role, setRole] = useState<Grant['role']>('viewer')
  const change = useChange(async (api, next: Grant[]) => {
    await api.grantPipeline(id, next)
    setWho('')
    grants.reload()
  })
  return (
    <Shown of={grants} what="The permissions">
      {({ grants: all }) => {
        const now = all.map(({ username, role: r }) => ({ username, role: r }))
        const others = (users.value ?? []).filter((u) => !all.some((g) => g.username === u.username))
        return (
          <div className="card grid gap-3 p-3.5">
            <p className="text-sm text-muted">A grant replaces a user’s role for this pipeline: more, less, or nothing at all. Administrators keep theirs.</p>
            {change.error && <Notice tone="bad">{change.error.message}</Notice>}
            <ul className="divide-y">
              {all.map((g) => (
                <li key={g.user_id} data-grant={g.username} className="flex flex-wrap items-center gap-2 py-1.5 text-sm">
                  <span className="min-w-32 font-medium">{g.username}</span>
                  <select
                    aria-label={`Role of ${g.username}`}
                    className="field"
                    value={g.role}
                    disabled={change.pending}
                    onChange={(e) => void change.run(now.map((x) => (x.username === g.username ? { ...x, role: e.target.value as Grant['role'] } : x)))}
                  >
                    {Object.entries(ROLES).map(([r, words]) => (
                      <option key={r} value={r}>
                        {r}: {words}
                      </option>
                    ))}
                  </select>
                  <span className="text-xs text-faint">
                    by {g.granted_by}, {dateAndClock(g.granted_at)}
                  </span>
                  <Button look="quiet" square className="ml-auto" aria-label={`Take back the grant of ${g.username}`} disabled={change.pending} onClick={() => void change.run(now.filter((x) => x.username !== g.username))}>
                    <Trash2 className="size-4" aria-hidden />
                  </Button>
                </li>
              ))}
              {!all.length && <li className="py-1.5 text-sm text-faint">No grants: everybody has the role that they have.</li>}
            </ul>
            <form
              className="flex flex-wrap items-end gap-2"
              onSubmit={(e) => {
                e.preventDefault()
                if (who) void change.run([...now, { username: who, role }])
              }}
            >
              <select aria-label="User" className="field" value={who} onChange={(e) => setWho(e.target.value)}>
                <option value="">Choose a user…</option>
                {others.map((u) => (
                  <option key={u.id}>{u.username}</option>
                ))}
              </select>
              <select aria-label="Role" className="field" value={role} onChange={(e) => setRole(e.target.value as Grant['role'])}>
                {Object.entries(ROLES).map(([r, words]) => (
                  <option key={r} value={r}>
                    {r}: {words}
                  </option>
                ))}
              </select>
              <Button type="submit" disabled={!who || change.pending}>
                {change.pending ? <LoaderCircle className="size-3.5 animate-spin" aria-hidden /> : <Plus className="size-3.5" aria-hidden />}
                Grant
              </Button>
            </form>
          </div>
        )
      }}
    </Shown>
  )
}
