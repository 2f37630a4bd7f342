'use client'

// The drawings; loaded after the page. What they show is said in words, too, and can be taken along.
import { memo } from 'react'
import { Bar, BarChart, CartesianGrid, Line, LineChart, ResponsiveContainer, Tooltip, XAxis, YAxis, type TooltipContentProps } from 'recharts'
import { KIND } from '@/features/monitoring/kinds'
import { count, dateAndClock, duration } from '@/lib/format'
import type { Drawn } from './range'

const color = (token: string) => `oklch(var(--${token}))`
const KINDS = ['insert', 'update', 'delete', 'other'] as const
const PARTS = [
  ['p50', 'accent'],
  ['p95', 'update'],
  ['p99', 'delete'],
] as const
const tick = { fontSize: 10, fill: color('faint') }
const whenOf = (span: number) => new Intl.DateTimeFormat(undefined, span > 2 * 86_400_000 ? { month: 'short', day: '2-digit' } : { hour: '2-digit', minute: '2-digit', hour12: false })
const span = (points: Drawn[]) => (points.at(-1)?.at ?? 0) - (points[0]?.at ?? 0)
const margin = { top: 4, right: 4, bottom: 0, left: 0 }

export const KindsChart = memo(function KindsChart({ points }: { points: Drawn[] }) {
  const when = whenOf(span(points))
  return (
    <ResponsiveContainer width="100%" height="100%" minWidth={0}>
      <BarChart data={points} margin={margin} barCategoryGap="10%" accessibilityLayer={false}>
        <CartesianGrid vertical={false} stroke={color('line')} />
        <XAxis dataKey="at" tickFormatter={(at: number) => when.format(at)} minTickGap={40} tick={tick} tickLine={false} axisLine={{ stroke: color('line') }} height={18} />
        <YAxis width={44} allowDecimals={false} tickCount={4} tick={tick} tickLine={false} axisLine={false} tickFormatter={(n: number) => count(n)} />
        <Tooltip content={KindsTip} cursor={{ fill: color('raised') }} isAnimationActive={false} />
        {KINDS.map((k) => (
          <Bar key={k} dataKey={k} stackId="all" fill={color(k)} isAnimationActive={false} maxBarSize={24} />
        ))}
      </BarChart>
    </ResponsiveContainer>
  )
})

export const LatencyChart = memo(function LatencyChart({ points }: { points: Drawn[] }) {
  const when = whenOf(span(points))
  return (
    <ResponsiveContainer width="100%" height="100%" minWidth={0}>
      <LineChart data={points} margin={margin} accessibilityLayer={false}>
        <CartesianGrid vertical={false} stroke={color('line')} />
        <XAxis dataKey="at" tickFormatter={(at: number) => when.format(at)} minTickGap={40} tick={tick} tickLine={false} axisLine={{ stroke: color('line') }} height={18} />
        <YAxis width={52} tickCount={4} tick={tick} tickLine={false} axisLine={false} tickFormatter={(ms: number) => duration(ms)} />
        <Tooltip content={LatencyTip} isAnimationActive={false} />
        {PARTS.map(([part, token]) => (
          <Line key={part} dataKey={part} stroke={color(token)} strokeWidth={1.5} dot={points.length < 3 || { r: 1.5 }} isAnimationActive={false} />
        ))}
      </LineChart>
    </ResponsiveContainer>
  )
})

function KindsTip({ active, payload }: TooltipContentProps) {
  const p = payload?.[0]?.payload as Drawn | undefined
  if (!active || !p) return null
  return (
    <div className="tnum rounded-md bg-surface px-2.5 py-2 text-xs shadow-pop">
      <div className="mb-1 font-medium">{dateAndClock(p.at).replace(/\.\d+$/, '')}</div>
      {KINDS.filter((k) => p[k] > 0).map((k) => (
        <div key={k} className="flex justify-between gap-4 text-muted">
          <span>{KIND[k].label}</span>
          <span>{count(p[k])}</span>
        </div>
      ))}
    </div>
  )
}

function LatencyTip({ active, payload }: TooltipContentProps) {
  const p = payload?.[0]?.payload as Drawn | undefined
  if (!active || !p || p.p50 === null) return null
  return (
    <div className="tnum rounded-md bg-surface px-2.5 py-2 text-xs shadow-pop">
      <div className="mb-1 font-medium">{dateAndClock(p.at).replace(/\.\d+$/, '')}</div>
      {PARTS.map(([part]) => (
        <div key={part} className="flex justify-between gap-4 text-muted">
          <span>{part}</span>
          <span>{duration(p[part])}</span>
        </div>
      ))}
    </div>
  )
}
