'use client'

import { Eye, EyeOff, Info, LoaderCircle, TriangleAlert } from 'lucide-react'
import { useRouter, useSearchParams } from 'next/navigation'
import { useEffect, useId, useRef, useState, type FormEvent } from 'react'
import { Button } from '@/components/Button'
import { Logo } from '@/components/Logo'
import { ThemeToggle } from '@/components/ThemeToggle'
import { useAppDispatch, useAppSelector } from '@/lib/store'
import { login, safeNext, selectAuth } from './authSlice'

const FIELD =
  'h-10 w-full rounded-md border border-edge bg-canvas px-3 text-base text-fg placeholder:text-faint hover:border-faint focus:border-accent focus:outline-none focus:ring-2 focus:ring-accent/30'

export function LoginPage() {
  const dispatch = useAppDispatch()
  const router = useRouter()
  const { status, isLoading, error } = useAppSelector(selectAuth)
  const params = useSearchParams()
  const [shown, setShown] = useState(false)
  const password = useRef<HTMLInputElement>(null)
  const id = useId()

  useEffect(() => {
    if (status === 'signed_in') router.replace(safeNext(params.get('next')))
  }, [status, router, params])

  const submit = async (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault()
    if (isLoading) return
    const form = new FormData(e.currentTarget)
    const result = await dispatch(login({ username: String(form.get('username')).trim(), password: String(form.get('password')) }))
    if (login.rejected.match(result)) password.current?.select()
  }

  return (
    <div className="relative flex min-h-dvh flex-col">
      <header className="flex justify-end p-3">
        <ThemeToggle />
      </header>
      <main className="flex flex-1 items-start justify-center px-4 pb-16 pt-[8dvh]">
        <div className="w-full max-w-sm">
          <div className="mb-7 flex flex-col items-center text-center">
            <Logo className="mb-3 size-10 text-accent" />
            <h1 className="text-xl font-semibold tracking-tight">Sign in to millrace</h1>
            <p className="mt-1 text-sm text-muted">Change events of your databases, live and complete.</p>
          </div>
          <form onSubmit={submit} className="card space-y-4 p-5 sm:p-6" noValidate={false}>
            {error ? (
              <p role="alert" className="flex gap-2 rounded-md bg-bad/10 px-3 py-2.5 text-sm text-bad">
                <TriangleAlert className="mt-0.5 size-4 shrink-0" aria-hidden />
                {error.message}
              </p>
            ) : (
              params.has('expired') && (
                <p role="status" className="flex gap-2 rounded-md bg-raised px-3 py-2.5 text-sm text-muted">
                  <Info className="mt-0.5 size-4 shrink-0" aria-hidden />
                  Your session has ended. Sign in to go on where you were.
                </p>
              )
            )}
            <div className="space-y-1.5">
              <label htmlFor={`${id}u`} className="text-sm font-medium">
                User name
              </label>
              <input id={`${id}u`} name="username" autoComplete="username" autoCapitalize="none" spellCheck={false} autoFocus required maxLength={64} className={FIELD} />
            </div>
            <div className="space-y-1.5">
              <label htmlFor={`${id}p`} className="text-sm font-medium">
                Password
              </label>
              <div className="relative">
                <input ref={password} id={`${id}p`} name="password" type={shown ? 'text' : 'password'} autoComplete="current-password" required className={`${FIELD} pr-11`} />
                <button
                  type="button"
                  onClick={() => setShown(!shown)}
                  aria-label={shown ? 'Hide the password' : 'Show the password'}
                  aria-pressed={shown}
                  className="absolute inset-y-0 right-0 grid w-10 place-items-center rounded-md text-faint hover:text-fg"
                >
                  {shown ? <EyeOff className="size-4" aria-hidden /> : <Eye className="size-4" aria-hidden />}
                </button>
              </div>
            </div>
            <Button type="submit" look="primary" size="md" className="w-full" aria-disabled={isLoading}>
              {isLoading && <LoaderCircle className="size-4 animate-spin" aria-hidden />}
              {isLoading ? 'Signing in…' : 'Sign in'}
            </Button>
          </form>
        </div>
      </main>
    </div>
  )
}
