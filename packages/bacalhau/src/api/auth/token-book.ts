import { createHash } from 'node:crypto'
import { type CreateTokenRequest, createTokenRequestSchema, type TokenInfo, tokenInfoSchema } from '@bacalhau/models'
import { z } from 'zod'
import type { Clock } from '../../runtime/clock.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { newToken } from '../../runtime/ids.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { Random } from '../../runtime/random.ts'
import { put, remove, type Store } from '../../store/store.ts'
import { loadRecords } from './records.ts'

/** What every token begins with, so that people and secret scanners know one when they see it. */
const TOKEN_PREFIX = 'bac_'

const recordSchema = z.strictObject({ Info: tokenInfoSchema, Digest: z.string().regex(/^[\da-f]{64}$/) })

/** The tokens of a node. Only their digests are kept, in the store and in memory. */
export interface TokenBook {
  /** Makes a token and keeps it durably. Nobody can read it again. */
  create(request: CreateTokenRequest): Promise<{ readonly Token: string; readonly Info: TokenInfo }>
  /** All of them, oldest first, the expired ones included. */
  list(): readonly TokenInfo[]
  /** The token is worth nothing as soon as this resolves. Throws `NotFound`. */
  revoke(id: string): Promise<TokenInfo>
  /** What a token is good for; `expired` once its time is over, undefined for one that is not known. */
  find(token: string): TokenInfo | 'expired' | undefined
}

export interface TokenBookOptions {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
}

export const digestToken = (token: string): Uint8Array => createHash('sha256').update(token).digest()

const hexDigest = (token: string): string => Buffer.from(digestToken(token)).toString('hex')

export async function openTokenBook({ store, clock, random }: TokenBookOptions): Promise<TokenBook> {
  const byId = new Map<string, TokenInfo>()
  const byDigest = new Map<string, TokenInfo>()
  for (const { Info, Digest } of await loadRecords(store, 'token', recordSchema)) {
    byId.set(Info.ID, Info)
    byDigest.set(Digest, Info)
  }
  return {
    async create(request) {
      if (byId.size >= LIMITS.apiTokens) throw tooMany()
      const Token = `${TOKEN_PREFIX}${newToken(random)}`
      const ID = `t-${Buffer.from(random.bytes(6)).toString('hex')}`
      const Info = { ID, ...createTokenRequestSchema.parse(request), CreatedAt: new Date(clock.now()).toISOString() }
      if (hasExpired(Info, clock)) {
        throw new BacalhauError('ValidationError', `ExpiresAt: ${Info.ExpiresAt} is in the past`)
      }
      const Digest = hexDigest(Token)
      await store.commit([put('token', ID, { Info, Digest })])
      byId.set(ID, Info)
      byDigest.set(Digest, Info)
      return { Token, Info }
    },
    list: () => [...byId.values()].sort((a, b) => (a.CreatedAt < b.CreatedAt ? -1 : 1)),
    async revoke(id) {
      const info = byId.get(id)
      if (info === undefined) {
        const hint = 'See `bacalhau auth token list`.'
        throw new BacalhauError('NotFound', `token not found: ${id}`, { component: 'Authorizer', hint })
      }
      await store.commit([remove('token', id)])
      byId.delete(id)
      for (const [digest, { ID }] of byDigest) if (ID === id) byDigest.delete(digest)
      return info
    },
    find(token) {
      // Looked up by digest: how long that takes tells nothing about the tokens that there are.
      const info = byDigest.get(hexDigest(token))
      return info !== undefined && hasExpired(info, clock) ? 'expired' : info
    },
  }
}

const hasExpired = ({ ExpiresAt }: TokenInfo, clock: Clock): boolean =>
  ExpiresAt !== undefined && Date.parse(ExpiresAt) <= clock.now()

function tooMany(): BacalhauError {
  return new BacalhauError('Conflict', `there are ${LIMITS.apiTokens} tokens already`, {
    hint: 'Revoke some: `bacalhau auth token revoke`.',
  })
}
