'use client'

// A label, its control, and what is wrong with what is in it.
import { useId, type ReactNode } from 'react'

export interface FieldProps {
  label: string
  error?: string
  hint?: ReactNode
  className?: string
  children: (control: { id: string; 'aria-invalid': boolean; 'aria-describedby'?: string }) => ReactNode
}

export function Field({ label, error, hint, className, children }: FieldProps) {
  const id = useId()
  const note = error ?? hint
  return (
    <div className={`grid content-start gap-1 ${className ?? ''}`}>
      <label htmlFor={id} className="label">
        {label}
      </label>
      {children({ id, 'aria-invalid': !!error, 'aria-describedby': note ? `${id}n` : undefined })}
      {note && (
        <p id={`${id}n`} className={error ? 'text-xs text-bad' : 'text-xs text-faint'}>
          {note}
        </p>
      )}
    </div>
  )
}
