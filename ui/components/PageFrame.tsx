'use client'

// What every page but the event table's has around it: the name, the way to the others, who is
// signed in.
import type { ReactNode } from 'react'
import { UserMenu } from '@/features/auth/UserMenu'
import { Logo } from './Logo'
import { PageNav, type PagePath } from './PageNav'
import { ShortcutHelp } from './ShortcutHelp'
import { ThemeToggle } from './ThemeToggle'

export function PageFrame({ here, title, status, children }: { here: PagePath; title: string; status?: ReactNode; children: ReactNode }) {
  return (
    <div className="flex min-h-dvh flex-col">
      <header className="flex h-12 shrink-0 items-center gap-1.5 border-b bg-surface px-3 sm:px-4">
        <h1 className="flex min-w-0 items-center gap-2 text-base font-semibold tracking-tight">
          <Logo className="size-5 shrink-0 text-accent" />
          <span className="max-sm:sr-only">millrace</span>
          <span aria-hidden className="text-lg font-light text-edge max-sm:hidden">
            /
          </span>
          <span className="truncate">{title}</span>
        </h1>
        <div className="ml-auto flex shrink-0 items-center gap-1">
          {status}
          <ShortcutHelp />
          <ThemeToggle />
          <UserMenu />
        </div>
      </header>
      <PageNav here={here} />
      <main className="mx-auto flex w-full max-w-[110rem] flex-1 flex-col gap-3 p-3 sm:p-4">{children}</main>
    </div>
  )
}
