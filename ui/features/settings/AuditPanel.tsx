'use client'

import { LoaderCircle, ShieldCheck } from 'lucide-react'
import { useDeferredValue, useState } from 'react'
import { Button } from '@/components/Button'
import { Field } from '@/components/Field'
import { Notice } from '@/components/Notice'
import type { AuditCheck } from '@/lib/api/types'
import { useChange } from '@/lib/api/useApi'
import { count } from '@/lib/format'
import { useUrlState } from '@/lib/useUrlState'
import { AuditList } from './AuditList'

const TYPES = ['pipeline', 'connection', 'user', 'api_key']

export function AuditPanel() {
  const [url, setUrl] = useUrlState({ actor: '', action: '', resource_type: '' })
  const wanted = useDeferredValue(url)
  const [found, setFound] = useState<AuditCheck | null>(null)
  const verify = useChange(async (api) => setFound(await api.verifyAudit()))
  const query = Object.fromEntries(Object.entries(wanted).filter(([, v]) => v))
  return (
    <>
      <div className="flex flex-wrap items-end gap-3">
        <Field label="Who">{(c) => <input {...c} className="field w-36" value={url.actor} onChange={(e) => setUrl({ actor: e.target.value })} autoComplete="off" />}</Field>
        <Field label="What">{(c) => <input {...c} className="field w-44 font-mono" placeholder="pipeline.start" value={url.action} onChange={(e) => setUrl({ action: e.target.value })} autoComplete="off" />}</Field>
        <Field label="Of what kind">
          {(c) => (
            <select {...c} className="field" value={url.resource_type} onChange={(e) => setUrl({ resource_type: e.target.value })}>
              <option value="">Everything</option>
              {TYPES.map((t) => (
                <option key={t} value={t}>
                  {t.replace('_', ' ')}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Button className="ml-auto" onClick={() => void verify.run()} disabled={verify.pending}>
          {verify.pending ? <LoaderCircle className="size-3.5 animate-spin" aria-hidden /> : <ShieldCheck className="size-3.5" aria-hidden />}
          Verify the chain
        </Button>
      </div>
      {verify.error && <Notice tone="bad">{verify.error.message}</Notice>}
      {found && (
        <Notice tone={found.intact ? 'ok' : 'bad'}>
          {found.intact ? `All ${count(found.entries)} entries are as they were written.` : `Entry ${found.first_broken_id} is not as it was written, or one before it is missing.`}
        </Notice>
      )}
      <AuditList query={query} />
    </>
  )
}
