'use client'

import { Monitor, Moon, Sun } from 'lucide-react'
import { useState } from 'react'
import { chooseTheme, chosenTheme, type Theme } from '@/lib/theme'
import { Button } from './Button'
import { Menu, MenuChoice, MenuChoices, MenuContent, MenuTrigger } from './Menu'

const CHOICES = [
  { theme: 'system', label: 'System', icon: Monitor },
  { theme: 'light', label: 'Light', icon: Sun },
  { theme: 'dark', label: 'Dark', icon: Moon },
] as const

export function ThemeToggle() {
  const [theme, setTheme] = useState<Theme>(chosenTheme)
  const Icon = CHOICES.find((c) => c.theme === theme)!.icon
  const choose = (value: string) => {
    chooseTheme(value as Theme)
    setTheme(value as Theme)
  }
  return (
    <Menu>
      <MenuTrigger asChild>
        <Button look="quiet" square aria-label={`Theme: ${theme}`} title="Theme">
          <Icon className="size-4" aria-hidden />
        </Button>
      </MenuTrigger>
      <MenuContent className="min-w-36">
        <MenuChoices value={theme} onValueChange={choose}>
          {CHOICES.map(({ theme: value, label, icon: ItemIcon }) => (
            <MenuChoice key={value} value={value} className="relative">
              <ItemIcon className="size-4 text-muted" aria-hidden />
              {label}
            </MenuChoice>
          ))}
        </MenuChoices>
      </MenuContent>
    </Menu>
  )
}
