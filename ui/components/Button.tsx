import { clsx } from 'clsx'
import type { ButtonHTMLAttributes, Ref } from 'react'

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: 'primary' | 'plain' | 'quiet' | 'danger'
  size?: 'sm' | 'md'
  square?: boolean // an icon alone: give it an aria-label
  ref?: Ref<HTMLButtonElement>
}

const LOOKS = {
  primary: 'bg-accent text-onaccent hover:bg-accent/90 border-transparent font-semibold',
  plain: 'border-edge bg-surface text-fg hover:bg-raised',
  danger: 'border-bad/40 bg-bad/10 text-bad hover:bg-bad/20 font-semibold',
  quiet: 'border-transparent text-muted hover:bg-raised hover:text-fg',
}

export function Button({ look = 'plain', size = 'sm', square, className, type = 'button', ...rest }: ButtonProps) {
  return (
    <button
      type={type}
      className={clsx(
        'inline-flex shrink-0 select-none items-center justify-center gap-1.5 whitespace-nowrap rounded-md border text-sm font-medium transition-colors',
        'disabled:pointer-events-none disabled:opacity-50 aria-disabled:opacity-50',
        LOOKS[look],
        size === 'sm' ? 'h-8' : 'h-10',
        square ? (size === 'sm' ? 'w-8' : 'w-10') : size === 'sm' ? 'px-2.5' : 'px-4',
        className,
      )}
      {...rest}
    />
  )
}
