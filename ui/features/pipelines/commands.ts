// Which commands make sense in which state, and what they are called. The server decides; this only
// spares people buttons that would be refused. The state machine is drawn in server/pipelines/state.c.
import { CirclePause, CirclePlay, CircleStop, ListRestart, RotateCw, type LucideIcon } from 'lucide-react'
import type { Pipeline, PipelineCommand, PipelineStatus, Role } from '@/lib/api/types'

export interface CommandLook {
  command: PipelineCommand
  label: string
  icon: LucideIcon
  role: Role
  in: PipelineStatus[]
  oursOnly?: boolean // of pipelines whose connectors millrace runs
  sure?: boolean // is asked about first
}

export const COMMANDS: CommandLook[] = [
  { command: 'start', label: 'Start', icon: CirclePlay, role: 'operator', in: ['NOT_STARTED', 'STOPPED', 'ERROR'] },
  { command: 'resume', label: 'Resume', icon: CirclePlay, role: 'operator', in: ['PAUSED'] },
  { command: 'pause', label: 'Pause', icon: CirclePause, role: 'operator', in: ['RUNNING'] },
  { command: 'stop', label: 'Stop', icon: CircleStop, role: 'operator', in: ['STARTING', 'RUNNING', 'PAUSED', 'ERROR'] },
  { command: 'restart', label: 'Restart', icon: RotateCw, role: 'operator', in: ['RUNNING', 'PAUSED'], oursOnly: true },
  { command: 'resync', label: 'Load everything anew', icon: ListRestart, role: 'admin', in: ['RUNNING', 'PAUSED', 'STOPPED', 'ERROR'], oursOnly: true, sure: true },
]

export const commandsOf = (p: Pick<Pipeline, 'status' | 'engine'>) => COMMANDS.filter((c) => c.in.includes(p.status) && (!c.oursOnly || p.engine === 'connect'))

export const MODES: Record<Pipeline['mode'], { label: string; long: string }> = {
  full_load_only: { label: 'Full load', long: 'Copy the tables once, then stop.' },
  cdc_only: { label: 'Changes', long: 'Follow changes from now on; what is there already is not copied.' },
  full_load_and_cdc: { label: 'Load and changes', long: 'Copy the tables, then follow every change from the very moment of the copy.' },
}

/** What a pipeline needs somebody for, in a sentence; null: nothing. */
export function trouble(p: Pipeline): string | null {
  if (p.status === 'ERROR') return p.error_message || 'It failed.'
  if (p.health === 'DEGRADED') return p.health_reason || 'It does not keep up.'
  return null
}
