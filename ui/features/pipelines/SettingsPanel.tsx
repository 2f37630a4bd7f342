'use client'

// What a pipeline was told to be, and what of that can be changed while it is there.
import { LoaderCircle } from 'lucide-react'
import type { ReactNode } from 'react'
import { useForm } from 'react-hook-form'
import { Button } from '@/components/Button'
import { Field } from '@/components/Field'
import { Notice } from '@/components/Notice'
import { useMay } from '@/features/auth/useMay'
import { useChange } from '@/lib/api/useApi'
import type { Pipeline } from '@/lib/api/types'
import { dateAndClock } from '@/lib/format'
import { useAppDispatch } from '@/lib/store'
import { MODES } from './commands'
import { updatePipeline } from './pipelineSlice'
import { POLICIES, tagsOf } from './wizard/draft'

interface Form {
  name: string
  description: string
  tags: string
  schema_change_policy: NonNullable<Pipeline['schema_change_policy']>
}

export function SettingsPanel({ pipeline: p }: { pipeline: Pipeline }) {
  const dispatch = useAppDispatch()
  const admin = useMay('admin')
  const now: Form = { name: p.name, description: p.description, tags: p.tags.join(', '), schema_change_policy: p.schema_change_policy ?? 'evolve' }
  const { register, handleSubmit, formState, reset } = useForm<Form>({ values: now, resetOptions: { keepDirtyValues: true } })
  const change = useChange(async (_api, f: Form) => {
    const kept = await dispatch(updatePipeline({ id: p.id, change: { ...f, name: f.name.trim(), tags: tagsOf(f.tags) } })).unwrap()
    reset({ ...f, name: kept.name, tags: kept.tags.join(', ') })
  })
  return (
    <div className="grid items-start gap-3 lg:grid-cols-2">
      <dl className="card grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1.5 p-3.5 text-sm">
        <Fact name="Mode">{MODES[p.mode].label}</Fact>
        <Fact name="Engine">{p.engine === 'connect' ? 'Connectors of its own' : 'Connector of somebody else'}</Fact>
        <Fact name="Source schema">{p.source_schema}</Fact>
        <Fact name="Tables">{p.source_tables?.length ? p.source_tables.join(', ') : p.engine === 'connect' ? 'all' : null}</Fact>
        <Fact name="Target schema">{p.target_schema}</Fact>
        <Fact name="Topics">{p.topic_prefix ? `${p.topic_prefix}…` : p.kafka_topics.join(', ')}</Fact>
        <Fact name="Slot">{p.slot_name}</Fact>
        <Fact name="Publication">{p.publication_name}</Fact>
        <Fact name="Source connector">{p.debezium_connector_name}</Fact>
        <Fact name="Sink connector">{p.sink_connector_name}</Fact>
        <Fact name="Snapshot at">{p.full_load_lsn}</Fact>
        <Fact name="Created">
          {dateAndClock(p.created_at)}
          {p.created_by && ` by ${p.created_by}`}
        </Fact>
        <Fact name="Id">{p.id}</Fact>
      </dl>
      <form className="card grid gap-3 p-3.5" onSubmit={handleSubmit((f) => change.run(f))}>
        <fieldset disabled={!admin} className="grid gap-3">
          <Field label="Name">{(c) => <input {...c} {...register('name', { required: true })} maxLength={128} className="field" />}</Field>
          <Field label="Description">{(c) => <textarea {...c} {...register('description')} rows={2} className="field h-auto py-1.5" />}</Field>
          <Field label="Tags" hint="Separated by commas">
            {(c) => <input {...c} {...register('tags')} className="field" />}
          </Field>
          {p.engine === 'connect' && (
            <Field label="When a table of the source changes its columns">
              {(c) => (
                <select {...c} {...register('schema_change_policy')} className="field">
                  {Object.entries(POLICIES).map(([key, words]) => (
                    <option key={key} value={key}>
                      {words}
                    </option>
                  ))}
                </select>
              )}
            </Field>
          )}
        </fieldset>
        {change.error && <Notice tone="bad">{change.error.message}</Notice>}
        {admin ? (
          <Button type="submit" look="primary" className="justify-self-end" disabled={!formState.isDirty || change.pending}>
            {change.pending && <LoaderCircle className="size-3.5 animate-spin" aria-hidden />}
            Save
          </Button>
        ) : (
          <p className="text-xs text-muted">An administrator can change these.</p>
        )}
      </form>
    </div>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  if (children === null || children === undefined || children === '') return null
  return (
    <>
      <dt className="text-muted">{name}</dt>
      <dd className="min-w-0 break-words">{children}</dd>
    </>
  )
}
