import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createMemoryStore } from '../../store/memory.ts'
import { seededRandom } from '../../runtime/random.ts'
import type { Clock } from '../../runtime/clock.ts'
import { ManualClock } from './clock.ts'
import { createAuthenticator } from '../auth/authenticator.ts'
import type { Caller } from '../auth/caller.ts'
import { createJwt } from '../auth/jwt.ts'
import { openKeyBook } from '../auth/key-book.ts'
import { openTokenBook } from '../auth/token-book.ts'
import { type ApiUser, createUsers } from '../auth/users.ts'

export const NODE_ID = 'QmdZQ7ZbhnvWY1J12XYKGHApJ6aufKyLNSvf8jZBrBaAVL'
export const CLIENT_ID = 'a'.repeat(64)

/** A program on this machine. */
export const localCaller: Caller = {
  remoteAddress: '127.0.0.1',
  localAddress: '127.0.0.1',
  host: '127.0.0.1:1234',
  origin: undefined,
  fetchSite: undefined,
  authorization: undefined,
  proxied: false,
}

/** Somebody on another machine. */
export const remoteCaller: Caller = {
  ...localCaller,
  remoteAddress: '192.0.2.7',
  localAddress: '192.0.2.1',
  host: '192.0.2.1:1234',
}

const keys = new Map<string, KeyObject>()

/** An RSA key by its name; made once, since that takes a while. */
export function rsaKey(name: string, modulusLength = 2_048): KeyObject {
  const key = keys.get(name) ?? generateKeyPairSync('rsa', { modulusLength }).privateKey
  keys.set(name, key)
  return key
}

interface Choices {
  readonly users?: readonly ApiUser[]
  readonly fixedTokens?: readonly string[]
  readonly trustLocal?: boolean
  readonly hosts?: readonly string[]
  readonly origins?: readonly string[]
  readonly clientKeys?: readonly string[]
}

/** An authenticator with all its parts, in memory. */
export async function temporaryAuthenticator(choices: Choices = {}) {
  const clock = new ManualClock()
  const parts = { store: createMemoryStore(), clock: clock as Clock, random: seededRandom(1) }
  const tokens = await openTokenBook(parts)
  const keyBook = await openKeyBook({ ...parts, configured: choices.clientKeys ?? [] })
  const jwt = createJwt(NODE_ID, rsaKey('node'))
  const authenticate = createAuthenticator({
    fixedTokens: choices.fixedTokens ?? [],
    tokens,
    keys: keyBook,
    users: createUsers(choices.users ?? []),
    jwt,
    trustLocal: choices.trustLocal ?? true,
    machine: { hosts: choices.hosts ?? [], origins: choices.origins ?? [] },
    clock,
  })
  return { authenticate, tokens, keys: keyBook, jwt, clock }
}
