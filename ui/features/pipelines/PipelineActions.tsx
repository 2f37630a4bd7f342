'use client'

// What can be done with a pipeline, as the buttons of its page and as the menu of a row.
import { EllipsisVertical, LoaderCircle, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { Button } from '@/components/Button'
import { ConfirmDialog } from '@/components/ConfirmDialog'
import { Menu, MenuContent, MenuItem, MenuLine, MenuTrigger } from '@/components/Menu'
import { Notice } from '@/components/Notice'
import { useMay } from '@/features/auth/useMay'
import { useChange } from '@/lib/api/useApi'
import type { Pipeline, PipelineCommand } from '@/lib/api/types'
import type { Failure } from '@/lib/failure'
import { useAppDispatch } from '@/lib/store'
import { commandsOf } from './commands'
import { commandPipeline, deletePipeline } from './pipelineSlice'

type Asked = 'resync' | 'delete' | null

function useActions(p: Pipeline, { onDone, onFailure }: { onDone?: () => void; onFailure?: (f: Failure) => void }) {
  const dispatch = useAppDispatch()
  const may = { viewer: true, operator: useMay('operator'), admin: useMay('admin') }
  const [asked, setAsked] = useState<Asked>(null)
  const change = useChange(async (_api, command: PipelineCommand) => {
    const result = await dispatch(commandPipeline({ id: p.id, command }))
    if (commandPipeline.rejected.match(result) && result.payload) {
      onFailure?.(result.payload)
      throw result.payload
    }
    setAsked(null)
    onDone?.()
  })
  const commands = commandsOf(p).filter((c) => may[c.role])
  const run = (command: PipelineCommand) => (command === 'resync' ? setAsked('resync') : void change.run(command))
  return { commands, run, change, asked, setAsked, mayDelete: may.admin }
}

function Asks({ p, asked, change, onClose, onDeleted }: { p: Pipeline; asked: Asked; change: { run: (c: PipelineCommand) => unknown; pending: boolean; error: Failure | null }; onClose: () => void; onDeleted?: () => void }) {
  if (asked === 'resync')
    return (
      <ConfirmDialog title="Load everything anew" action="Empty the target and load" name={p.name} pending={change.pending} error={change.error} onConfirm={() => void change.run('resync')} onClose={onClose}>
        <p>
          The target tables of <strong className="font-medium">{p.name}</strong> are emptied and copied again. Its slot, connectors and their topics are made anew. The log keeps its events.
        </p>
      </ConfirmDialog>
    )
  return asked === 'delete' ? <Removal p={p} onClose={onClose} onDeleted={onDeleted} /> : null
}

function Removal({ p, onClose, onDeleted }: { p: Pipeline; onClose: () => void; onDeleted?: () => void }) {
  const dispatch = useAppDispatch()
  const [topics, setTopics] = useState(false)
  const runs = !['NOT_STARTED', 'STOPPED', 'ERROR'].includes(p.status)
  const ours = p.engine === 'connect'
  const removal = useChange(async () => {
    await dispatch(deletePipeline({ id: p.id, force: runs, drop_topics: topics })).unwrap()
    onClose()
    onDeleted?.()
  })
  return (
    <ConfirmDialog title="Delete a pipeline" action="Delete" name={p.name} pending={removal.pending} error={removal.error} onConfirm={() => void removal.run()} onClose={onClose}>
      {runs && <Notice tone="warn">It is running. Deleting stops it.</Notice>}
      <p>
        <strong className="font-medium">{p.name}</strong> goes{ours && ', and with it its connectors, its replication slot and its publication'}. Its events stay in the log; the tables of both databases stay as they are.
      </p>
      {ours && (
        <label className="flex items-center gap-2">
          <input type="checkbox" checked={topics} onChange={(e) => setTopics(e.target.checked)} className="size-4 accent-current" />
          Delete its Kafka topics, too
        </label>
      )}
    </ConfirmDialog>
  )
}

export function PipelineButtons({ pipeline: p, onDone, onDeleted }: { pipeline: Pipeline; onDone?: () => void; onDeleted?: () => void }) {
  const { commands, run, change, asked, setAsked, mayDelete } = useActions(p, { onDone })
  return (
    <div className="flex flex-wrap items-center gap-2">
      {commands.map(({ command, label, icon: Icon }, i) => (
        <Button key={command} look={i === 0 && (command === 'start' || command === 'resume') ? 'primary' : 'plain'} disabled={change.pending} onClick={() => run(command)}>
          {change.pending ? <LoaderCircle className="size-3.5 animate-spin" aria-hidden /> : <Icon className="size-3.5" aria-hidden />}
          {label}
        </Button>
      ))}
      {mayDelete && (
        <Button look="quiet" square onClick={() => setAsked('delete')} aria-label={`Delete ${p.name}`} title="Delete">
          <Trash2 className="size-4" aria-hidden />
        </Button>
      )}
      {change.error && asked === null && (
        <Notice tone="bad" className="w-full">
          {change.error.message}
        </Notice>
      )}
      <Asks p={p} asked={asked} change={change} onClose={() => setAsked(null)} onDeleted={onDeleted} />
    </div>
  )
}

export function PipelineMenu({ pipeline: p, onError }: { pipeline: Pipeline; onError: (text: string | null) => void }) {
  const { commands, run, change, asked, setAsked, mayDelete } = useActions(p, {
    onDone: () => onError(null),
    onFailure: (f) => onError(`${p.name}: ${f.message}`),
  })
  if (!commands.length && !mayDelete) return null
  return (
    <>
      <Menu>
        <MenuTrigger asChild>
          <Button look="quiet" square aria-label={`Actions for ${p.name}`} disabled={change.pending}>
            {change.pending ? <LoaderCircle className="size-4 animate-spin" aria-hidden /> : <EllipsisVertical className="size-4" aria-hidden />}
          </Button>
        </MenuTrigger>
        <MenuContent>
          {commands.map(({ command, label, icon: Icon }) => (
            <MenuItem key={command} onSelect={() => run(command)}>
              <Icon className="size-4 text-muted" aria-hidden />
              {label}
            </MenuItem>
          ))}
          {mayDelete && (
            <>
              {commands.length > 0 && <MenuLine />}
              <MenuItem onSelect={() => setAsked('delete')} className="text-bad">
                <Trash2 className="size-4" aria-hidden />
                Delete…
              </MenuItem>
            </>
          )}
        </MenuContent>
      </Menu>
      <Asks p={p} asked={asked} change={change} onClose={() => setAsked(null)} />
    </>
  )
}
