import { type CallOptions, createTransport, type TransportOptions } from '@bacalhau/client'
import { type AllowKeyRequest, type ClientKeyInfo, clientKeyInfoSchema } from '@bacalhau/models'
import { z } from 'zod'

/** The client keys that a node allows, seen through its API. */
export interface ClientKeys {
  list(options: CallOptions): Promise<readonly ClientKeyInfo[]>
  allow(request: AllowKeyRequest, options: CallOptions): Promise<ClientKeyInfo>
  remove(clientId: string, options: CallOptions): Promise<ClientKeyInfo>
}

const PATH = '/api/v1/auth/keys'
const pageSchema = z.object({ Items: z.array(clientKeyInfoSchema) })
const changeSchema = z.object({ Info: clientKeyInfoSchema })

export function clientKeysOf(options: TransportOptions): ClientKeys {
  const transport = createTransport(options)
  const changed = (input: unknown): ClientKeyInfo => changeSchema.parse(input).Info
  return {
    list: (call) => transport.ask('GET', PATH, (input) => pageSchema.parse(input).Items, call),
    allow: (json, call) => transport.ask('POST', PATH, changed, { json, ...call }),
    remove: (id, call) => transport.ask('DELETE', `${PATH}/${encodeURIComponent(id)}`, changed, call),
  }
}
