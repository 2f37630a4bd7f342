'use client'

// Who may sign in, and as what.
import { KeyRound, Plus, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { useForm } from 'react-hook-form'
import { zodResolver } from '@hookform/resolvers/zod'
import { Badge } from '@/components/Badge'
import { Button } from '@/components/Button'
import { ConfirmDialog } from '@/components/ConfirmDialog'
import { Dialog } from '@/components/Dialog'
import { Field } from '@/components/Field'
import { Notice } from '@/components/Notice'
import { Shown } from '@/components/Shown'
import { selectAuth } from '@/features/auth/authSlice'
import type { NewUser, Role, UserChange, UserRecord } from '@/lib/api/types'
import { useChange, useReading } from '@/lib/api/useApi'
import { dateAndClock } from '@/lib/format'
import { useAppSelector } from '@/lib/store'
import { newUserForm, passwordForm } from './form'

export const ROLES: Record<Role, string> = { viewer: 'looks', operator: 'starts and stops', admin: 'does everything' }
const RoleOptions = () =>
  (Object.keys(ROLES) as Role[]).map((r) => (
    <option key={r} value={r}>
      {r}: {ROLES[r]}
    </option>
  ))

type Open = { what: 'add' } | { what: 'password' | 'delete'; user: UserRecord } | null

export function UsersPanel() {
  const { user: me } = useAppSelector(selectAuth)
  const users = useReading('users', (api, call) => api.users(call))
  const [open, setOpen] = useState<Open>(null)
  const change = useChange(async (api, id: string, what: UserChange) => {
    await api.updateUser(id, what)
    users.reload()
  })
  const done = () => {
    setOpen(null)
    users.reload()
  }
  return (
    <>
      <div className="flex items-center justify-between gap-2">
        <p className="text-sm text-muted">Roles hold everywhere; a pipeline or a connection may give a user more or less.</p>
        <Button look="primary" onClick={() => setOpen({ what: 'add' })}>
          <Plus className="size-3.5" aria-hidden />
          Add a user
        </Button>
      </div>
      {change.error && <Notice tone="bad">{change.error.message}</Notice>}
      <Shown of={users} what="The users">
        {(all) => (
          <ul className="card divide-y">
            {all.map((u) => (
              <li key={u.id} data-user={u.username} className="flex flex-wrap items-center gap-x-3 gap-y-2 px-3.5 py-2 text-sm">
                <div className="min-w-40 flex-1">
                  <span className="font-medium">{u.username}</span>
                  {u.id === me?.id && <span className="text-muted"> (you)</span>} {u.disabled && <Badge tone="warn">Locked out</Badge>}
                  <p className="text-xs text-faint">since {dateAndClock(u.created_at)}</p>
                </div>
                <select aria-label={`Role of ${u.username}`} className="field" value={u.role} disabled={change.pending} onChange={(e) => void change.run(u.id, { role: e.target.value as Role })}>
                  <RoleOptions />
                </select>
                <Button disabled={change.pending} onClick={() => void change.run(u.id, { disabled: !u.disabled })} aria-label={`${u.disabled ? 'Let in' : 'Lock out'} ${u.username}`}>
                  {u.disabled ? 'Let in' : 'Lock out'}
                </Button>
                <Button onClick={() => setOpen({ what: 'password', user: u })} aria-label={`New password for ${u.username}`}>
                  <KeyRound className="size-3.5" aria-hidden />
                  Password
                </Button>
                <Button look="quiet" square onClick={() => setOpen({ what: 'delete', user: u })} aria-label={`Delete ${u.username}`} title="Delete">
                  <Trash2 className="size-4" aria-hidden />
                </Button>
              </li>
            ))}
          </ul>
        )}
      </Shown>
      {open?.what === 'add' && <AddUser onClose={() => setOpen(null)} onDone={done} />}
      {open?.what === 'password' && <NewPassword user={open.user} onClose={() => setOpen(null)} onDone={done} />}
      {open?.what === 'delete' && <Removal user={open.user} onClose={() => setOpen(null)} onDone={done} />}
    </>
  )
}

function AddUser({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const { register, handleSubmit, formState } = useForm<NewUser>({ resolver: zodResolver(newUserForm), defaultValues: { username: '', password: '', role: 'viewer' } })
  const add = useChange(async (api, user: NewUser) => {
    await api.createUser(user)
    onDone()
  })
  return (
    <Dialog title="Add a user" onClose={onClose}>
      <form noValidate className="grid gap-3" onSubmit={handleSubmit((u) => add.run(u))}>
        <Field label="User name" error={formState.errors.username?.message}>
          {(c) => <input {...c} {...register('username')} className="field" autoComplete="off" autoCapitalize="none" spellCheck={false} />}
        </Field>
        <Field label="Password" error={formState.errors.password?.message} hint="At least 8 characters; the user can change it">
          {(c) => <input {...c} {...register('password')} type="password" className="field" autoComplete="new-password" />}
        </Field>
        <Field label="Role">
          {(c) => (
            <select {...c} {...register('role')} className="field">
              <RoleOptions />
            </select>
          )}
        </Field>
        {add.error && <Notice tone="bad">{add.error.message}</Notice>}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" disabled={add.pending}>
            Add
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

function NewPassword({ user, onClose, onDone }: { user: UserRecord; onClose: () => void; onDone: () => void }) {
  const { register, handleSubmit, formState } = useForm<{ password: string }>({ resolver: zodResolver(passwordForm), defaultValues: { password: '' } })
  const change = useChange(async (api, f: { password: string }) => {
    await api.updateUser(user.id, f)
    onDone()
  })
  return (
    <Dialog title={`New password for ${user.username}`} onClose={onClose}>
      <form noValidate className="grid gap-3" onSubmit={handleSubmit((f) => change.run(f))}>
        <Field label="Password" error={formState.errors.password?.message} hint="Ends all sessions of this user">
          {(c) => <input {...c} {...register('password')} type="password" className="field" autoComplete="new-password" />}
        </Field>
        {change.error && <Notice tone="bad">{change.error.message}</Notice>}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" disabled={change.pending}>
            Set
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

function Removal({ user, onClose, onDone }: { user: UserRecord; onClose: () => void; onDone: () => void }) {
  const removal = useChange(async (api) => {
    await api.deleteUser(user.id)
    onDone()
  })
  return (
    <ConfirmDialog title="Delete a user" action="Delete" name={user.username} pending={removal.pending} error={removal.error} onConfirm={() => void removal.run()} onClose={onClose}>
      <p>
        <strong className="font-medium">{user.username}</strong> cannot sign in any more; sessions, API keys and grants end. What the user did stays in the audit log.
      </p>
    </ConfirmDialog>
  )
}
