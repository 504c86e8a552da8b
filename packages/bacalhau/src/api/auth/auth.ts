import type { KeyObject } from 'node:crypto'
import { generateKeyPairSync } from 'node:crypto'
import type { Clock } from '../../runtime/clock.ts'
import type { Random } from '../../runtime/random.ts'
import { createMemoryStore } from '../../store/memory.ts'
import type { Store } from '../../store/store.ts'
import { createPace } from '../limits/pace.ts'
import { createAuthenticator } from './authenticator.ts'
import { type Challenge, createChallenge } from './challenge.ts'
import { createGuard, type Guard } from './guard.ts'
import { createJwt, type Jwt } from './jwt.ts'
import { type KeyBook, openKeyBook } from './key-book.ts'
import { openTokenBook, type TokenBook } from './token-book.ts'
import { type ApiUser, createUsers } from './users.ts'

/** Who may call, as the operator has decided it. */
export interface AuthOptions {
  /** Keeps tokens and client keys. Without one they are forgotten at the end. */
  readonly store?: Store
  /** RSA key that signs the tokens for client keys. Without one, a key of the moment does. */
  readonly signingKey?: KeyObject
  /** Tokens of the configuration, each with the scope `manage`. */
  readonly fixedTokens?: readonly string[]
  /** Client IDs of the configuration, each with the scope `submit`. */
  readonly clientKeys?: readonly string[]
  readonly users?: readonly ApiUser[]
  /** Are programs on this machine served without a credential? By default they are where no users are named. */
  readonly trustLocal?: boolean | undefined
  /** Names, besides the loopback ones, by which callers on this machine may address the API. */
  readonly hosts?: readonly string[]
  /** Origins of web pages that may call; `*` stands for those that bring a credential. */
  readonly origins?: readonly string[]
  /** Requests a second of one caller; 0 sets no bound. */
  readonly perSecond?: number
}

/** The parts of a node that know who may call. */
export interface Auth {
  readonly guard: Guard
  readonly tokens: TokenBook
  readonly keys: KeyBook
  /** Absent where users are named: official clients then present a credential of theirs at once. */
  readonly login: { readonly challenge: Challenge; readonly jwt: Jwt } | undefined
  readonly clock: Clock
}

interface Services {
  readonly clock: Clock
  readonly random: Random
  readonly nodeId: string
}

/** Requests a second of one caller, as documented. */
const PER_SECOND = 1_000

export async function openAuth(options: AuthOptions, { clock, random, nodeId }: Services): Promise<Auth> {
  const { store = createMemoryStore(), users: configured = [], origins = [] } = options
  const tokens = await openTokenBook({ store, clock, random })
  const keys = await openKeyBook({ store, clock, configured: options.clientKeys ?? [] })
  const users = createUsers(configured)
  const jwt = lazyJwt(nodeId, options.signingKey)
  const authenticate = createAuthenticator({
    fixedTokens: options.fixedTokens ?? [],
    tokens,
    keys,
    users,
    jwt,
    trustLocal: options.trustLocal ?? users.size === 0,
    machine: {
      hosts: (options.hosts ?? []).map((name) => name.toLowerCase()),
      origins: origins.filter((origin) => origin !== '*').map((origin) => origin.toLowerCase()),
    },
    clock,
  })
  const guard = createGuard({ authenticate, pace: createPace(clock, options.perSecond ?? PER_SECOND) })
  const login = users.size > 0 ? undefined : { jwt, challenge: createChallenge(nodeId, random.bytes(32)) }
  return { guard, tokens, keys, login, clock }
}

/** A key of the moment takes a while to make and is hardly ever needed. */
function lazyJwt(nodeId: string, key: KeyObject | undefined): Jwt {
  let made: Jwt | undefined
  const jwt = () => (made ??= createJwt(nodeId, key ?? generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey))
  return {
    issue: (subject, now) => jwt().issue(subject, now),
    read: (token, now) => jwt().read(token, now),
  }
}
