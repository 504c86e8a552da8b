import { isIPv6 } from 'node:net'
import { type Client, createClient } from '@bacalhau/client'
import type { Settings } from '../node/config-settings.ts'
import type { Io } from './io.ts'
import { loadSettings, type SettingFlags } from './settings.ts'

/** A client of the node that the flags, the environment and the configuration of this machine point at. */
export async function connect(io: Io, flags: SettingFlags): Promise<Client> {
  const { settings } = await loadSettings(io, flags)
  return createClient({ baseUrl: apiUrl(settings), token: settings.apiToken })
}

/** Where to call. A node that listens on all addresses is called on this machine. The host may be a whole URL. */
export function apiUrl({ apiHost, apiPort }: Pick<Settings, 'apiHost' | 'apiPort'>): string {
  if (/^https?:\/\//i.test(apiHost)) return apiHost
  const host = apiHost === '0.0.0.0' || apiHost === '::' || apiHost === '[::]' ? '127.0.0.1' : apiHost
  return `http://${isIPv6(host) ? `[${host}]` : host}:${apiPort}`
}
