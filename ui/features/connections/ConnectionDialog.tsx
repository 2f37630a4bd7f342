'use client'

// A connection's form. A new one is tried before it is kept, and what was found is shown; one that
// does not work yet can be kept all the same. One that is there is kept first and then tried, for its
// password is with the server alone.
import { zodResolver } from '@hookform/resolvers/zod'
import { LoaderCircle } from 'lucide-react'
import { useState } from 'react'
import { useForm, useWatch } from 'react-hook-form'
import { Button } from '@/components/Button'
import { Checklist } from '@/components/Checklist'
import { Dialog } from '@/components/Dialog'
import { Field } from '@/components/Field'
import { Notice } from '@/components/Notice'
import { useApi } from '@/lib/api/useApi'
import type { Connection, ConnectionTest } from '@/lib/api/types'
import { failureOf, type Failure } from '@/lib/failure'
import { useAppDispatch } from '@/lib/store'
import { createConnection, fetchConnections, updateConnection } from './connectionSlice'
import { bodyOf, connectionForm, DATABASES, emptyForm, formOf, SSL_MODES, TYPES, type ConnectionForm } from './form'

export interface ConnectionDialogProps {
  connection?: Connection // to change; none: a new one
  type?: 'source' | 'target'
  onClose: () => void
  onSaved?: (connection: Connection) => void
}

export function ConnectionDialog({ connection, type, onClose, onSaved }: ConnectionDialogProps) {
  const api = useApi()
  const dispatch = useAppDispatch()
  const [step, setStep] = useState<'trying' | 'keeping' | null>(null)
  const [found, setFound] = useState<{ test: ConnectionTest; of: string } | null>(null)
  const [error, setError] = useState<Failure | null>(null)
  const form = useForm<ConnectionForm>({
    resolver: zodResolver(connectionForm),
    defaultValues: connection ? formOf(connection) : emptyForm(type),
  })
  const { register, setValue, formState } = form
  const values = useWatch({ control: form.control })
  const kind = values.database_type ?? 'postgresql'
  const faults = formState.errors
  const now = JSON.stringify(values)
  const triedThis = found?.of === now ? found.test : null // what was tried is not what stands there any more

  const attempt = async (work: () => Promise<void>, doing: typeof step) => {
    setStep(doing)
    setError(null)
    try {
      await work()
    } catch (e) {
      setError(failureOf(e))
    } finally {
      setStep(null)
    }
  }
  const tryIt = (f: ConnectionForm) =>
    attempt(async () => setFound({ test: await api.testNewConnection(bodyOf(f, true)), of: now }), 'trying')
  const keepNew = (f: ConnectionForm) =>
    attempt(async () => {
      const kept = await dispatch(createConnection(bodyOf(f, true))).unwrap()
      // What was found is kept with a connection that is there: once more, while nobody waits for it.
      void api.testConnection(kept.id).then(
        () => dispatch(fetchConnections()),
        () => {},
      )
      onSaved?.(kept)
      onClose()
    }, 'keeping')
  const keepChanged = (c: Connection, f: ConnectionForm) =>
    attempt(async () => {
      const kept = await dispatch(updateConnection({ id: c.id, change: bodyOf(f, false) })).unwrap()
      onSaved?.(kept)
      const test = await api.testConnection(c.id)
      void dispatch(fetchConnections())
      if (test.success) onClose()
      else setFound({ test, of: now })
    }, 'keeping')

  const submit = form.handleSubmit((f) => (connection ? keepChanged(connection, f) : triedThis ? keepNew(f) : tryIt(f)))
  const words = connection ? 'Save and test' : !triedThis ? 'Test' : triedThis.success ? 'Save' : 'Save anyway'

  const choose = (next: ConnectionForm['database_type']) => {
    if (values.port === DATABASES[kind].port) setValue('port', DATABASES[next].port)
    setValue('database_type', next)
  }

  return (
    <Dialog wide title={connection ? `Change ${connection.name}` : type ? `New ${type} connection` : 'New connection'} onClose={onClose}>
      <form onSubmit={submit} noValidate className="grid gap-3 sm:grid-cols-6">
        <Field label="Name" error={faults.name?.message} className="sm:col-span-3">
          {(c) => <input {...c} {...register('name')} className="field" autoComplete="off" />}
        </Field>
        <Field label="Used as" className="sm:col-span-1">
          {(c) => (
            <select {...c} {...register('connection_type')} className="field" disabled={!!type}>
              <option value="source">Source</option>
              <option value="target">Target</option>
            </select>
          )}
        </Field>
        <Field label="Kind" className="sm:col-span-2">
          {(c) => (
            <select {...c} className="field" value={kind} onChange={(e) => choose(e.target.value as ConnectionForm['database_type'])}>
              {TYPES.map((t) => (
                <option key={t} value={t}>
                  {DATABASES[t].label}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Host" error={faults.host?.message} className="sm:col-span-4">
          {(c) => <input {...c} {...register('host')} className="field font-mono" autoComplete="off" spellCheck={false} />}
        </Field>
        <Field label="Port" error={faults.port?.message} className="sm:col-span-2">
          {(c) => <input {...c} {...register('port', { valueAsNumber: true })} className="field tnum" inputMode="numeric" autoComplete="off" />}
        </Field>
        <Field label={DATABASES[kind].database} error={faults.database?.message} className="sm:col-span-3">
          {(c) => <input {...c} {...register('database')} className="field font-mono" autoComplete="off" spellCheck={false} />}
        </Field>
        <Field label="Schema" error={faults.schema?.message} hint="None: the database's usual one" className="sm:col-span-3">
          {(c) => <input {...c} {...register('schema')} className="field font-mono" autoComplete="off" spellCheck={false} />}
        </Field>
        <Field label="User" error={faults.username?.message} className="sm:col-span-3">
          {(c) => <input {...c} {...register('username')} className="field font-mono" autoComplete="off" spellCheck={false} />}
        </Field>
        <Field
          label="Password"
          error={faults.password?.message}
          hint={connection?.has_password ? 'Empty: it stays as it is' : 'Stored encrypted; never shown again'}
          className="sm:col-span-3"
        >
          {(c) => <input {...c} {...register('password')} type="password" className="field" autoComplete="new-password" />}
        </Field>
        <Field label="TLS" className="sm:col-span-2">
          {(c) => (
            <select {...c} {...register('ssl_mode')} className="field">
              {SSL_MODES.map((m) => (
                <option key={m}>{m}</option>
              ))}
            </select>
          )}
        </Field>
        {(values.ssl_mode === 'verify-ca' || values.ssl_mode === 'verify-full') && (
          <Field label="Root certificate (PEM)" error={faults.ssl_root_cert?.message} className="sm:col-span-4">
            {(c) => <textarea {...c} {...register('ssl_root_cert')} rows={3} className="field h-auto py-1.5 font-mono text-xs" spellCheck={false} />}
          </Field>
        )}

        <div className="grid gap-3 sm:col-span-6" aria-live="polite">
          {error && <Notice tone="bad">{error.message}</Notice>}
          {triedThis && (
            <>
              <Notice tone={triedThis.success ? 'ok' : 'bad'}>
                {connection && !triedThis.success && 'Saved, but it does not work: '}
                {triedThis.message}
              </Notice>
              <Checklist checks={triedThis.checks} label="What was checked" />
            </>
          )}
        </div>

        <div className="flex items-center justify-end gap-2 sm:col-span-6">
          <Button onClick={onClose}>{connection && triedThis ? 'Close' : 'Cancel'}</Button>
          {!connection && triedThis && (
            <Button onClick={() => void form.handleSubmit(tryIt)()} disabled={step !== null}>
              Test again
            </Button>
          )}
          <Button type="submit" look="primary" disabled={step !== null}>
            {step && <LoaderCircle className="size-3.5 animate-spin" aria-hidden />}
            {step === 'trying' ? 'Testing…' : step === 'keeping' ? 'Saving…' : words}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
