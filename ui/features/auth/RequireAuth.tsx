'use client'

// Pages behind sign-in. Who comes without a session, or loses it, goes to /login and from there back
// to exactly where they were.
import { useRouter } from 'next/navigation'
import { useEffect, type ReactNode } from 'react'
import { Boot } from '@/components/Boot'
import { useConfig } from '@/components/Providers'
import { useAppSelector } from '@/lib/store'
import { selectAuth } from './authSlice'

export function RequireAuth({ children }: { children: ReactNode }) {
  const { status } = useAppSelector(selectAuth)
  const open = useConfig().auth === 'open'
  const router = useRouter()
  const allowed = open || status === 'signed_in'
  useEffect(() => {
    if (allowed) return
    const here = window.location.pathname + window.location.search
    router.replace(`/login?next=${encodeURIComponent(here)}${status === 'expired' ? '&expired=1' : ''}`)
  }, [allowed, status, router])
  return allowed ? children : <Boot />
}
