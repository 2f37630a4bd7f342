'use client'

// A burst of made-up messages: how many, over how long, saying what.
import { CircleCheck, Play, TriangleAlert } from 'lucide-react'
import { useEffect, useState } from 'react'
import { Button } from '@/components/Button'
import { count } from '@/lib/format'
import { useAppDispatch, useAppSelector } from '@/lib/store'
import { burstSeen, selectIngest, simulate } from './ingestSlice'

const SIZES = [100, 500, 1000, 5000]
const LENGTHS = [
  [0, 'at once'],
  [5, 'in 5 s'],
  [30, 'in 30 s'],
  [120, 'in 2 min'],
] as const
const TEMPLATES = [
  ['', 'the server’s own words'],
  ['Order {i} of {n} was placed', 'orders'],
  ['Sensor {i}: reading at {time}', 'sensors'],
  ['{time} user signed in ({i})', 'sign-ins'],
] as const
const TOAST_MS = 6000

export function Simulation() {
  const dispatch = useAppDispatch()
  const { burst } = useAppSelector(selectIngest)
  const [size, setSize] = useState(500)
  const [length, setLength] = useState(0)
  const [template, setTemplate] = useState('')
  return (
    <section aria-label="Simulation" className="card flex flex-wrap items-end gap-x-3 gap-y-2 p-3">
      <label className="flex flex-col gap-1">
        <span className="label">Messages</span>
        <select className="field" value={size} onChange={(e) => setSize(Number(e.target.value))}>
          {SIZES.map((n) => (
            <option key={n} value={n}>
              {count(n)}
            </option>
          ))}
        </select>
      </label>
      <label className="flex flex-col gap-1">
        <span className="label">How fast</span>
        <select className="field" value={length} onChange={(e) => setLength(Number(e.target.value))}>
          {LENGTHS.map(([seconds, label]) => (
            <option key={seconds} value={seconds}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <label className="flex min-w-0 flex-col gap-1">
        <span className="label">About</span>
        <select className="field" value={template} onChange={(e) => setTemplate(e.target.value)}>
          {TEMPLATES.map(([text, label]) => (
            <option key={label} value={text}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <Button look="primary" disabled={burst.isPending} onClick={() => void dispatch(simulate({ count: size, seconds: length, template }))}>
        <Play className="size-3.5" aria-hidden />
        Run Simulation
      </Button>
      {burst.error && (
        <p role="alert" className="flex items-center gap-1.5 text-sm text-bad">
          <TriangleAlert className="size-4 shrink-0" aria-hidden />
          {burst.error.message}
        </p>
      )}
    </section>
  )
}

export function BurstToast() {
  const dispatch = useAppDispatch()
  const { started } = useAppSelector(selectIngest).burst
  useEffect(() => {
    if (!started) return
    const timer = setTimeout(() => dispatch(burstSeen()), TOAST_MS)
    return () => clearTimeout(timer)
  }, [dispatch, started])
  return (
    <div role="status" aria-live="polite" className="pointer-events-none fixed inset-x-3 bottom-4 z-50 flex justify-center">
      {started && (
        <p className="slide-in flex items-center gap-2 rounded-lg bg-surface px-4 py-3 text-sm font-medium shadow-pop ring-1 ring-line">
          <CircleCheck className="size-4 text-ok" aria-hidden />
          Simulation started! {count(started.count)} messages incoming...
        </p>
      )}
    </div>
  )
}
