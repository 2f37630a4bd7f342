// What went wrong, in the plain form that a store can hold and a component can show.
import { ApiError } from './api/client'

export interface Failure {
  message: string
  status: number | null
  away: boolean // nothing was heard from the API itself
  unauthorized: boolean
  requestId: string | null // to look it up in the server's log
}

/** Of whatever was thrown; a thunk's own failure, unwrapped, is that already. */
export function failureOf(e: unknown): Failure {
  if (typeof e === 'object' && e !== null && !(e instanceof Error) && 'message' in e && 'away' in e) return e as Failure
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
