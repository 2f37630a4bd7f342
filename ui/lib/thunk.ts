// What every thunk is given, and what it says when it fails.
import type { ApiClient } from './api/client'
import type { Failure } from './failure'
import type { SessionKeeper } from './session'

export interface Services {
  api: ApiClient
  session: SessionKeeper
}
export interface ThunkConfig {
  extra: Services
  rejectValue: Failure
}
