import type { Metadata } from 'next'
import { RequireAuth } from '@/features/auth/RequireAuth'
import { IngestionPage } from '@/features/ingestion/IngestionPage'

export const metadata: Metadata = { title: 'Ingestion' }

export default function Page() {
  return (
    <RequireAuth>
      <IngestionPage />
    </RequireAuth>
  )
}
