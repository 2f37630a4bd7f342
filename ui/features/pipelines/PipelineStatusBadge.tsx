import { CircleAlert, CirclePause, CirclePlay, CircleStop, LoaderCircle, type LucideIcon } from 'lucide-react'
import { Badge, type Tone } from '@/components/Badge'
import type { PipelineStatus } from '@/lib/api/types'

export const STATUS: Record<PipelineStatus, { label: string; tone: Tone; icon: LucideIcon }> = {
  NOT_STARTED: { label: 'Not started', tone: 'muted', icon: CircleStop },
  STARTING: { label: 'Starting', tone: 'accent', icon: LoaderCircle },
  RUNNING: { label: 'Running', tone: 'ok', icon: CirclePlay },
  STOPPING: { label: 'Stopping', tone: 'warn', icon: LoaderCircle },
  STOPPED: { label: 'Stopped', tone: 'muted', icon: CircleStop },
  PAUSED: { label: 'Paused', tone: 'warn', icon: CirclePause },
  ERROR: { label: 'Error', tone: 'bad', icon: CircleAlert },
}

export function PipelineStatusBadge({ status }: { status: PipelineStatus }) {
  const { label, tone, icon } = STATUS[status] ?? { label: status, tone: 'muted' as const, icon: CircleStop }
  return (
    <Badge tone={tone} icon={icon}>
      {label}
    </Badge>
  )
}
