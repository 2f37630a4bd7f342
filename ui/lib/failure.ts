// What went wrong, in the plain form that a store can hold and a component can show.
import { ApiError } from './api/client'

export interface Failure {
  message: string
  status: number | null
  away: boolean // nothing was heard from the API itself
  unauthorized: boolean
  requestId: string | null // to look it up in the server's log
}

export function failureOf(e: unknown): Failure {
  if (!(e instanceof ApiError))
    return { message: e instanceof Error ? e.message : String(e), status: null, away: false, unauthorized: false, requestId: null }
  return {
    message: e.message,
    status: e.status,
    away: e.isAway,
    unauthorized: e.isUnauthorized,
    requestId: e.problem?.request_id ?? null,
  }
}
