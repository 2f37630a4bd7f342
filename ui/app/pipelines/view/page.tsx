import type { Metadata } from 'next'
import { Suspense } from 'react'
import { Boot } from '@/components/Boot'
import { RequireAuth } from '@/features/auth/RequireAuth'
import { PipelinePage } from '@/features/pipelines/PipelinePage'

export const metadata: Metadata = { title: 'Pipeline' }

export default function Page() {
  return (
    <RequireAuth>
      <Suspense fallback={<Boot />}>
        <PipelinePage />
      </Suspense>
    </RequireAuth>
  )
}
