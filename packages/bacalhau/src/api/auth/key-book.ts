import { type AllowKeyRequest, allowKeyRequestSchema, type ClientKeyInfo, clientKeyInfoSchema } from '@bacalhau/models'
import type { Clock } from '../../runtime/clock.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { put, remove, type Store } from '../../store/store.ts'
import { loadRecords } from './records.ts'

/** The client keys that may be used from other machines. */
export interface KeyBook {
  /** Allows a key durably; what was allowed to it before is replaced. */
  allow(request: AllowKeyRequest): Promise<ClientKeyInfo>
  list(): readonly ClientKeyInfo[]
  /** The key is nobody's from now on, and so are the tokens that were given for it. Throws `NotFound`. */
  remove(clientId: string): Promise<ClientKeyInfo>
  find(clientId: string): ClientKeyInfo | undefined
}

export interface KeyBookOptions {
  readonly store: Store
  readonly clock: Clock
  /** IDs of keys that the configuration allows, with the scope `submit`. */
  readonly configured: readonly string[]
}

export async function openKeyBook({ store, clock, configured }: KeyBookOptions): Promise<KeyBook> {
  const records = await loadRecords(store, 'client-key', clientKeyInfoSchema)
  const kept = new Map(records.map((info) => [info.ClientID, info]))
  const fixed = new Map(configured.map((id) => [id.toLowerCase(), ofConfiguration(id.toLowerCase())]))
  return {
    async allow(request) {
      if (kept.size >= LIMITS.apiTokens) throw new BacalhauError('Conflict', 'too many client keys are allowed already')
      const info = { ...allowKeyRequestSchema.parse(request), CreatedAt: new Date(clock.now()).toISOString() }
      await store.commit([put('client-key', info.ClientID, info)])
      kept.set(info.ClientID, info)
      return info
    },
    list: () => [...fixed.values().filter(({ ClientID }) => !kept.has(ClientID)), ...kept.values()],
    async remove(clientId) {
      const info = kept.get(clientId)
      if (info === undefined) throw unknownKey(clientId, fixed.has(clientId))
      await store.commit([remove('client-key', clientId)])
      kept.delete(clientId)
      return info
    },
    find: (clientId) => kept.get(clientId) ?? fixed.get(clientId),
  }
}

const ofConfiguration = (ClientID: string): ClientKeyInfo => ({
  ClientID,
  Name: 'API.Auth.ClientKeys',
  Scope: 'submit',
  CreatedAt: new Date(0).toISOString(),
})

function unknownKey(clientId: string, configured: boolean): BacalhauError {
  const options = { component: 'Authorizer', hint: 'See `bacalhau auth key list`.' }
  if (!configured) return new BacalhauError('NotFound', `no such client key is allowed: ${clientId}`, options)
  return new BacalhauError('Conflict', `the configuration of the node allows ${clientId}`, {
    ...options,
    hint: 'Take it out of API.Auth.ClientKeys and start the node again.',
  })
}
