import { Logo } from './Logo'

/** What is there before anything is known: in the HTML itself, so the page is never blank. */
export function Boot() {
  return (
    <div className="grid min-h-dvh place-items-center" role="status" aria-label="Loading millrace">
      <div className="pulse flex items-center gap-2.5 text-muted">
        <Logo className="size-6 text-accent" />
        <span className="text-lg font-semibold tracking-tight">millrace</span>
      </div>
    </div>
  )
}
