'use client'

// First: where changes come from, and where they go.
import { CircleCheck, CircleDashed, CircleX, Plus } from 'lucide-react'
import { clsx } from 'clsx'
import dynamic from 'next/dynamic'
import { useState } from 'react'
import { useFormContext, useWatch } from 'react-hook-form'
import { Button } from '@/components/Button'
import { Field } from '@/components/Field'
import { useMay } from '@/features/auth/useMay'
import { selectConnections } from '@/features/connections/connectionSlice'
import { DATABASES } from '@/features/connections/form'
import type { Connection } from '@/lib/api/types'
import { useAppSelector } from '@/lib/store'
import type { Draft } from './draft'

/** Its form and the rules of it are loaded when somebody opens it. */
const ConnectionDialog = dynamic(() => import('@/features/connections/ConnectionDialog').then((all) => all.ConnectionDialog), { ssr: false })

export function EndsStep() {
  const { control, register, setValue, formState } = useFormContext<Draft>()
  const [engine, source, target] = useWatch({ control, name: ['engine', 'source_connection_id', 'target_connection_id'] })
  const faults = formState.errors
  const chooseSource = (id: string) => {
    if (id !== source) {
      setValue('source_schema', '')
      setValue('source_tables', [])
    }
    setValue('source_connection_id', id, { shouldValidate: formState.isSubmitted })
  }
  return (
    <div className="grid gap-4">
      <div role="radiogroup" aria-label="Who reads the source" className="grid gap-2 sm:grid-cols-2">
        {(
          [
            ['connect', 'A database', 'millrace copies its tables and runs the connectors.'],
            ['external', 'Topics that are there', 'Somebody else’s Debezium connector fills them.'],
          ] as const
        ).map(([value, title, words]) => (
          <Choice key={value} name="engine" checked={engine === value} onChoose={() => setValue('engine', value)} title={title}>
            {words}
          </Choice>
        ))}
      </div>
      {engine === 'external' ? (
        <div className="grid gap-3 sm:grid-cols-2">
          <Field label="Topics that begin with" error={faults.topic_prefix?.message} hint="The connector’s topic.prefix">
            {(c) => <input {...c} {...register('topic_prefix')} className="field font-mono" autoComplete="off" spellCheck={false} />}
          </Field>
          <Field label="Or exactly these topics" hint="Separated by commas or spaces">
            {(c) => <textarea {...c} {...register('kafka_topics')} rows={2} className="field h-auto py-1.5 font-mono" spellCheck={false} />}
          </Field>
        </div>
      ) : (
        <div className="grid gap-4 lg:grid-cols-2">
          <ConnectionChoice type="source" title="From" value={source} onChoose={chooseSource} fault={faults.source_connection_id?.message} />
          <ConnectionChoice type="target" title="To" value={target} onChoose={(id) => setValue('target_connection_id', id, { shouldValidate: formState.isSubmitted })} fault={faults.target_connection_id?.message} />
        </div>
      )}
    </div>
  )
}

export function Choice({ name, checked, onChoose, title, children }: { name: string; checked: boolean; onChoose: () => void; title: string; children: React.ReactNode }) {
  return (
    <label className={clsx('flex cursor-pointer items-start gap-2.5 rounded-md border px-3 py-2 has-[:focus-visible]:outline has-[:focus-visible]:outline-2 has-[:focus-visible]:outline-accent', checked ? 'border-accent bg-accent/10' : 'border-edge hover:bg-raised')}>
      <input type="radio" name={name} checked={checked} onChange={onChoose} className="mt-1 size-3.5 shrink-0 accent-current outline-none" />
      <span className="min-w-0">
        <span className="block text-sm font-medium">{title}</span>
        <span className="block text-xs text-muted">{children}</span>
      </span>
    </label>
  )
}

function ConnectionChoice({ type, title, value, onChoose, fault }: { type: 'source' | 'target'; title: string; value: string; onChoose: (id: string) => void; fault?: string }) {
  const { connections, loaded } = useAppSelector(selectConnections)
  const [adding, setAdding] = useState(false)
  const admin = useMay('admin')
  const mine = connections.filter((c) => c.connection_type === type).sort((a, b) => a.name.localeCompare(b.name))
  return (
    <section aria-label={`${title}: a ${type}`} className="grid content-start gap-2">
      <div className="flex items-center justify-between">
        <h3 className="text-sm font-semibold">{title}</h3>
        {admin && (
          <Button look="quiet" onClick={() => setAdding(true)}>
            <Plus className="size-3.5" aria-hidden />
            New {type}
          </Button>
        )}
      </div>
      {fault && (
        <p role="alert" className="text-xs text-bad">
          {fault}
        </p>
      )}
      <div role="radiogroup" aria-label={title} className="grid gap-2">
        {mine.map((c) => (
          <Choice key={c.id} name={type} checked={c.id === value} onChoose={() => onChoose(c.id)} title={c.name}>
            {DATABASES[c.database_type]?.label}, {c.host}:{c.port}/{c.database}
            <Tried c={c} />
          </Choice>
        ))}
        {loaded && !mine.length && <p className="rounded-md bg-raised px-3 py-3 text-sm text-muted">No {type} yet: add one.</p>}
      </div>
      {adding && <ConnectionDialog type={type} onClose={() => setAdding(false)} onSaved={(c) => onChoose(c.id)} />}
    </section>
  )
}

function Tried({ c }: { c: Connection }) {
  const [Icon, look, words] =
    c.last_test_status === 'success' ? [CircleCheck, 'text-ok', 'worked when it was last tested'] : c.last_test_status === 'failed' ? [CircleX, 'text-bad', 'failed when it was last tested'] : [CircleDashed, 'text-faint', 'never tested']
  return (
    <span className={clsx('mt-0.5 flex items-center gap-1', look)}>
      <Icon className="size-3" aria-hidden />
      {words}
    </span>
  )
}
