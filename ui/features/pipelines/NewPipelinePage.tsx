'use client'

// A pipeline from nothing to running: databases, tables, options, checks, start. What was thought out
// is kept by the server when it is checked, as a pipeline that is not started; going back changes it.
import { zodResolver } from '@hookform/resolvers/zod'
import { clsx } from 'clsx'
import { LazyMotion, MotionConfig } from 'framer-motion'
import * as m from 'framer-motion/m'
import { Check, CirclePlay, LoaderCircle } from 'lucide-react'
import dynamic from 'next/dynamic'
import { useRouter } from 'next/navigation'
import { useEffect, useState } from 'react'
import { FormProvider, useForm, type FieldPath } from 'react-hook-form'
import { Button } from '@/components/Button'
import { Notice } from '@/components/Notice'
import { PageFrame } from '@/components/PageFrame'
import { Skeleton } from '@/components/Skeleton'
import { useMay } from '@/features/auth/useMay'
import { fetchConnections, selectConnections } from '@/features/connections/connectionSlice'
import { useApi } from '@/lib/api/useApi'
import type { Preflight } from '@/lib/api/types'
import { failureOf, type Failure } from '@/lib/failure'
import { useAppDispatch, useAppSelector } from '@/lib/store'
import { MODES } from './commands'
import { commandPipeline, createPipeline, updatePipeline } from './pipelineSlice'
import { ChecksStep } from './wizard/ChecksStep'
import { bodyOf, draftForm, EMPTY, POLICIES, topicsOf, type Draft } from './wizard/draft'
import { EndsStep } from './wizard/EndsStep'

const loading = () => <Skeleton className="h-40 w-full" />
const TablesStep = dynamic(() => import('./wizard/TablesStep').then((all) => all.TablesStep), { ssr: false, loading })
const OptionsStep = dynamic(() => import('./wizard/OptionsStep').then((all) => all.OptionsStep), { ssr: false, loading })

type Step = 'ends' | 'tables' | 'options' | 'checks'
const STEPS: { key: Step; label: string; fields: FieldPath<Draft>[] }[] = [
  { key: 'ends', label: 'Databases', fields: ['source_connection_id', 'target_connection_id', 'topic_prefix', 'kafka_topics'] },
  { key: 'tables', label: 'Tables', fields: ['source_tables'] },
  { key: 'options', label: 'Options', fields: ['name', 'description', 'target_schema'] },
  { key: 'checks', label: 'Check and start', fields: [] },
]

// How things move is loaded after the page: nothing waits for it.
const motion = () => import('@/components/motion').then((all) => all.domAnimation)

export function NewPipelinePage() {
  const dispatch = useAppDispatch()
  const router = useRouter()
  const api = useApi()
  const admin = useMay('admin')
  const form = useForm<Draft>({ resolver: zodResolver(draftForm), defaultValues: EMPTY, mode: 'onTouched' })
  const external = form.watch('engine') === 'external'
  const steps = STEPS.filter((s) => !(external && s.key === 'tables'))
  const [step, setStep] = useState<Step>('ends')
  const at = steps.findIndex((s) => s.key === step)
  const [kept, setKept] = useState<{ id: string; as: string } | null>(null)
  const [work, setWork] = useState<'checking' | 'starting' | null>(null)
  const [result, setResult] = useState<Preflight | null>(null)
  const [error, setError] = useState<Failure | null>(null)

  useEffect(() => {
    void dispatch(fetchConnections())
  }, [dispatch])

  /** As it stands, with the server: made the first time, changed afterwards. */
  const keep = async (draft: Draft) => {
    const body = bodyOf(draft)
    const as = JSON.stringify(body)
    if (kept?.as === as) return kept.id
    const { id } = kept ? await dispatch(updatePipeline({ id: kept.id, change: body })).unwrap() : await dispatch(createPipeline(body)).unwrap()
    setKept({ id, as })
    return id
  }
  const check = async (draft: Draft) => {
    setWork('checking')
    setError(null)
    setResult(null)
    try {
      const id = await keep(draft)
      setResult(draft.engine === 'external' ? { valid: true, message: 'It reads topics that are there, or that come. Nothing has to be checked.', checks: [] } : await api.validatePipeline(id))
    } catch (e) {
      setError(failureOf(e))
    } finally {
      setWork(null)
    }
  }
  const start = async () => {
    if (!kept) return
    setWork('starting')
    setError(null)
    try {
      await dispatch(commandPipeline({ id: kept.id, command: 'start' })).unwrap()
      router.push(`/pipelines/view?id=${kept.id}`)
    } catch (e) {
      setError(failureOf(e))
      setWork(null)
    }
  }
  const next = async () => {
    if (!(await form.trigger(steps[at]!.fields))) return
    const to = steps[at + 1]!.key
    setStep(to)
    if (to === 'checks') await form.handleSubmit(check, () => setError({ message: 'Something of the steps before is not right yet.', status: null, away: false, unauthorized: false, requestId: null }))()
  }

  if (!admin)
    return (
      <PageFrame here="/pipelines" title="New pipeline">
        <Notice tone="info">Pipelines are made by administrators. Ask one, or sign in as one.</Notice>
      </PageFrame>
    )
  return (
    <PageFrame here="/pipelines" title="New pipeline">
      <FormProvider {...form}>
        <div className="mx-auto grid w-full max-w-5xl gap-4">
          <ol aria-label="Steps" className="flex flex-wrap gap-x-1 gap-y-2">
            {steps.map((s, i) => (
              <li key={s.key} className="flex items-center">
                <button
                  type="button"
                  disabled={i > at || work !== null}
                  aria-current={s.key === step ? 'step' : undefined}
                  onClick={() => setStep(s.key)}
                  className={clsx('flex items-center gap-2 rounded-full px-2.5 py-1 text-sm font-medium', s.key === step ? 'bg-accent/10 text-accent' : i < at ? 'text-fg hover:bg-raised' : 'text-faint')}
                >
                  <span aria-hidden className={clsx('grid size-5 place-items-center rounded-full text-xs ring-1 ring-inset', i < at ? 'bg-ok/15 text-ok ring-ok/30' : s.key === step ? 'ring-accent' : 'ring-edge')}>
                    {i < at ? <Check className="size-3" /> : i + 1}
                  </span>
                  {s.label}
                </button>
                {i < steps.length - 1 && <span aria-hidden className="mx-1 h-px w-4 bg-edge max-sm:hidden" />}
              </li>
            ))}
          </ol>
          <section aria-label={steps[at]?.label} className="card overflow-hidden p-4">
            <LazyMotion features={motion} strict>
              <MotionConfig reducedMotion="user">
                <m.div key={step} initial={{ x: 16 }} animate={{ x: 0 }} transition={{ duration: 0.16 }}>
                  {step === 'ends' && <EndsStep />}
                  {step === 'tables' && <TablesStep />}
                  {step === 'options' && <OptionsStep />}
                  {step === 'checks' && (
                    <div className="grid gap-4">
                      <Review draft={form.getValues()} />
                      <ChecksStep result={result} pending={work === 'checking'} error={error} onAgain={() => void form.handleSubmit(check)()} />
                    </div>
                  )}
                </m.div>
              </MotionConfig>
            </LazyMotion>
          </section>
          <div className="flex items-center justify-between gap-2">
            <Button disabled={work !== null} onClick={() => (at > 0 ? setStep(steps[at - 1]!.key) : router.push('/pipelines'))}>
              {at > 0 ? 'Back' : 'Cancel'}
            </Button>
            {kept && step === 'checks' && work === null && (
              <Button look="quiet" className="ml-auto" onClick={() => router.push(`/pipelines/view?id=${kept.id}`)}>
                Start later
              </Button>
            )}
            {step === 'checks' ? (
              <Button look="primary" disabled={!result?.valid || work !== null} onClick={() => void start()}>
                {work === 'starting' ? <LoaderCircle className="size-3.5 animate-spin" aria-hidden /> : <CirclePlay className="size-3.5" aria-hidden />}
                Start
              </Button>
            ) : (
              <Button look="primary" onClick={() => void next()}>
                Next
              </Button>
            )}
          </div>
        </div>
      </FormProvider>
    </PageFrame>
  )
}

/** What will be started, before it is. */
function Review({ draft: d }: { draft: Draft }) {
  const { connections } = useAppSelector(selectConnections)
  const name = (id: string) => connections.find((c) => c.id === id)?.name ?? id
  const tables = d.all_tables ? `all of ${d.source_schema || 'the database'}` : d.source_tables.map((t) => (d.source_schema ? `${d.source_schema}.${t}` : t)).join(', ')
  const facts: [string, string][] =
    d.engine === 'external'
      ? [['Topics', d.topic_prefix ? `${d.topic_prefix}…` : topicsOf(d.kafka_topics).join(', ')]]
      : [
          ['From', name(d.source_connection_id)],
          ['To', name(d.target_connection_id) + (d.target_schema ? `, schema ${d.target_schema}` : '')],
          ['Tables', tables],
          ['Mode', MODES[d.mode].label],
          ['Changed columns', POLICIES[d.schema_change_policy]],
        ]
  return (
    <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1 rounded-md bg-raised/60 px-3.5 py-2.5 text-sm">
      {[['Name', d.name] as [string, string], ...facts].map(([what, is]) => (
        <div key={what} className="contents">
          <dt className="text-muted">{what}</dt>
          <dd className="min-w-0 break-words font-medium">{is}</dd>
        </div>
      ))}
    </dl>
  )
}
