import type { Kind } from '../config-kinds.ts'

/** One setting: its key in the file, from which its variable follows (`API.Port`: `BACALHAU_API_PORT`), and what it means. */
export interface Setting<T> {
  readonly key: string
  readonly kind: Kind<T>
  readonly fallback: T
  readonly about: string
  /** Further variables that set it, the first one winning, all below `BACALHAU_…`. */
  readonly env?: readonly string[]
  /** Not to be shown. */
  readonly secret?: true
}

export const setting = <T>(definition: Setting<T>): Setting<T> => definition
