import { clsx } from 'clsx'
import type { TableHTMLAttributes, TdHTMLAttributes, ThHTMLAttributes } from 'react'

/** A plain table for what is short; long lists are features/monitoring/EventTable. */
export const Table = ({ className, ...rest }: TableHTMLAttributes<HTMLTableElement>) => (
  <table className={clsx('w-full table-fixed border-collapse text-left text-sm', className)} {...rest} />
)
export const Th = ({ className, ...rest }: ThHTMLAttributes<HTMLTableCellElement>) => (
  <th className={clsx('border-b px-2.5 py-1.5 align-top text-xs font-medium text-muted', className)} {...rest} />
)
export const Td = ({ className, ...rest }: TdHTMLAttributes<HTMLTableCellElement>) => (
  <td className={clsx('border-b border-line/60 px-2.5 py-1.5 align-top', className)} {...rest} />
)
