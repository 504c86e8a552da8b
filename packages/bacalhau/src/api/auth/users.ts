import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { BacalhauError } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { type Access, createAccess } from './access.ts'
import { digestToken } from './token-book.ts'

/** A user of `API.Auth.Users`: one with a name and a password, or one with a key. */
export interface ApiUser {
  readonly alias: string | undefined
  readonly capabilities: readonly string[]
  readonly login:
    | { readonly username: string; /** As it is, or its bcrypt hash (`$2…`). */ readonly password: string }
    | { readonly apiKey: string }
}

/** The users of the configuration. */
export interface Users {
  readonly size: number
  /** The user whose key this is. */
  byKey(apiKey: string): Access | undefined
  /** The user of this name, in any letter case, if the password is right. Rejects with `TooManyRequests` when many wait. */
  byPassword(username: string, password: string): Promise<Access | undefined>
}

const isPasswordHash = (password: string): boolean => /^\$2[abxy]?\$\d\d\$/.test(password)

/** Compared with when there is no such user, so that the time of an answer names no users. Of a random password. */
const NOBODY = '$2b$10$oehUUy/vUwTZEyY4.QqAmet2g5o7cbIMdl.dDxMNNM3EoKNkK0Wp.'

export function createUsers(configured: readonly ApiUser[]): Users {
  const keys = new Map<string, Access>()
  const people = new Map<string, { readonly access: Access; readonly password: string }>()
  for (const [index, { alias, capabilities, login }] of configured.entries()) {
    if ('apiKey' in login) {
      const name = alias ?? `key ${index + 1}`
      keys.set(hexDigest(login.apiKey), createAccess({ name, kind: 'apiKey', capabilities }))
    } else {
      const access = createAccess({ name: login.username, kind: 'basic', capabilities })
      people.set(login.username.toLowerCase(), { access, password: login.password })
    }
  }
  const check = createPasswordCheck()
  return {
    size: configured.length,
    byKey: (apiKey) => keys.get(hexDigest(apiKey)),
    async byPassword(username, password) {
      const person = people.get(username.toLowerCase())
      const right = await check(password, person?.password ?? NOBODY)
      return right ? person?.access : undefined
    },
  }
}

const hexDigest = (key: string): string => Buffer.from(digestToken(key)).toString('hex')

/**
 * Compares passwords. A hash takes a tenth of a second of the processor, by design: one is computed at a time, a bounded number
 * waits, and a password that was right is known again by a digest whose key only this process has.
 */
function createPasswordCheck(): (password: string, wanted: string) => Promise<boolean> {
  const secret = randomBytes(32)
  const right = new Map<string, Uint8Array>()
  const digest = (password: string) => createHmac('sha256', secret).update(password).digest()
  let waiting = 0
  let last: Promise<unknown> = Promise.resolve()
  return async (password, wanted) => {
    if (!isPasswordHash(wanted)) return timingSafeEqual(digest(password), digest(wanted))
    const known = right.get(wanted)
    if (known !== undefined && timingSafeEqual(known, digest(password))) return true
    if (waiting >= LIMITS.passwordChecks) {
      throw new BacalhauError('TooManyRequests', 'too many passwords are being checked; try again in a moment')
    }
    waiting++
    const compared = last.then(() => compareHash(password, wanted))
    last = compared.catch(() => undefined)
    try {
      if (!(await compared)) return false
      right.set(wanted, digest(password))
      return true
    } finally {
      waiting--
    }
  }
}

async function compareHash(password: string, hash: string): Promise<boolean> {
  // Most nodes have no users with passwords.
  const { compare } = await import('bcryptjs')
  return compare(password, hash)
}
