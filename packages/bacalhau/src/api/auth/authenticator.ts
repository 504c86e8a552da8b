import type { ClientKeyInfo, TokenInfo } from '@bacalhau/models'
import type { Clock } from '../../runtime/clock.ts'
import { isBacalhauError } from '../../runtime/error.ts'
import { type Access, createAccess, LOCAL, STRANGER } from './access.ts'
import { createAttempts } from './attempts.ts'
import type { Caller } from './caller.ts'
import { capabilitiesOf } from './capability.ts'
import { parseCredential } from './credential.ts'
import { type Jwt, looksLikeJwt } from './jwt.ts'
import type { KeyBook } from './key-book.ts'
import { isForeignPage, judgeMachine, type MachinePolicy } from './machine.ts'
import { refuse, type Refusal } from './refusal.ts'
import { digestToken, type TokenBook } from './token-book.ts'
import type { Users } from './users.ts'

/** Who calls. Those who are refused are strangers, whom the public routes serve; `refusal` says why they are no more. */
export interface Verdict {
  readonly access: Access
  readonly refusal?: Refusal
}

export interface AuthenticatorOptions {
  /** Tokens of the configuration, each with the scope `manage`. */
  readonly fixedTokens: readonly string[]
  readonly tokens: TokenBook
  readonly keys: KeyBook
  readonly users: Users
  /** Reads the tokens that are given for client keys. */
  readonly jwt: Pick<Jwt, 'read'>
  /** Are programs on this machine served without a credential? */
  readonly trustLocal: boolean
  readonly machine: MachinePolicy
  readonly clock: Clock
}

/** Finds out who calls. Only passwords take time. */
export type Authenticator = (caller: Caller) => Verdict | Promise<Verdict>

const LOGIN_HINT = 'Send `Authorization: Bearer <token>`, or the user name and password (BACALHAU_API_USERNAME).'

/**
 * A valid credential decides, whoever bears it; one that is worth nothing is refused, also on this machine: it must not look as
 * if it worked. Tokens for client keys are the exception: they only say who somebody is, and official clients keep those of a
 * node that was here before.
 */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const fixed = new Map(options.fixedTokens.map((token) => [hexDigest(token), FIXED]))
  const passwords = createPasswordLogin(options)
  const withoutCredential = (caller: Caller): Verdict => judgeLocal(caller, options)

  function byToken(token: string, caller: Caller): Verdict {
    const known = fixed.get(hexDigest(token)) ?? options.users.byKey(token)
    if (known !== undefined) return { access: known }
    const info = options.tokens.find(token)
    if (info === 'expired') return stranger(refuse('Unauthorized', 'the token has expired'))
    if (info !== undefined) return { access: ofToken(info) }
    if (!looksLikeJwt(token)) return stranger(refuse('Unauthorized', 'the token is not valid here'))
    return byJwt(token, caller)
  }

  function byJwt(token: string, caller: Caller): Verdict {
    const read = options.jwt.read(token, options.clock.now())
    const key = 'subject' in read ? options.keys.find(read.subject) : undefined
    if (key !== undefined) return { access: ofKey(key) }
    const local = withoutCredential(caller)
    if (local.refusal === undefined) return local
    return stranger('subject' in read ? unknownKey(read.subject) : refuse('Unauthorized', read.problem))
  }

  return (caller) => {
    const credential = parseCredential(caller.authorization)
    if (credential === undefined) return withoutCredential(caller)
    if (credential.scheme === 'bearer') return byToken(credential.token, caller)
    if (credential.scheme === 'basic') return passwords(credential, caller)
    return stranger(refuse('Unauthorized', 'the Authorization header is neither Bearer nor Basic'))
  }
}

const hexDigest = (token: string): string => Buffer.from(digestToken(token)).toString('hex')

const stranger = (refusal: Refusal): Verdict => ({ access: STRANGER, refusal })

function judgeLocal(caller: Caller, { machine, trustLocal }: AuthenticatorOptions): Verdict {
  if (!trustLocal) return stranger(refuse('Unauthorized', 'this node serves nobody without a credential', LOGIN_HINT))
  const refusal = judgeMachine(caller, machine)
  return refusal === undefined ? { access: LOCAL } : stranger(refusal)
}

const FIXED = createAccess({ name: 'API.Token', kind: 'token', capabilities: capabilitiesOf('manage') })

const ofToken = ({ ID, Name, Scope, Namespaces }: TokenInfo): Access =>
  createAccess({
    name: Name === '' ? ID : `${Name} (${ID})`,
    kind: 'token',
    capabilities: capabilitiesOf(Scope, Namespaces),
    namespaces: Namespaces,
  })

const ofKey = ({ ClientID, Scope, Namespaces }: ClientKeyInfo): Access =>
  createAccess({
    name: ClientID,
    kind: 'clientKey',
    capabilities: capabilitiesOf(Scope, Namespaces),
    namespaces: Namespaces,
  })

/** What the bearer of a key that nobody has allowed is told. */
export const unknownKey = (clientId: string): Refusal =>
  refuse(
    'Unauthorized',
    `the client key ${clientId} is not allowed to use this node`,
    `Its operator can allow it: bacalhau auth key allow ${clientId}`,
  )

/** Logs in by name and password. */
function createPasswordLogin({ users, machine, clock }: AuthenticatorOptions) {
  const attempts = createAttempts(clock)
  return async ({ username, password }: { username: string; password: string }, caller: Caller): Promise<Verdict> => {
    if (users.size === 0) return stranger(refuse('Unauthorized', 'this node has no users with passwords'))
    // Browsers send a password that they know by themselves, also for other sites.
    if (isForeignPage(caller, machine.origins)) {
      return stranger(refuse('Forbidden', 'a web page of another origin may not use a password'))
    }
    const address = caller.remoteAddress ?? ''
    if (!attempts.mayTry(address)) {
      return stranger(refuse('TooManyRequests', 'too many wrong passwords', 'Wait some seconds and try again.'))
    }
    try {
      const access = await users.byPassword(username, password)
      if (access === undefined) attempts.failed(address)
      else attempts.succeeded(address)
      return access === undefined
        ? stranger(refuse('Unauthorized', 'the user name or the password is wrong', LOGIN_HINT))
        : { access }
    } catch (error) {
      if (!isBacalhauError(error)) throw error
      return stranger(refuse('TooManyRequests', error.message, 'Try again in a moment.'))
    }
  }
}
