'use client'

// Which pipeline is being looked at. Those that need somebody come first.
import { ChevronsUpDown } from 'lucide-react'
import { Button } from '@/components/Button'
import { Menu, MenuChoice, MenuChoices, MenuContent, MenuLabel, MenuTrigger } from '@/components/Menu'
import type { Pipeline, PipelineStatus } from '@/lib/api/types'
import { PipelineStatusBadge } from './PipelineStatusBadge'

/** Of states: those that need somebody first. */
export const URGENCY: PipelineStatus[] = ['ERROR', 'STARTING', 'STOPPING', 'RUNNING', 'PAUSED', 'STOPPED', 'NOT_STARTED']

export const byUrgency = (pipelines: Pipeline[]) =>
  [...pipelines].sort((a, b) => URGENCY.indexOf(a.status) - URGENCY.indexOf(b.status) || a.name.localeCompare(b.name))

const topicsOf = (p: Pipeline) => (p.topic_prefix ? `${p.topic_prefix}…` : p.kafka_topics.join(', ') || p.mode)

export function PipelinePicker({ pipelines, selected, onSelect }: { pipelines: Pipeline[]; selected: Pipeline | null; onSelect: (id: string) => void }) {
  return (
    <Menu>
      <MenuTrigger asChild>
        <Button look="quiet" className="min-w-0 !shrink !px-2 text-fg" aria-label={`Pipeline: ${selected?.name ?? 'none'}`} disabled={!pipelines.length}>
          <span className="truncate font-medium">{selected?.name ?? 'No pipeline'}</span>
          <ChevronsUpDown className="size-3.5 shrink-0 text-faint" aria-hidden />
        </Button>
      </MenuTrigger>
      <MenuContent align="start" className="w-[min(22rem,calc(100vw-1rem))]">
        <MenuLabel>Pipelines</MenuLabel>
        <MenuChoices value={selected?.id ?? ''} onValueChange={onSelect}>
          {byUrgency(pipelines).map((p) => (
            <MenuChoice key={p.id} value={p.id} textValue={p.name} className="relative">
              <span className="min-w-0 flex-1">
                <span className="block truncate">{p.name}</span>
                <span className="block truncate font-mono text-2xs text-faint">{topicsOf(p)}</span>
              </span>
              <PipelineStatusBadge status={p.status} />
            </MenuChoice>
          ))}
        </MenuChoices>
      </MenuContent>
    </Menu>
  )
}
