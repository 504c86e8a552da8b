import { existsSync } from 'node:fs'
import path from 'node:path'
import type { TransportOptions } from '@bacalhau/client'
import type { LoadedConfig } from '../../node/config.ts'
import type { Io } from '../io.ts'
import type { Profile } from '../profile/profile.ts'

/** Where logins are kept, in the data folder. */
export const loginsFile = (folder: string): string => path.join(folder, 'tokens.json')

/** What a command presents to the node that it calls. */
export type Credential = Pick<TransportOptions, 'token' | 'basic'>

export interface FoundCredential {
  readonly credential: Credential
  /** Where it was found, in words; undefined when there is none. */
  readonly origin: string | undefined
}

/** What the choice depends on. */
export interface CredentialQuestion {
  readonly io: Pick<Io, 'env'>
  readonly loaded: LoadedConfig
  /** The profile, when it is the one that named the node. */
  readonly profile: Profile | undefined
  readonly baseUrl: string
}

/**
 * The first of: BACALHAU_API_KEY; BACALHAU_API_USERNAME with BACALHAU_API_PASSWORD; the token of the profile; API.Token; the
 * token of a login at this very address. The order of the Go program, with API.Token in the place where it belongs.
 */
export async function findCredential(question: CredentialQuestion): Promise<FoundCredential> {
  const { io, loaded, profile, baseUrl } = question
  const {
    BACALHAU_API_KEY: key = '',
    BACALHAU_API_USERNAME: username = '',
    BACALHAU_API_PASSWORD: password = '',
  } = io.env
  if (key !== '') return { credential: { token: key }, origin: 'BACALHAU_API_KEY' }
  if (username !== '' && password !== '') {
    return { credential: { basic: { username, password } }, origin: 'BACALHAU_API_USERNAME' }
  }
  if (profile?.token !== undefined) return { credential: { token: profile.token }, origin: 'the profile' }
  if (profile === undefined && isMeantFor(loaded)) {
    return { credential: { token: loaded.settings.apiToken }, origin: `API.Token (${loaded.origins.apiToken})` }
  }
  // Reading the file loads a good deal, and most nodes on this machine want no login.
  if (!existsSync(loginsFile(loaded.settings.dataDir))) return { credential: {}, origin: undefined }
  const { readLogin } = await import('./logins.ts')
  const token = await readLogin(loaded.settings.dataDir, baseUrl)
  return token === undefined
    ? { credential: {}, origin: undefined }
    : { credential: { token }, origin: 'bacalhau auth login' }
}

/** A token in a file is for the node that the file is about, not for one that is named on the command line. */
function isMeantFor({ settings, origins }: LoadedConfig): boolean {
  if (settings.apiToken === undefined) return false
  const isForThisCommand = (origin: string) => /^(?:--|BACALHAU_)/.test(origin)
  const elsewhere = isForThisCommand(origins.apiHost) && !isThisMachine(settings.apiHost)
  return !elsewhere || isForThisCommand(origins.apiToken)
}

const isThisMachine = (host: string): boolean =>
  /^(?:https?:\/\/)?(?:127\.|localhost\b|\[?::1\b|0\.0\.0\.0|\[?::\]?$)/.test(host)
