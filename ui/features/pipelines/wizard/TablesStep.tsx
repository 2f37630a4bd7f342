'use client'

// Second: which tables, from the source's own catalogue.
import { KeyRound, TriangleAlert } from 'lucide-react'
import { useEffect, useMemo, useState } from 'react'
import { useFormContext, useWatch } from 'react-hook-form'
import { EmptyState } from '@/components/EmptyState'
import { Field } from '@/components/Field'
import { SearchField } from '@/components/SearchField'
import { Shown } from '@/components/Shown'
import { useReading } from '@/lib/api/useApi'
import type { DatabaseTable } from '@/lib/api/types'
import { bytes, count } from '@/lib/format'
import { topicsOf, warnings, type Draft } from './draft'

export function TablesStep() {
  const { control, setValue, formState, register } = useFormContext<Draft>()
  const [source, schema, chosen, all] = useWatch({ control, name: ['source_connection_id', 'source_schema', 'source_tables', 'all_tables'] })
  const schemas = useReading(source ? `schemas ${source}` : null, (api, call) => api.schemas(source, call))
  const tables = useReading(source && schema ? `tables ${source} ${schema}` : null, (api, call) => api.tables(source, schema, call))
  const fault = formState.errors.source_tables?.message

  // Nearly always there is one schema that matters: the one with tables, "public" before others.
  useEffect(() => {
    if (schema || !schemas.value?.length) return
    const best = [...schemas.value].sort((a, b) => Number(b.name === 'public') - Number(a.name === 'public') || b.tables - a.tables)[0]!
    setValue('source_schema', best.name)
  }, [schema, schemas.value, setValue])

  if (schemas.error?.status === 422)
    return (
      <Field label="Tables" error={fault} hint="This kind of database has no catalogue here. Names or schema.name, separated by commas; * stands for any letters">
        {(c) => (
          <textarea {...c} rows={4} className="field h-auto py-1.5 font-mono" defaultValue={chosen.join('\n')} onChange={(e) => setValue('source_tables', topicsOf(e.target.value), { shouldValidate: formState.isSubmitted })} />
        )}
      </Field>
    )
  return (
    <div className="grid gap-3">
      <Shown of={schemas} what="The schemas" rows={1} isEmpty={(s) => !s.length} empty={<EmptyState title="There is no schema that this user may see" />}>
        {(list) => (
          <div className="flex flex-wrap items-end gap-3">
            <Field label="Schema">
              {(c) => (
                <select
                  {...c}
                  className="field"
                  value={schema}
                  onChange={(e) => {
                    setValue('source_schema', e.target.value)
                    setValue('source_tables', [])
                  }}
                >
                  {list.map((s) => (
                    <option key={s.name} value={s.name} disabled={!s.usable}>
                      {s.name} ({count(s.tables)})
                    </option>
                  ))}
                </select>
              )}
            </Field>
            <label className="flex h-8 items-center gap-2 text-sm">
              <input type="checkbox" {...register('all_tables')} className="size-4 accent-current" />
              All tables of it
            </label>
          </div>
        )}
      </Shown>
      {fault && (
        <p role="alert" className="text-xs text-bad">
          {fault}
        </p>
      )}
      {schema && (
        <Shown of={tables} what="The tables" rows={6} isEmpty={(t) => !t.length} empty={<EmptyState title={`${schema} has no tables`} />}>
          {(list) => <Tables tables={list} chosen={chosen} all={all} onChoose={(names) => setValue('source_tables', names, { shouldValidate: formState.isSubmitted })} />}
        </Shown>
      )}
    </div>
  )
}

function Tables({ tables, chosen, all, onChoose }: { tables: DatabaseTable[]; chosen: string[]; all: boolean; onChoose: (names: string[]) => void }) {
  const [text, setText] = useState('')
  const shown = useMemo(() => tables.filter((t) => t.name.toLowerCase().includes(text.toLowerCase())), [tables, text])
  const has = new Set(chosen)
  const every = shown.length > 0 && shown.every((t) => has.has(t.name))
  const toggle = (name: string) => onChoose(has.has(name) ? chosen.filter((n) => n !== name) : [...chosen, name])
  const toggleAll = () => onChoose(every ? chosen.filter((n) => !shown.some((t) => t.name === n)) : [...new Set([...chosen, ...shown.map((t) => t.name)])])
  return (
    <div className="grid gap-2">
      <div className="flex flex-wrap items-center gap-3">
        <SearchField label="Search tables" value={text} onChange={setText} />
        <span className="tnum text-sm text-muted">{all ? `all ${count(tables.length)}, and those to come` : `${count(chosen.length)} of ${count(tables.length)} chosen`}</span>
      </div>
      <div className="max-h-[26rem] overflow-auto rounded-md border" tabIndex={0} role="region" aria-label="Tables of the schema">
        <table className="tnum w-full text-left text-sm">
          <thead className="sticky top-0 z-10 bg-surface text-xs text-muted shadow-[inset_0_-1px_oklch(var(--line))]">
            <tr>
              <th scope="col" className="w-9 px-2.5 py-1.5">
                <input type="checkbox" aria-label="Choose all that are shown" className="size-4 align-middle" checked={all || every} disabled={all} onChange={toggleAll} />
              </th>
              {['Table', 'Key', 'Rows, about', 'Size', 'Replica identity'].map((h, i) => (
                <th key={h} scope="col" className={`px-2.5 py-1.5 font-medium ${i === 2 || i === 3 ? 'text-right' : ''} ${i > 2 ? 'max-sm:hidden' : ''}`}>
                  {h}
                </th>
              ))}
            </tr>
          </thead>
          <tbody className="divide-y">
            {shown.map((t) => (
              <tr key={t.name} data-table={t.name} className="align-top">
                <td className="px-2.5 py-1.5">
                  <input type="checkbox" aria-label={`Take ${t.name}`} className="size-4 align-middle" checked={all || has.has(t.name)} disabled={all} onChange={() => toggle(t.name)} />
                </td>
                <td className="px-2.5 py-1.5">
                  <span className="font-mono text-xs">{t.name}</span>
                  <span className="ml-2 text-xs text-faint">
                    {count(t.columns.length)} columns{t.type === 'partitioned_table' && ', partitioned'}
                  </span>
                  {warnings(t).map((w) => (
                    <p key={w} className="flex items-start gap-1 text-xs text-warn">
                      <TriangleAlert className="mt-0.5 size-3 shrink-0" aria-hidden />
                      {w}
                    </p>
                  ))}
                </td>
                <td className="px-2.5 py-1.5 text-xs">
                  {t.primary_key.length > 0 && (
                    <span className="inline-flex items-center gap-1 font-mono">
                      <KeyRound className="size-3 text-faint" aria-hidden />
                      {t.primary_key.join(', ')}
                    </span>
                  )}
                </td>
                <td className="px-2.5 py-1.5 text-right">{count(t.estimated_rows)}</td>
                <td className="px-2.5 py-1.5 text-right max-sm:hidden">{bytes(t.size_bytes)}</td>
                <td className="px-2.5 py-1.5 text-xs text-muted max-sm:hidden">{t.replica_identity ?? '–'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  )
}
