// What is computed of the samples and messages: trends, distributions, the file of a download. Pure.
import type { Message, Stats } from '@/lib/api/types'
import { csv } from '@/lib/csv'

const mean = (all: number[]) => all.reduce((sum, n) => sum + n, 0) / all.length

/** How the last 5 s compare with the 5 s before: 0.25 is a quarter more. null: there is no before. */
export function trend(samples: Stats[], figure: (s: Stats) => number): number | null {
  const values = samples.slice(-20).map(figure)
  if (values.length < 20) return null
  const before = mean(values.slice(0, 10))
  const now = mean(values.slice(10))
  return before === 0 ? (now === 0 ? 0 : null) : now / before - 1
}

export interface Bin {
  from: number
  to: number
  n: number
}

/** Times that batches took, in at most `most` equal steps; a batch that several samples saw counts once. */
export function batchTimes(samples: Stats[], most = 8): Bin[] {
  const times: number[] = []
  samples.forEach((s, i) => {
    if (s.batch_ms != null && s.total_batches !== samples[i - 1]?.total_batches) times.push(s.batch_ms)
  })
  if (!times.length) return []
  const highest = Math.max(...times)
  const step = Math.max(1, Math.ceil(highest / most))
  const bins = Array.from({ length: Math.max(1, Math.ceil(highest / step)) }, (_, i) => ({ from: i * step, to: (i + 1) * step, n: 0 }))
  for (const t of times) bins[Math.min(bins.length - 1, Math.floor(t / step))]!.n++
  return bins
}

export interface MessageFilter {
  text: string
  user: string
  channel: string
}
export const NO_FILTER: MessageFilter = { text: '', user: '', channel: '' }

export function matching(messages: Message[], { text, user, channel }: MessageFilter): Message[] {
  const words = text.trim().toLowerCase()
  if (!words && !user && !channel) return messages
  return messages.filter(
    (m) => (!words || m.content.toLowerCase().includes(words)) && (!user || String(m.user_id) === user) && (!channel || String(m.channel_id) === channel),
  )
}

const COLUMNS = ['id', 'user_id', 'channel_id', 'content', 'created_at', 'inserted_at'] as const

export const messagesCsv = (messages: Message[]) => csv(messages.map((m) => Object.fromEntries(COLUMNS.map((c) => [c, m[c]]))))
