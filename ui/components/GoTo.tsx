'use client'

import { useRouter } from 'next/navigation'
import { useEffect } from 'react'
import { Boot } from './Boot'

/** A redirect that a static page can make. */
export function GoTo({ href }: { href: string }) {
  const router = useRouter()
  useEffect(() => router.replace(href), [router, href])
  return <Boot />
}
