import Link from 'next/link'
import { EmptyState } from '@/components/EmptyState'

export default function NotFound() {
  return (
    <main className="grid min-h-dvh place-items-center p-6">
      <EmptyState
        title="There is nothing at this address"
        action={
          <Link href="/monitoring" className="text-sm font-medium text-accent underline-offset-4 hover:underline">
            Go to monitoring
          </Link>
        }
      >
        The page may have moved, or the address has a typo.
      </EmptyState>
    </main>
  )
}
