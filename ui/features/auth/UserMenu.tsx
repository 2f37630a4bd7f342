'use client'

import { LogOut } from 'lucide-react'
import { Button } from '@/components/Button'
import { Menu, MenuContent, MenuItem, MenuLine, MenuTrigger } from '@/components/Menu'
import { useAppDispatch, useAppSelector } from '@/lib/store'
import { logout, selectAuth } from './authSlice'

export function UserMenu() {
  const dispatch = useAppDispatch()
  const { user } = useAppSelector(selectAuth)
  if (!user) return null
  return (
    <Menu>
      <MenuTrigger asChild>
        <Button look="quiet" square className="rounded-full" aria-label={`Account: ${user.username}`}>
          <span aria-hidden className="grid size-6 place-items-center rounded-full bg-accent/15 text-xs font-semibold uppercase text-accent">
            {user.username.slice(0, 1)}
          </span>
        </Button>
      </MenuTrigger>
      <MenuContent>
        <div className="px-2 py-1.5 text-sm">
          <div className="font-medium">{user.username}</div>
          <div className="text-xs capitalize text-faint">{user.role}</div>
        </div>
        <MenuLine />
        <MenuItem onSelect={() => void dispatch(logout())}>
          <LogOut className="size-4 text-muted" aria-hidden />
          Sign out
        </MenuItem>
      </MenuContent>
    </Menu>
  )
}
