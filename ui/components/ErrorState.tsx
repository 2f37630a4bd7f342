import { RotateCw, TriangleAlert } from 'lucide-react'
import type { Failure } from '@/lib/failure'
import { Button } from './Button'

/** What failed, in the server's words, and the way to try again. */
export function ErrorState({ title, failure, onRetry }: { title: string; failure: Failure; onRetry: () => void }) {
  return (
    <div role="alert" className="mx-auto flex max-w-md flex-col items-center gap-2 px-6 py-10 text-center">
      <div className="mb-1 grid size-10 place-items-center rounded-full bg-bad/10 text-bad">
        <TriangleAlert className="size-5" aria-hidden />
      </div>
      <h2 className="text-base font-semibold">{title}</h2>
      <p className="text-sm text-muted">{failure.message}</p>
      {failure.requestId && <p className="font-mono text-xs text-faint">request {failure.requestId}</p>}
      <Button className="mt-2" onClick={onRetry}>
        <RotateCw className="size-3.5" aria-hidden />
        Retry
      </Button>
    </div>
  )
}
