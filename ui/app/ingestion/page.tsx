import type { Metadata } from 'next'
import { Suspense } from 'react'
import { Boot } from '@/components/Boot'
import { RequireAuth } from '@/features/auth/RequireAuth'
import { IngestionPage } from '@/features/ingestion/IngestionPage'

export const metadata: Metadata = { title: 'Ingestion' }

export default function Page() {
  return (
    <RequireAuth>
      <Suspense fallback={<Boot />}>
        <IngestionPage />
      </Suspense>
    </RequireAuth>
  )
}
