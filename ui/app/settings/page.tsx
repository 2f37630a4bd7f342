import type { Metadata } from 'next'
import { Suspense } from 'react'
import { Boot } from '@/components/Boot'
import { RequireAuth } from '@/features/auth/RequireAuth'
import { SettingsPage } from '@/features/settings/SettingsPage'

export const metadata: Metadata = { title: 'Settings' }

export default function Page() {
  return (
    <RequireAuth>
      <Suspense fallback={<Boot />}>
        <SettingsPage />
      </Suspense>
    </RequireAuth>
  )
}
