'use client'

// The way between pages.
import { clsx } from 'clsx'
import { Activity, Inbox, Radio } from 'lucide-react'
import Link from 'next/link'

const PAGES = [
  { href: '/monitoring', label: 'Monitoring', icon: Activity },
  { href: '/ingestion', label: 'Ingestion', icon: Inbox },
  { href: '/realtime', label: 'Realtime', icon: Radio },
] as const

export type PagePath = (typeof PAGES)[number]['href']

export function PageNav({ here }: { here: PagePath }) {
  return (
    <nav aria-label="Pages" className="flex h-9 shrink-0 items-stretch gap-1 overflow-x-auto border-b bg-surface px-2 sm:px-3">
      {PAGES.map(({ href, label, icon: Icon }) => (
        <Link
          key={href}
          href={href}
          prefetch={false}
          aria-current={href === here ? 'page' : undefined}
          className={clsx(
            'flex items-center gap-1.5 border-b-2 px-2 text-sm font-medium',
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
