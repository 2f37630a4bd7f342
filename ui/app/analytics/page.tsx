import type { Metadata } from 'next'
import { Suspense } from 'react'
import { Boot } from '@/components/Boot'
import { RequireAuth } from '@/features/auth/RequireAuth'
import { AnalyticsPage } from '@/features/analytics/AnalyticsPage'

export const metadata: Metadata = { title: 'Analytics' }

export default function Page() {
  return (
    <RequireAuth>
      <Suspense fallback={<Boot />}>
        <AnalyticsPage />
      </Suspense>
    </RequireAuth>
  )
}
