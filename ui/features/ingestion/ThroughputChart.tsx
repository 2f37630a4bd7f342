'use client'

import { memo } from 'react'
import { Area, AreaChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis, type TooltipContentProps } from 'recharts'
import type { Stats } from '@/lib/api/types'
import { clock, count, rate } from '@/lib/format'

const color = (token: string) => `oklch(var(--${token}))`
const HOUR_MS = 3_600_000

export const ThroughputChart = memo(function ThroughputChart({ samples }: { samples: Stats[] }) {
  // By time, for older samples lie further apart than those of the last minute.
  const data = samples.map((s) => ({ at: Date.parse(s.timestamp), rate: s.current_rps, queue: s.queue_depth }))
  const span = (data.at(-1)?.at ?? 0) - (data[0]?.at ?? 0)
  const tick = (at: number) => (span > HOUR_MS / 6 ? clock(at).slice(0, 5) : clock(at).slice(3))
  return (
    <ResponsiveContainer width="100%" height="100%" minWidth={0}>
      <AreaChart data={data} margin={{ top: 6, right: 4, bottom: 0, left: 0 }} accessibilityLayer={false}>
        <CartesianGrid vertical={false} stroke={color('line')} />
        <XAxis dataKey="at" type="number" scale="time" domain={['dataMin', 'dataMax']} tickFormatter={tick} minTickGap={60} tick={{ fontSize: 10, fill: color('faint') }} tickLine={false} axisLine={{ stroke: color('line') }} height={18} />
        <YAxis width={38} tickCount={4} domain={[0, (max: number) => Math.max(10, Math.ceil(max * 1.1))]} tick={{ fontSize: 10, fill: color('faint') }} tickLine={false} axisLine={false} tickFormatter={(n: number) => count(n)} />
        <Tooltip content={Tip} cursor={{ stroke: color('edge') }} isAnimationActive={false} />
        <Area type="monotone" dataKey="rate" stroke={color('accent')} strokeWidth={1.75} fill={color('accent')} fillOpacity={0.14} isAnimationActive={false} dot={false} />
      </AreaChart>
    </ResponsiveContainer>
  )
})

function Tip({ active, payload }: TooltipContentProps) {
  const point = payload?.[0]?.payload as { at: number; rate: number; queue: number } | undefined
  if (!active || !point) return null
  return (
    <div className="tnum rounded-md bg-surface px-2.5 py-2 text-xs shadow-pop">
      <div className="mb-1 font-medium">{clock(point.at)}</div>
      <div className="text-muted">{rate(point.rate)} messages a second</div>
      <div className="text-muted">{count(point.queue)} waiting</div>
    </div>
  )
}
