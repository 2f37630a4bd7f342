import type { Metadata } from 'next'
import { Suspense } from 'react'
import { Boot } from '@/components/Boot'
import { RequireAuth } from '@/features/auth/RequireAuth'
import { MonitoringPage } from '@/features/monitoring/MonitoringPage'

export const metadata: Metadata = { title: 'Monitoring' }

export default function Page() {
  return (
    <RequireAuth>
      <Suspense fallback={<Boot />}>
        <MonitoringPage />
      </Suspense>
    </RequireAuth>
  )
}
