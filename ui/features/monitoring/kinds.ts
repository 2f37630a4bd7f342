// How each kind of event is shown, everywhere: a word, an icon, and a colour that repeats them.
import { CircleDashed, Eraser, MessageSquareText, Pencil, Plus, Trash2, type LucideIcon } from 'lucide-react'
import type { EventKind } from '@/lib/api/types'

export const KIND: Record<EventKind, { label: string; icon: LucideIcon }> = {
  insert: { label: 'Insert', icon: Plus },
  update: { label: 'Update', icon: Pencil },
  delete: { label: 'Delete', icon: Trash2 },
  truncate: { label: 'Truncate', icon: Eraser },
  message: { label: 'Message', icon: MessageSquareText },
  other: { label: 'Other', icon: CircleDashed },
}
