import { isIPv6 } from 'node:net'
import { type Client, type ClientOptions, createClient } from '@bacalhau/client'
import type { LoadedConfig } from '../node/config.ts'
import type { Settings } from '../node/config-settings.ts'
import { findCredential } from './access/credential.ts'
import { lightFetch } from './access/light-fetch.ts'
import { usesTls } from './access/uses-tls.ts'
import type { Io } from './io.ts'
import { activeProfile, type Profile } from './profile/profile.ts'
import { loadSettings, type SettingFlags } from './settings.ts'

/** A client of the node that the flags, the environment, the profile and the configuration of this machine point at. */
export async function connect(io: Io, flags: SettingFlags): Promise<Client> {
  return createClient((await findNode(io, flags)).options)
}

/** How a command reaches its node. */
export interface FoundNode {
  readonly options: ClientOptions
  /** Where the credential was found, in words; undefined when there is none. */
  readonly credentialOrigin: string | undefined
  readonly dataDir: string
}

/** Where the node of this command is, and what to present to it. */
export async function findNode(io: Io, flags: SettingFlags): Promise<FoundNode> {
  const loaded = await loadSettings(io, flags)
  const { settings } = loaded
  const named = (flags.profile ?? io.env['BACALHAU_PROFILE'] ?? '') !== ''
  const selected = await activeProfile(io, flags, settings.dataDir)
  const baseUrl = endpointOf(loaded, selected, named)
  const profile = baseUrl === selected?.endpoint ? selected : undefined
  if (baseUrl.startsWith('https:')) {
    const { trustCertificates } = await import('./access/trust.ts')
    await trustCertificates(settings, profile?.insecure ?? settings.tlsInsecure)
  }
  const { credential, origin } = await findCredential({ io, loaded, profile, baseUrl })
  const timeout = profile?.timeout === undefined ? {} : { timeout: profile.timeout }
  return {
    options: { baseUrl, ...credential, ...timeout, ...(baseUrl.startsWith('http:') ? { fetch: lightFetch } : {}) },
    credentialOrigin: origin,
    dataDir: settings.dataDir,
  }
}

/**
 * Where to call. An address that somebody chose wins over a profile, and a profile over the address that is built in; a
 * profile that was named for this command wins over the configuration file as well.
 */
export function endpointOf(
  { settings, origins }: Pick<LoadedConfig, 'settings' | 'origins'>,
  profile: Profile | undefined,
  named: boolean,
): string {
  const isBuiltIn = apiUrl(settings) === 'http://127.0.0.1:1234'
  const isForThisCommand = [origins.apiHost, origins.apiPort].some((origin) => /^(?:--|BACALHAU_)/.test(origin))
  if (profile === undefined || (named ? isForThisCommand : !isBuiltIn)) return apiUrl(settings)
  return profile.endpoint
}

/** The URL of an API. A node that listens on all addresses is called on this machine. The host may be a whole URL. */
export function apiUrl(settings: Settings): string {
  const { apiHost, apiPort } = settings
  if (/^https?:\/\//i.test(apiHost)) return apiHost
  const host = apiHost === '0.0.0.0' || apiHost === '::' || apiHost === '[::]' ? '127.0.0.1' : apiHost
  return `${usesTls(settings) ? 'https' : 'http'}://${isIPv6(host) ? `[${host}]` : host}:${apiPort}`
}
