import { clsx } from 'clsx'
import { CircleCheck, Info, TriangleAlert } from 'lucide-react'
import type { ReactNode } from 'react'

const LOOKS = {
  bad: { look: 'bg-bad/10 text-bad', icon: TriangleAlert },
  warn: { look: 'bg-warn/10 text-warn', icon: TriangleAlert },
  ok: { look: 'bg-ok/10 text-ok', icon: CircleCheck },
  info: { look: 'bg-raised text-muted', icon: Info },
}

/** A sentence that has to be seen: with an icon, for the colour alone says nothing. */
export function Notice({ tone, children, action, className }: { tone: keyof typeof LOOKS; children: ReactNode; action?: ReactNode; className?: string }) {
  const { look, icon: Icon } = LOOKS[tone]
  return (
    <div role={tone === 'bad' ? 'alert' : 'status'} className={clsx('flex items-start gap-2 rounded-md px-3 py-2 text-sm', look, className)}>
      <Icon className="mt-0.5 size-4 shrink-0" aria-hidden />
      <div className="min-w-0 flex-1 break-words">{children}</div>
      {action}
    </div>
  )
}
