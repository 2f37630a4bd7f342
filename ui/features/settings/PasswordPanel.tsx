'use client'

import { zodResolver } from '@hookform/resolvers/zod'
import { useState } from 'react'
import { useForm } from 'react-hook-form'
import { Button } from '@/components/Button'
import { Field } from '@/components/Field'
import { Notice } from '@/components/Notice'
import { useChange } from '@/lib/api/useApi'
import { ownPasswordForm } from './form'

interface Form {
  current: string
  next: string
  again: string
}
const FIELDS = [
  ['current', 'Password now', 'current-password'],
  ['next', 'New password', 'new-password'],
  ['again', 'New password, again', 'new-password'],
] as const

export function PasswordPanel() {
  const { register, handleSubmit, formState, reset } = useForm<Form>({ resolver: zodResolver(ownPasswordForm), defaultValues: { current: '', next: '', again: '' } })
  const [done, setDone] = useState(false)
  const change = useChange(async (api, f: Form) => {
    setDone(false)
    await api.changePassword(f.current, f.next)
    reset()
    setDone(true)
  })
  return (
    <form noValidate className="card grid max-w-md gap-3 p-4" onSubmit={handleSubmit((f) => change.run(f))}>
      {FIELDS.map(([name, label, complete]) => (
        <Field key={name} label={label} error={formState.errors[name]?.message}>
          {(c) => <input {...c} {...register(name)} type="password" className="field" autoComplete={complete} />}
        </Field>
      ))}
      {change.error && <Notice tone="bad">{change.error.message}</Notice>}
      {done && <Notice tone="ok">Changed. Other sessions have to sign in again.</Notice>}
      <Button type="submit" look="primary" className="justify-self-end" disabled={change.pending}>
        Change it
      </Button>
    </form>
  )
}
