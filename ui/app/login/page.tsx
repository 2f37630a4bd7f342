import type { Metadata } from 'next'
import { Suspense } from 'react'
import { Boot } from '@/components/Boot'
import { LoginPage } from '@/features/auth/LoginPage'

export const metadata: Metadata = { title: 'Sign in' }

export default function Page() {
  return (
    <Suspense fallback={<Boot />}>
      <LoginPage />
    </Suspense>
  )
}
