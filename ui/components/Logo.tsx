/** A mill wheel over its race. */
export function Logo({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeLinecap="round" className={className} aria-hidden>
      <circle cx="12" cy="9.6" r="5.4" strokeWidth="1.8" />
      <path d="M12 2.2v14.8M4.6 9.6h14.8M6.8 4.4l10.4 10.4M17.2 4.4 6.8 14.8" strokeWidth="1.2" />
      <path d="M2 20.5c1.7-1.6 3.3-1.6 5 0s3.3 1.6 5 0 3.3-1.6 5 0 3.3 1.6 5 0" strokeWidth="1.8" />
    </svg>
  )
}
