'use client'

// The way between pages: by pointer, and by "g" and a letter.
import { clsx } from 'clsx'
import { Activity, ChartColumn, Database, House, Inbox, Radio, Settings, Workflow } from 'lucide-react'
import Link from 'next/link'
import { useRouter } from 'next/navigation'
import { useEffect, useRef } from 'react'

export const PAGES = [
  { href: '/', label: 'Overview', icon: House, key: 'o' },
  { href: '/pipelines', label: 'Pipelines', icon: Workflow, key: 'p' },
  { href: '/monitoring', label: 'Monitoring', icon: Activity, key: 'm' },
  { href: '/connections', label: 'Connections', icon: Database, key: 'c' },
  { href: '/analytics', label: 'Analytics', icon: ChartColumn, key: 'a' },
  { href: '/ingestion', label: 'Ingestion', icon: Inbox, key: 'i' },
  { href: '/realtime', label: 'Realtime', icon: Radio, key: 'r' },
  { href: '/settings', label: 'Settings', icon: Settings, key: 's' },
] as const

export type PagePath = (typeof PAGES)[number]['href']

const SECOND_KEY_MS = 1500

export function PageNav({ here }: { here: PagePath }) {
  useGoTo()
  return (
    <nav aria-label="Pages" className="flex h-9 shrink-0 items-stretch gap-1 overflow-x-auto border-b bg-surface px-2 sm:px-3">
      {PAGES.map(({ href, label, icon: Icon, key }) => (
        <Link
          key={href}
          href={href}
          prefetch={false}
          aria-current={href === here ? 'page' : undefined}
          aria-keyshortcuts={`g ${key}`}
          className={clsx(
            'flex shrink-0 items-center gap-1.5 border-b-2 px-2 text-sm font-medium',
            href === here ? 'border-accent text-fg' : 'border-transparent text-muted hover:text-fg',
          )}
        >
          <Icon className="size-3.5" aria-hidden />
          {label}
        </Link>
      ))}
    </nav>
  )
}

function useGoTo() {
  const router = useRouter()
  const began = useRef(-Infinity)
  useEffect(() => {
    // Before other shortcuts see it: after "g", a letter is the name of a page.
    const pressed = (e: KeyboardEvent) => {
      const typing = (e.target as HTMLElement | null)?.closest?.('input, textarea, select, dialog, [contenteditable="true"]')
      if (typing || e.ctrlKey || e.metaKey || e.altKey) return
      const page = e.timeStamp - began.current < SECOND_KEY_MS ? PAGES.find((p) => p.key === e.key) : undefined
      began.current = e.key === 'g' ? e.timeStamp : -Infinity
      if (!page) return
      e.preventDefault()
      e.stopImmediatePropagation()
      router.push(page.href)
    }
    document.addEventListener('keydown', pressed, true)
    return () => document.removeEventListener('keydown', pressed, true)
  }, [router])
}
