import { useConfig } from '@/components/Providers'
import type { Role } from '@/lib/api/types'
import { useAppSelector } from '@/lib/store'
import { selectAuth } from './authSlice'

const RANK: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 }

/**
 * Whether the user's own role is enough. A grant on one resource may give more or less: the server
 * has the last word, this only spares people buttons that would be refused.
 */
export function useMay(role: Role): boolean {
  const { user } = useAppSelector(selectAuth)
  const open = useConfig().auth === 'open'
  return open || (user !== null && RANK[user.role] >= RANK[role])
}
