'use client'

// A drop-down menu on Radix's primitive. Not modal: a modal one locks scrolling by an inline <style>,
// which the page's Content-Security-Policy rightly refuses.
import * as Radix from '@radix-ui/react-dropdown-menu'
import { clsx } from 'clsx'
import { Check } from 'lucide-react'
import type { ReactNode } from 'react'

export const Menu = ({ children, ...rest }: Radix.DropdownMenuProps) => (
  <Radix.Root modal={false} {...rest}>
    {children}
  </Radix.Root>
)
export const MenuTrigger = Radix.Trigger

export function MenuContent({ children, className, align = 'end' }: { children: ReactNode; className?: string; align?: 'start' | 'end' }) {
  return (
    <Radix.Portal>
      <Radix.Content
        align={align}
        sideOffset={6}
        collisionPadding={8}
        className={clsx('z-50 max-h-[min(26rem,var(--radix-dropdown-menu-content-available-height))] min-w-44 overflow-y-auto rounded-lg bg-surface p-1 shadow-pop', className)}
      >
        {children}
      </Radix.Content>
    </Radix.Portal>
  )
}

const ITEM =
  'flex cursor-default select-none items-center gap-2 rounded-md px-2 py-1.5 text-sm outline-none data-[highlighted]:bg-raised data-[disabled]:opacity-50'

export const MenuItem = ({ className, ...rest }: Radix.DropdownMenuItemProps) => <Radix.Item className={clsx(ITEM, className)} {...rest} />

export const MenuChoices = Radix.RadioGroup

export function MenuChoice({ children, className, ...rest }: Radix.DropdownMenuRadioItemProps) {
  return (
    <Radix.RadioItem className={clsx(ITEM, 'pr-8', className)} {...rest}>
      {children}
      <Radix.ItemIndicator className="absolute right-3 text-accent">
        <Check className="size-4" aria-hidden />
      </Radix.ItemIndicator>
    </Radix.RadioItem>
  )
}

export const MenuLabel = ({ children }: { children: ReactNode }) => <Radix.Label className="px-2 pb-1 pt-1.5 text-xs font-medium text-faint">{children}</Radix.Label>
export const MenuLine = () => <Radix.Separator className="-mx-1 my-1 h-px bg-line" />
