import type { Metadata } from 'next'
import { Suspense } from 'react'
import { Boot } from '@/components/Boot'
import { RequireAuth } from '@/features/auth/RequireAuth'
import { ConnectionsPage } from '@/features/connections/ConnectionsPage'

export const metadata: Metadata = { title: 'Connections' }

export default function Page() {
  return (
    <RequireAuth>
      <Suspense fallback={<Boot />}>
        <ConnectionsPage />
      </Suspense>
    </RequireAuth>
  )
}
