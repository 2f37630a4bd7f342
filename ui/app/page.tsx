import { RequireAuth } from '@/features/auth/RequireAuth'
import { OverviewPage } from '@/features/overview/OverviewPage'

export default function Page() {
  return (
    <RequireAuth>
      <OverviewPage />
    </RequireAuth>
  )
}
