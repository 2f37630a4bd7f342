import type { Metadata } from 'next'
import { Suspense } from 'react'
import { Boot } from '@/components/Boot'
import { RequireAuth } from '@/features/auth/RequireAuth'
import { PipelinesPage } from '@/features/pipelines/PipelinesPage'

export const metadata: Metadata = { title: 'Pipelines' }

export default function Page() {
  return (
    <RequireAuth>
      <Suspense fallback={<Boot />}>
        <PipelinesPage />
      </Suspense>
    </RequireAuth>
  )
}
