import { Badge } from '@/components/Badge'
import type { EventKind } from '@/lib/api/types'
import { KIND } from './kinds'

export function KindBadge({ kind, op }: { kind: EventKind; op?: string | null }) {
  const known = kind in KIND ? kind : 'other'
  const { label, icon } = KIND[known]
  // A row of a snapshot is an insert for whoever counts, but it was there before.
  return (
    <Badge tone={known} icon={icon} className="min-w-[4.75rem]" title={op === 'r' ? 'Read by a snapshot' : undefined}>
      {label}
      {op === 'r' && <span className="sr-only">, read by a snapshot</span>}
    </Badge>
  )
}
