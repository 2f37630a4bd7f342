'use client'

// Fourth: could it run? The server looks at both databases, each table and Kafka Connect.
import { LoaderCircle, RotateCw } from 'lucide-react'
import { Button } from '@/components/Button'
import { Checklist } from '@/components/Checklist'
import { Notice } from '@/components/Notice'
import type { Preflight } from '@/lib/api/types'
import type { Failure } from '@/lib/failure'

export function ChecksStep({ result, pending, error, onAgain }: { result: Preflight | null; pending: boolean; error: Failure | null; onAgain: () => void }) {
  return (
    <div className="grid gap-3" aria-live="polite" aria-busy={pending}>
      {pending && (
        <p role="status" className="flex items-center gap-2 text-sm text-muted">
          <LoaderCircle className="size-4 animate-spin" aria-hidden />
          Looking at both databases, the tables and Kafka Connect…
        </p>
      )}
      {error && <Notice tone="bad">{error.message}</Notice>}
      {!pending && result && (
        <>
          <Notice tone={result.valid ? 'ok' : 'bad'}>{result.message}</Notice>
          {/* What failed is what is read: it comes first. */}
          <Checklist checks={[...result.checks].sort((a, b) => Number(a.ok) - Number(b.ok))} label="What was checked" />
        </>
      )}
      {!pending && (result || error) && (
        <Button className="justify-self-start" onClick={onAgain}>
          <RotateCw className="size-3.5" aria-hidden />
          Check again
        </Button>
      )}
    </div>
  )
}
