'use client'

// The states that everything read from the server can be in, drawn one way: loading, failed, empty,
// old, and there.
import { RotateCw } from 'lucide-react'
import type { ReactNode } from 'react'
import { ago, clock } from '@/lib/format'
import type { Failure } from '@/lib/failure'
import { useNow } from '@/lib/hooks'
import { Button } from './Button'
import { ErrorState } from './ErrorState'
import { Notice } from './Notice'
import { Skeleton } from './Skeleton'

export interface ReadingProps<T> {
  of: { value: T | null; at: number | null; error: Failure | null; reload: () => void }
  what: string // "The users": begins a sentence
  rows?: number // of the skeleton
  isEmpty?: (value: T) => boolean
  empty?: ReactNode
  children: (value: T) => ReactNode
}

export function Shown<T>({ of, what, rows = 4, isEmpty, empty, children }: ReadingProps<T>) {
  if (of.value === null && of.error?.status === 403) return <Notice tone="info">{what} may be seen by administrators only. {of.error.message}</Notice>
  if (of.value === null && of.error) return <ErrorState title={`${what} cannot be read`} failure={of.error} onRetry={of.reload} />
  if (of.value === null)
    return (
      <div role="status" aria-label={`Loading ${what.toLowerCase()}`} className="grid gap-2 p-3.5">
        {Array.from({ length: rows }, (_, i) => (
          <Skeleton key={i} className="h-7 w-full" />
        ))}
      </div>
    )
  return (
    <>
      {of.error && <Stale at={of.at} error={of.error} reload={of.reload} />}
      {isEmpty?.(of.value) ? empty : children(of.value)}
    </>
  )
}

/** What is shown is old: since when, and why. */
export function Stale({ at, error, reload }: { at: number | null; error: Failure; reload: () => void }) {
  const now = useNow()
  return (
    <div data-stale>
      <Notice
        tone="warn"
        className="m-2"
        action={
          <Button onClick={reload}>
            <RotateCw className="size-3.5" aria-hidden />
            Retry
          </Button>
        }
      >
        As of {clock(at)} ({ago(at, now)}): {error.message}
      </Notice>
    </div>
  )
}
