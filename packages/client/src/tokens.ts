import type { CreateTokenRequest, CreateTokenResponse, TokenInfo, WhoAmI } from '@bacalhau/models'
import { pageOf, shaped } from './shape.ts'
import type { CallOptions, Transport } from './transport.ts'

export interface CreateTokenOptions extends CallOptions {
  /** For people, to tell one token from another. */
  readonly name?: string
  /** `read` looks, `submit` (default) also runs and stops jobs and adds data, `manage` does everything. */
  readonly scope?: CreateTokenRequest['Scope']
  /** Only jobs of these namespaces. By default of all. */
  readonly namespaces?: readonly string[]
  readonly expiresAt?: Date
}

/** Tokens that let callers from elsewhere in. */
export interface Tokens {
  list(options?: CallOptions): Promise<readonly TokenInfo[]>
  /** The token itself is in this answer, and never again. */
  create(options?: CreateTokenOptions): Promise<CreateTokenResponse>
  revoke(id: string, options?: CallOptions): Promise<TokenInfo>
  /** Who the node takes this client for, and what it may do. */
  whoami(options?: CallOptions): Promise<WhoAmI>
}

const PATH = '/api/v1/auth/tokens'

const token = shaped<TokenInfo>({ ID: 'string', Scope: 'string' })
const created = shaped<CreateTokenResponse>({ Token: 'string', Info: 'object' })
const revoked = shaped<{ Info: unknown }>({ Info: 'object' })
const whoami = shaped<WhoAmI>({ Kind: 'string', Capabilities: 'array' })

export function createTokens(transport: Transport): Tokens {
  return {
    list: async (options = {}) => (await transport.ask('GET', PATH, pageOf(token), options)).Items,
    create({ name, scope, namespaces, expiresAt, ...call } = {}) {
      const json = { Name: name, Scope: scope, Namespaces: namespaces, ExpiresAt: expiresAt?.toISOString() }
      return transport.ask('POST', PATH, created, { json, ...call })
    },
    revoke: async (id, options = {}) =>
      token((await transport.ask('DELETE', `${PATH}/${encodeURIComponent(id)}`, revoked, options)).Info),
    whoami: (options = {}) => transport.ask('GET', '/api/v1/auth/whoami', whoami, options),
  }
}
