'use client'

// Before something goes that does not come back: what goes, and its name to be typed.
import { LoaderCircle, TriangleAlert } from 'lucide-react'
import { useId, useState, type ReactNode } from 'react'
import type { Failure } from '@/lib/failure'
import { Button } from './Button'
import { Dialog } from './Dialog'

export interface ConfirmDialogProps {
  title: string
  action: string // what the button says
  name?: string // has to be typed
  pending: boolean
  error: Failure | null
  onConfirm: () => void
  onClose: () => void
  children: ReactNode // what will go, and what stays
}

export function ConfirmDialog({ title, action, name, pending, error, onConfirm, onClose, children }: ConfirmDialogProps) {
  const [typed, setTyped] = useState('')
  const id = useId()
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        className="grid gap-4"
        onSubmit={(e) => {
          e.preventDefault()
          onConfirm()
        }}
      >
        <div className="grid gap-2 text-sm">{children}</div>
        {name !== undefined && (
          <label htmlFor={id} className="grid gap-1 text-sm">
            <span>
              Type <strong className="break-all font-mono">{name}</strong> to confirm
            </span>
            <input id={id} className="field" value={typed} onChange={(e) => setTyped(e.target.value)} autoComplete="off" spellCheck={false} />
          </label>
        )}
        {error && (
          <p role="alert" className="flex gap-2 rounded-md bg-bad/10 px-3 py-2 text-sm text-bad">
            <TriangleAlert className="mt-0.5 size-4 shrink-0" aria-hidden />
            {error.message}
          </p>
        )}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="danger" disabled={pending || (name !== undefined && typed !== name)}>
            {pending && <LoaderCircle className="size-3.5 animate-spin" aria-hidden />}
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
