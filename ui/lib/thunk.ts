// What every thunk is given, and what it says when it fails.
import type { ApiClient } from './api/client'
import type { Config } from './config'
import type { Failure } from './failure'
import type { SessionKeeper } from './session'

export interface Services {
  api: ApiClient
  session: SessionKeeper
  config: Config
}
export interface ThunkConfig {
  extra: Services
  rejectValue: Failure
}
