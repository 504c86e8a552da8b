import { isIPv6 } from 'node:net'
import { type Client, createClient } from '@bacalhau/client'
import type { LoadedConfig } from '../node/config.ts'
import type { Settings } from '../node/config-settings.ts'
import type { Io } from './io.ts'
import { activeProfile, type Profile } from './profile/profile.ts'
import { loadSettings, type SettingFlags } from './settings.ts'

/** A client of the node that the flags, the environment, the profile and the configuration of this machine point at. */
export async function connect(io: Io, flags: SettingFlags): Promise<Client> {
  const loaded = await loadSettings(io, flags)
  const profile = await activeProfile(io, flags, loaded.settings.dataDir)
  const named = (flags.profile ?? io.env['BACALHAU_PROFILE'] ?? '') !== ''
  const baseUrl = endpointOf(loaded, profile, named)
  const ofProfile = baseUrl === profile?.endpoint
  return createClient({
    baseUrl,
    token: ofProfile ? profile.token : loaded.settings.apiToken,
    ...(ofProfile && profile.timeout !== undefined ? { timeout: profile.timeout } : {}),
  })
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
export function apiUrl({ apiHost, apiPort }: Pick<Settings, 'apiHost' | 'apiPort'>): string {
  if (/^https?:\/\//i.test(apiHost)) return apiHost
  const host = apiHost === '0.0.0.0' || apiHost === '::' || apiHost === '[::]' ? '127.0.0.1' : apiHost
  return `http://${isIPv6(host) ? `[${host}]` : host}:${apiPort}`
}
