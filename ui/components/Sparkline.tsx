// A line without axes; what it shows is said in words beside it.
import { useId } from 'react'

const W = 300
const H = 40

export function Sparkline({ values, label }: { values: (number | null)[]; label: string }) {
  const id = useId()
  const known = values.filter((v): v is number => v !== null)
  const most = Math.max(1e-9, ...known)
  const step = W / Math.max(1, values.length - 1)
  const points = values.flatMap((v, i) => (v === null ? [] : [`${(i * step).toFixed(1)},${(H - 2 - (v / most) * (H - 6)).toFixed(1)}`]))
  return (
    <svg viewBox={`0 0 ${W} ${H}`} preserveAspectRatio="none" className="h-10 w-full text-accent" role="img" aria-labelledby={id}>
      <title id={id}>{label}</title>
      {points.length > 1 && (
        <>
          <polygon points={`${points[0]!.split(',')[0]},${H} ${points.join(' ')} ${points.at(-1)!.split(',')[0]},${H}`} className="fill-accent/15" />
          <polyline points={points.join(' ')} fill="none" stroke="currentColor" strokeWidth="1.5" vectorEffect="non-scaling-stroke" />
        </>
      )}
    </svg>
  )
}
