/** How much of a whole is done, 0 to 100; null: nobody knows, but something goes on. */
export function Progress({ percent, label }: { percent: number | null; label: string }) {
  return (
    <svg
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent === null ? undefined : Math.round(percent)}
      className="h-1.5 w-full rounded-full bg-raised"
      viewBox="0 0 100 1"
      preserveAspectRatio="none"
    >
      <rect width={percent === null ? 100 : Math.min(100, Math.max(0, percent))} height="1" className={percent === null ? 'pulse fill-accent/50' : 'fill-accent'} />
    </svg>
  )
}
