import { isCapability } from '../runtime/capability.ts'
import type { ApiUser } from '../api/auth/users.ts'
import type { Kind } from './config-kinds.ts'

const USERNAME = /^[a-z\d]{1,100}$/i
/** A bcrypt hash, which is 60 characters long. */
const HASH = /^\$2[abxy]?\$\d\d\$[./a-z\d]{53}$/i

/** A value that cannot be read; the message completes "API.Auth.Users: …" and repeats no secret. */
class UserProblem extends Error {}

/** Users with a name and a password, or with a key, each with what they may do. */
export const users: Kind<readonly ApiUser[]> = {
  expects: 'a list of users',
  read(input) {
    try {
      return readUsers(input)
    } catch (error) {
      if (error instanceof UserProblem) return undefined
      throw error
    }
  },
  problem(input) {
    try {
      readUsers(input)
      return undefined
    } catch (error) {
      return error instanceof UserProblem ? error.message : undefined
    }
  },
  show: (list) => `${list.length} ${list.length === 1 ? 'user' : 'users'}`,
  plain: (list, hidden) => list.map((user) => plainUser(user, hidden)),
}

/** A user as documented. */
const plainUser = ({ alias, capabilities, login }: ApiUser, hidden: string | undefined): object => ({
  ...(alias === undefined ? {} : { Alias: alias }),
  ...('apiKey' in login
    ? { APIKey: hidden ?? login.apiKey }
    : { Username: login.username, Password: hidden ?? login.password }),
  Capabilities: [{ Actions: capabilities }],
})

function readUsers(input: unknown): ApiUser[] {
  const items = typeof input === 'string' ? fromJson(input) : input
  if (!Array.isArray(items)) throw new UserProblem('must be a list of users')
  const list = items.map((item: unknown, index) => readUser(item, `user ${index + 1}`))
  const names = list.flatMap(({ login }) => ('username' in login ? [login.username.toLowerCase()] : []))
  const keys = list.flatMap(({ login }) => ('apiKey' in login ? [login.apiKey] : []))
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new UserProblem(`two users have the name ${twice}`)
  if (new Set(keys).size < keys.length) throw new UserProblem('two users have the same APIKey')
  return list
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new UserProblem('must be a list of users, in JSON where it is one text')
  }
}

function readUser(input: unknown, where: string): ApiUser {
  const fields = fieldsOf(input, ['username', 'password', 'apikey', 'alias', 'capabilities'], where)
  const [username, password, apiKey, alias] = ['username', 'password', 'apikey', 'alias'].map((name) =>
    fields.get(name),
  )
  const given = (value: unknown): value is string => typeof value === 'string' && value !== ''
  const capabilities = readCapabilities(fields.get('capabilities'), where)
  const base = { alias: given(alias) ? alias : undefined, capabilities }
  if (given(apiKey)) {
    if (given(username) || given(password))
      throw new UserProblem(`${where} must have an APIKey or a Username, not both`)
    if (!hasLength(apiKey, 20, 255)) throw new UserProblem(`${where}: APIKey must have 20 to 255 characters`)
    return { ...base, login: { apiKey } }
  }
  if (!given(username) || !given(password)) {
    throw new UserProblem(`${where} must have a Username and a Password, or an APIKey`)
  }
  if (!USERNAME.test(username)) throw new UserProblem(`${where}: Username must be up to 100 letters and digits`)
  if (!hasLength(password, 10, 255)) throw new UserProblem(`${where}: Password must have 10 to 255 characters`)
  if (password.startsWith('$2') && !HASH.test(password)) {
    throw new UserProblem(`${where}: Password begins like a bcrypt hash but is none; see bacalhau auth hash-password`)
  }
  return { ...base, login: { username, password } }
}

const hasLength = (text: string, least: number, most: number) => text.length >= least && text.length <= most

/** `[{Actions: [read:job, …]}, …]`, as documented. */
function readCapabilities(input: unknown, where: string): string[] {
  if (!Array.isArray(input)) throw new UserProblem(`${where} needs Capabilities: a list of Actions`)
  const actions = input.flatMap((item: unknown) => {
    const list: unknown = fieldsOf(item, ['actions'], `${where}: Capabilities`).get('actions')
    if (!Array.isArray(list)) throw new UserProblem(`${where}: Capabilities must be a list of Actions`)
    return list.map(String)
  })
  const unknown = actions.find((action) => !isCapability(action))
  if (unknown !== undefined) {
    throw new UserProblem(`${where}: ${unknown.slice(0, 64)} is no capability; read:job, write:node and * are some`)
  }
  if (actions.length === 0) throw new UserProblem(`${where} needs at least one capability`)
  return actions
}

/** The fields of an object by their names in lower case, of which only `known` ones may be there. */
function fieldsOf(input: unknown, known: readonly string[], where: string): ReadonlyMap<string, unknown> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new UserProblem(`${where} must hold keys and values`)
  }
  const fields = Object.entries(input).map(([name, value]): [string, unknown] => [name.toLowerCase(), value])
  const unknown = fields.find(([name]) => !known.includes(name))
  if (unknown !== undefined) throw new UserProblem(`${where}: unknown key ${unknown[0].slice(0, 64)}`)
  return new Map(fields)
}

const items = (input: unknown): string[] | undefined => {
  const list = Array.isArray(input) ? input : [input]
  if (!list.every((item) => typeof item === 'string')) return undefined
  return list.flatMap((item) => item.split(',')).flatMap((item) => (item.trim() === '' ? [] : [item.trim()]))
}

/** IDs of client keys. */
export const clientIds: Kind<readonly string[]> = {
  expects: 'a list of client IDs: 64 hexadecimal digits, as `bacalhau id` prints them',
  read(input) {
    const ids = items(input)
    return ids?.every((id) => /^[\da-f]{64}$/i.test(id)) === true ? ids : undefined
  },
  show: (value) => value.join(','),
}

/** Where web pages come from. */
export const origins: Kind<readonly string[]> = {
  expects: 'a list of origins like https://dashboard.example.org, or *',
  read(input) {
    const list = items(input)
    const isOrigin = (text: string) =>
      text === '*' || (!text.includes('*') && URL.canParse(text) && new URL(text).origin === text.toLowerCase())
    return list?.every(isOrigin) === true ? list : undefined
  },
  show: (value) => value.join(','),
}

/**
 * A setting of the Go program that would guard the API, and that is not there: it must not look as if it worked. `accepts`
 * says of a value that it asks for nothing.
 */
export const absent = (reason: string, accepts = isEmpty): Kind<false> => ({
  expects: `left out: ${reason}`,
  read: (input) => (accepts(input) ? false : undefined),
  show: () => '',
})

function isEmpty(input: unknown): boolean {
  if (input === undefined || input === null || input === '' || input === false) return true
  return typeof input === 'object' && Object.values(input).every(isEmpty)
}

/** The one method of the documented `API.Auth.Methods` that is there, and that there always is. */
export function isClientKeyMethod(input: unknown): boolean {
  if (typeof input === 'string') return /^\s*ClientKey\s*=\s*challenge\s*$/i.test(input)
  if (isEmpty(input)) return true
  if (typeof input !== 'object' || input === null) return false
  return Object.values(input).every((method: unknown) => {
    if (typeof method !== 'object' || method === null) return false
    return Object.entries(method).every(([name, value]) =>
      name.toLowerCase() === 'type' ? value === 'challenge' : isEmpty(value),
    )
  })
}
