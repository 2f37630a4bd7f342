'use client'

import { memo } from 'react'
import { Bar, BarChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis, type TooltipContentProps } from 'recharts'
import { clock, rate } from '@/lib/format'
import { useMedia } from '@/lib/hooks'
import { KIND } from './kinds'
import { RATE_SECONDS, total, type RatePoint } from './rates'

const KINDS = ['insert', 'update', 'delete', 'other'] as const
const color = (token: string) => `oklch(var(--${token}))`

/** The last whole seconds; a second that nobody measured is empty, not zero. */
function series(points: RatePoint[], seconds: number): (RatePoint | { second: number })[] {
  const last = points[points.length - 2]?.second // the newest is still filling
  if (last === undefined) return []
  const bySecond = new Map(points.map((p) => [p.second, p]))
  return Array.from({ length: seconds }, (_, i) => {
    const second = last - seconds + 1 + i
    return bySecond.get(second) ?? { second }
  })
}

export const RateChart = memo(function RateChart({ points }: { points: RatePoint[] }) {
  const seconds = useMedia('(min-width: 640px)') ? RATE_SECONDS : RATE_SECONDS / 2 // bars too thin to see are none
  const data = series(points, seconds)
  if (!data.length) return <p className="grid h-full place-items-center text-xs text-faint">Measuring…</p>
  return (
    <ResponsiveContainer width="100%" height="100%" minWidth={0}>
      <BarChart data={data} margin={{ top: 4, right: 0, bottom: 0, left: 0 }} barCategoryGap="12%" accessibilityLayer={false}>
        <CartesianGrid vertical={false} stroke={color('line')} />
        <XAxis dataKey="second" tickFormatter={(s: number) => clock(s * 1000)} interval={29} tick={{ fontSize: 10, fill: color('faint') }} tickLine={false} axisLine={{ stroke: color('line') }} height={18} />
        <YAxis width={34} allowDecimals={false} tickCount={3} interval={0} tick={{ fontSize: 10, fill: color('faint') }} tickLine={false} axisLine={false} tickFormatter={(n: number) => rate(n).replace(/[.,]0$/, '')} />
        <Tooltip content={Tip} cursor={{ fill: color('raised') }} isAnimationActive={false} />
        {KINDS.map((kind) => (
          <Bar key={kind} dataKey={kind} stackId="all" fill={color(kind)} isAnimationActive={false} maxBarSize={10} />
        ))}
      </BarChart>
    </ResponsiveContainer>
  )
})

function Tip({ active, payload }: TooltipContentProps) {
  const point = payload?.[0]?.payload as RatePoint | undefined
  if (!active || !point || point.insert === undefined) return null
  return (
    <div className="tnum rounded-md bg-surface px-2.5 py-2 text-xs shadow-pop">
      <div className="mb-1 font-medium">
        {clock(point.second * 1000)} · {rate(total(point))}/s
      </div>
      {KINDS.filter((k) => point[k] > 0).map((k) => (
        <div key={k} className="flex justify-between gap-4 text-muted">
          <span>{KIND[k].label}</span>
          <span>{rate(point[k])}</span>
        </div>
      ))}
    </div>
  )
}
