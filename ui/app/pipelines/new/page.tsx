import type { Metadata } from 'next'
import { Suspense } from 'react'
import { Boot } from '@/components/Boot'
import { RequireAuth } from '@/features/auth/RequireAuth'
import { NewPipelinePage } from '@/features/pipelines/NewPipelinePage'

export const metadata: Metadata = { title: 'New pipeline' }

export default function Page() {
  return (
    <RequireAuth>
      <Suspense fallback={<Boot />}>
        <NewPipelinePage />
      </Suspense>
    </RequireAuth>
  )
}
