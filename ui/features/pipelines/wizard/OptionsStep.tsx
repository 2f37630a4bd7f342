'use client'

// Third: what to do with the tables, and what to call it.
import { useEffect } from 'react'
import { useFormContext, useWatch } from 'react-hook-form'
import { Field } from '@/components/Field'
import { selectConnections } from '@/features/connections/connectionSlice'
import { useAppSelector } from '@/lib/store'
import { MODES } from '../commands'
import { POLICIES, type Draft } from './draft'
import { Choice } from './EndsStep'

export function OptionsStep() {
  const { control, register, setValue, getValues, formState } = useFormContext<Draft>()
  const [engine, mode, source, target] = useWatch({ control, name: ['engine', 'mode', 'source_connection_id', 'target_connection_id'] })
  const { connections } = useAppSelector(selectConnections)
  const faults = formState.errors
  useEffect(() => {
    if (getValues('name')) return
    const name = (id: string) => connections.find((c) => c.id === id)?.name
    const [from, to] = [name(source), name(target)]
    if (from && to) setValue('name', `${from} to ${to}`.slice(0, 128))
  }, [connections, source, target, getValues, setValue])
  return (
    <div className="grid gap-4">
      {engine === 'connect' && (
        <div role="radiogroup" aria-label="Mode" className="grid gap-2 lg:grid-cols-3">
          {(['full_load_and_cdc', 'cdc_only', 'full_load_only'] as const).map((m) => (
            <Choice key={m} name="mode" checked={mode === m} onChoose={() => setValue('mode', m)} title={MODES[m].label}>
              {MODES[m].long}
            </Choice>
          ))}
        </div>
      )}
      <div className="grid gap-3 sm:grid-cols-2">
        <Field label="Name" error={faults.name?.message}>
          {(c) => <input {...c} {...register('name')} className="field" autoComplete="off" />}
        </Field>
        <Field label="Tags" hint="Separated by commas">
          {(c) => <input {...c} {...register('tags')} className="field" autoComplete="off" />}
        </Field>
        <Field label="Description" error={faults.description?.message} className="sm:col-span-2">
          {(c) => <textarea {...c} {...register('description')} rows={2} className="field h-auto py-1.5" />}
        </Field>
        {engine === 'connect' && (
          <>
            <Field label="Schema in the target" error={faults.target_schema?.message} hint="None: the same as in the source">
              {(c) => <input {...c} {...register('target_schema')} className="field font-mono" autoComplete="off" spellCheck={false} />}
            </Field>
            <Field label="When a table of the source changes its columns">
              {(c) => (
                <select {...c} {...register('schema_change_policy')} className="field">
                  {Object.entries(POLICIES).map(([key, text]) => (
                    <option key={key} value={key}>
                      {text}
                    </option>
                  ))}
                </select>
              )}
            </Field>
            <label className="flex items-center gap-2 text-sm">
              <input type="checkbox" {...register('auto_create_target')} className="size-4 accent-current" />
              Make the tables in the target
            </label>
            <label className="flex items-center gap-2 text-sm">
              <input type="checkbox" {...register('cdc_metadata_columns')} className="size-4 accent-current" />
              Add columns that say when and how a row was changed
            </label>
          </>
        )}
      </div>
    </div>
  )
}
