'use client'

// Keys for machines. The key itself is seen once, here, and nowhere else.
import { Check, Copy, Plus } from 'lucide-react'
import { useState } from 'react'
import { useForm } from 'react-hook-form'
import { Badge } from '@/components/Badge'
import { Button } from '@/components/Button'
import { ConfirmDialog } from '@/components/ConfirmDialog'
import { Dialog } from '@/components/Dialog'
import { EmptyState } from '@/components/EmptyState'
import { Field } from '@/components/Field'
import { Notice } from '@/components/Notice'
import { Shown } from '@/components/Shown'
import type { ApiKey } from '@/lib/api/types'
import { useChange, useReading } from '@/lib/api/useApi'
import { ago, dateAndClock, utc } from '@/lib/format'
import { useCopy, useNow } from '@/lib/hooks'

const SCOPES = [
  ['monitoring:read', 'events, counts, states'],
  ['pipelines:read', 'pipelines'],
  ['pipelines:operate', 'start and stop pipelines'],
  ['pipelines:write', 'make, change and delete pipelines'],
  ['connections:read', 'connections and their catalogues'],
  ['connections:write', 'make, change and delete connections'],
  ['metrics:read', 'the server’s metrics'],
  ['audit:read', 'the audit log'],
  ['*:read', 'everything, to look at'],
  ['*:write', 'everything'],
] as const
const DAYS = [
  ['', 'never'],
  ['30', 'in 30 days'],
  ['90', 'in 90 days'],
  ['365', 'in a year'],
] as const
const DAY_MS = 86_400_000

export function KeysPanel() {
  const keys = useReading('keys', (api, call) => api.apiKeys(call))
  const now = useNow(5000)
  const [adding, setAdding] = useState(false)
  const [ending, setEnding] = useState<ApiKey | null>(null)
  return (
    <>
      <div className="flex items-center justify-between gap-2">
        <p className="text-sm text-muted">A key acts for who made it, within its scopes.</p>
        <Button look="primary" onClick={() => setAdding(true)}>
          <Plus className="size-3.5" aria-hidden />
          New key
        </Button>
      </div>
      <Shown of={keys} what="The keys" isEmpty={(all) => !all.length} empty={<EmptyState title="No keys yet">Make one for a script or a service, so that it needs nobody’s password.</EmptyState>}>
        {(all) => (
          <ul className="card divide-y">
            {all.map((k) => (
              <li key={k.id} data-key={k.name} className="flex flex-wrap items-center gap-x-3 gap-y-1 px-3.5 py-2 text-sm">
                <div className="min-w-40 flex-1">
                  <span className="font-medium">{k.name}</span> <span className="font-mono text-xs text-muted">{k.prefix}…</span> <State k={k} now={now} />
                  <p className="break-words text-xs text-faint">
                    {k.username && `${k.username}, `}
                    {k.scopes.join(', ')}
                  </p>
                </div>
                <span className="tnum text-xs text-muted" title={utc(k.last_used_at)}>
                  {k.last_used_at ? `used ${ago(Date.parse(k.last_used_at), now)}` : 'never used'}
                  {k.expires_at && `, ends ${dateAndClock(k.expires_at)}`}
                </span>
                {!k.revoked_at && (
                  <Button onClick={() => setEnding(k)} aria-label={`End ${k.name}`}>
                    End
                  </Button>
                )}
              </li>
            ))}
          </ul>
        )}
      </Shown>
      {adding && (
        <NewKey
          onClose={() => {
            setAdding(false)
            keys.reload()
          }}
        />
      )}
      {ending && (
        <Ending
          k={ending}
          onClose={() => {
            setEnding(null)
            keys.reload()
          }}
        />
      )}
    </>
  )
}

function State({ k, now }: { k: ApiKey; now: number }) {
  if (k.revoked_at) return <Badge tone="muted">Ended</Badge>
  if (k.expires_at && Date.parse(k.expires_at) < now) return <Badge tone="muted">Expired</Badge>
  return <Badge tone="ok">Valid</Badge>
}

interface Form {
  name: string
  scopes: string[]
  days: string
}

function NewKey({ onClose }: { onClose: () => void }) {
  const { register, handleSubmit, formState } = useForm<Form>({ defaultValues: { name: '', scopes: [], days: '90' } })
  const [made, setMade] = useState<string | null>(null)
  const add = useChange(async (api, f: Form) => {
    const expires_at = f.days ? new Date(Date.now() + Number(f.days) * DAY_MS).toISOString() : null
    setMade((await api.createApiKey({ name: f.name.trim(), scopes: f.scopes, expires_at })).key)
  })
  return (
    <Dialog title="New key" onClose={onClose}>
      {made ? (
        <Made secret={made} onClose={onClose} />
      ) : (
        <form noValidate className="grid gap-3" onSubmit={handleSubmit((f) => add.run(f))}>
          <Field label="Name" error={formState.errors.name && 'The name is missing'} hint="Who or what will use it">
            {(c) => <input {...c} {...register('name', { validate: (v) => v.trim() !== '' })} maxLength={128} className="field" autoComplete="off" />}
          </Field>
          <fieldset className="grid gap-1.5">
            <legend className="label mb-1">Scopes</legend>
            {SCOPES.map(([scope, words]) => (
              <label key={scope} className="flex items-center gap-2 text-sm">
                <input type="checkbox" value={scope} {...register('scopes', { validate: (v) => v.length > 0 })} className="size-4 accent-current" />
                <span className="font-mono text-xs">{scope}</span>
                <span className="text-xs text-muted">{words}</span>
              </label>
            ))}
            {formState.errors.scopes && <p className="text-xs text-bad">Choose at least one</p>}
          </fieldset>
          <Field label="Ends">
            {(c) => (
              <select {...c} {...register('days')} className="field">
                {DAYS.map(([days, words]) => (
                  <option key={words} value={days}>
                    {words}
                  </option>
                ))}
              </select>
            )}
          </Field>
          {add.error && <Notice tone="bad">{add.error.message}</Notice>}
          <div className="flex justify-end gap-2">
            <Button onClick={onClose}>Cancel</Button>
            <Button type="submit" look="primary" disabled={add.pending}>
              Make it
            </Button>
          </div>
        </form>
      )}
    </Dialog>
  )
}

function Made({ secret, onClose }: { secret: string; onClose: () => void }) {
  const { copy, done } = useCopy()
  return (
    <div className="grid gap-3">
      <Notice tone="warn">This is the only time that the key is shown. Keep it now.</Notice>
      <code data-secret className="break-all rounded-md bg-raised px-3 py-2 font-mono text-sm">
        {secret}
      </code>
      <div className="flex justify-end gap-2">
        <Button onClick={() => copy(secret)}>
          {done ? <Check className="size-3.5" aria-hidden /> : <Copy className="size-3.5" aria-hidden />}
          {done ? 'Copied' : 'Copy'}
        </Button>
        <Button look="primary" onClick={onClose}>
          I have it
        </Button>
      </div>
    </div>
  )
}

function Ending({ k, onClose }: { k: ApiKey; onClose: () => void }) {
  const end = useChange(async (api) => {
    await api.deleteApiKey(k.id)
    onClose()
  })
  return (
    <ConfirmDialog title="End a key" action="End it" pending={end.pending} error={end.error} onConfirm={() => void end.run()} onClose={onClose}>
      <p>
        Whoever uses <strong className="font-medium">{k.name}</strong> ({k.prefix}…) is refused from now on.
      </p>
    </ConfirmDialog>
  )
}
