import type { WhoAmI } from '@bacalhau/models'
import type { Need } from '../http/route.ts'
import { grants } from './capability.ts'

/** Who calls, and what they may do. */
export interface Access {
  /** Names the caller in the log and for limits; no secret. */
  readonly name: string
  readonly kind: WhoAmI['Kind']
  readonly capabilities: readonly string[]
  readonly namespaces: 'all' | readonly string[]
  /** May the caller do it, in `namespace` if one is named, else in any? */
  allows(need: Need, namespace?: string): boolean
}

type Identity = Pick<Access, 'name' | 'kind' | 'capabilities'> & { readonly namespaces?: readonly string[] | undefined }

export function createAccess({ name, kind, capabilities, namespaces }: Identity): Access {
  return {
    name,
    kind,
    capabilities,
    namespaces: namespaces ?? 'all',
    allows(need, namespace) {
      if (!grants(capabilities, need)) return false
      return namespace === undefined || namespaces === undefined || namespaces.includes(namespace)
    },
  }
}

/** A program on this machine. */
export const LOCAL = createAccess({ name: 'local', kind: 'local', capabilities: ['*'] })
/** Somebody of whom nothing is known. */
export const STRANGER = createAccess({ name: 'stranger', kind: 'stranger', capabilities: [] })
