// The states of a pipeline and the ways between them, with the one it is in.
import { clsx } from 'clsx'
import type { PipelineStatus } from '@/lib/api/types'
import { STATUS } from './PipelineStatusBadge'

// In units of the drawing; each box is W x H around its middle.
const W = 92
const H = 26
const AT: Record<PipelineStatus, [x: number, y: number]> = {
  NOT_STARTED: [56, 60],
  STARTING: [186, 60],
  RUNNING: [322, 60],
  PAUSED: [458, 60],
  ERROR: [186, 126],
  STOPPING: [322, 126],
  STOPPED: [56, 126],
}
const WAYS: [from: PipelineStatus, to: PipelineStatus, label: string, path: string][] = [
  ['NOT_STARTED', 'STARTING', 'start', 'M102 60H136'],
  ['STARTING', 'RUNNING', 'ready', 'M232 60H272'],
  ['RUNNING', 'PAUSED', 'pause', 'M368 54H408'],
  ['PAUSED', 'RUNNING', 'resume', 'M412 66H372'],
  ['RUNNING', 'STOPPING', 'stop', 'M322 73V109'],
  ['PAUSED', 'STOPPING', 'stop', 'M458 73V126H372'],
  ['STARTING', 'ERROR', 'failure', 'M180 73V109'],
  ['ERROR', 'STARTING', 'start', 'M194 113V77'],
  ['RUNNING', 'ERROR', 'failure', 'M284 73L226 110'],
  ['ERROR', 'STOPPING', 'stop', 'M232 126H272'],
  ['STOPPING', 'STOPPED', '', 'M322 139V156H56V143'],
  ['STOPPED', 'STARTING', 'start', 'M84 113L146 77'],
]

export function StateMachine({ status }: { status: PipelineStatus }) {
  return (
    <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="States of a pipeline">
      <svg viewBox="0 34 512 130" className="min-w-[30rem] max-w-2xl" role="img" aria-label={`The pipeline is in the state ${STATUS[status].label}`}>
        <defs>
          <marker id="to" viewBox="0 0 6 6" refX="5" refY="3" markerWidth="6" markerHeight="6" orient="auto-start-reverse">
            <path d="M0 0L6 3L0 6z" className="fill-faint" />
          </marker>
        </defs>
        {WAYS.map(([from, to, , path]) => (
          <path key={from + to} d={path} fill="none" markerEnd="url(#to)" className={clsx(from === status ? 'stroke-fg' : 'stroke-edge')} strokeWidth="1.2" />
        ))}
        {WAYS.filter(([from, , label]) => from === status && label).map(([from, to, label, path]) => {
          const [x, y] = middle(path)
          return (
            <text key={from + to} x={x} y={y} className="fill-muted text-[9px]" textAnchor="middle">
              {label}
            </text>
          )
        })}
        {(Object.keys(AT) as PipelineStatus[]).map((s) => (
          <g key={s} data-state={s} data-current={s === status || undefined}>
            <rect
              x={AT[s][0] - W / 2}
              y={AT[s][1] - H / 2}
              width={W}
              height={H}
              rx="6"
              className={clsx(s === status ? 'fill-accent/15 stroke-accent' : 'fill-surface stroke-edge')}
              strokeWidth={s === status ? 2 : 1}
            />
            <text x={AT[s][0]} y={AT[s][1] + 3.5} textAnchor="middle" className={clsx('text-[10px]', s === status ? 'fill-fg font-semibold' : 'fill-muted')}>
              {STATUS[s].label}
            </text>
          </g>
        ))}
      </svg>
    </div>
  )
}

/** Beside the middle of a way of straight lines. */
function middle(path: string): [number, number] {
  const n = path.match(/-?\d+/g)!.map(Number)
  const [x1, y1] = [n[0]!, n[1]!]
  if (/H\d+$/.test(path) && n.length === 3) return [(x1 + n[2]!) / 2, y1 - 5]
  if (/V\d+$/.test(path) && n.length === 3) return [x1 + 16, (y1 + n[2]!) / 2 + 3]
  if (n.length === 4 && path.includes('L')) return [(x1 + n[2]!) / 2 + 14, (y1 + n[3]!) / 2 + 8]
  return [x1 + 14, y1 + 20]
}
