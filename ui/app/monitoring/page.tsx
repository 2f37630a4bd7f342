import type { Metadata } from 'next'
import { RequireAuth } from '@/features/auth/RequireAuth'
import { MonitoringPage } from '@/features/monitoring/MonitoringPage'

export const metadata: Metadata = { title: 'Monitoring' }

export default function Page() {
  return (
    <RequireAuth>
      <MonitoringPage />
    </RequireAuth>
  )
}
