import type { Metadata } from 'next'
import { RequireAuth } from '@/features/auth/RequireAuth'
import { RealtimePage } from '@/features/realtime/RealtimePage'

export const metadata: Metadata = { title: 'Realtime' }

export default function Page() {
  return (
    <RequireAuth>
      <RealtimePage />
    </RequireAuth>
  )
}
