'use client'

// A modal dialog on the browser's own <dialog>: it keeps the focus inside, gives it back, closes on
// Escape, and needs no inline style, which the page's policy would refuse.
import { clsx } from 'clsx'
import { X } from 'lucide-react'
import { useEffect, useId, useRef, type ReactNode } from 'react'
import { Button } from './Button'

export interface DialogProps {
  title: string
  onClose: () => void
  children: ReactNode
  wide?: boolean
}

/** Open while it is rendered. */
export function Dialog({ title, onClose, children, wide }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const dialog = ref.current
    if (!dialog || dialog.open) return
    dialog.showModal()
    // The browser would choose the cross; who opened it came to fill something in.
    dialog.querySelector<HTMLElement>('form input:not([type=checkbox]), form textarea, form select')?.focus()
  }, [])
  return (
    <dialog
      ref={ref}
      aria-labelledby={id}
      onCancel={(e) => {
        e.preventDefault()
        onClose()
      }}
      onMouseDown={(e) => e.target === ref.current && onClose()}
      className={clsx('dialog m-auto w-[calc(100vw-1.5rem)] rounded-lg bg-surface p-0 text-fg shadow-pop', wide ? 'max-w-3xl' : 'max-w-lg')}
    >
      <div className="flex max-h-[calc(100dvh-3rem)] flex-col">
        <header className="flex items-center justify-between gap-3 border-b px-4 py-3">
          <h2 id={id} className="min-w-0 truncate text-base font-semibold">
            {title}
          </h2>
          <Button look="quiet" square onClick={onClose} aria-label="Close">
            <X className="size-4" aria-hidden />
          </Button>
        </header>
        <div className="min-h-0 flex-1 overflow-y-auto p-4">{children}</div>
      </div>
    </dialog>
  )
}
