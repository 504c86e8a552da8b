import { homedir } from 'node:os'
import { type ConfigSources, loadConfig, type LoadedConfig } from '../node/config.ts'
import type { Io } from './io.ts'

/** The global flags that are settings as well. */
export interface SettingFlags {
  readonly 'api-host'?: string | undefined
  readonly 'api-port'?: number | undefined
  readonly 'data-dir'?: string | undefined
}

/** The settings of this machine as the file, the environment and the flags of this command make them. */
export function loadSettings(io: Io, flags: SettingFlags, more: ConfigSources['flags'] = {}): Promise<LoadedConfig> {
  const { 'api-host': apiHost, 'api-port': apiPort, 'data-dir': dataDir } = flags
  return loadConfig({
    env: io.env,
    home: homedir(),
    cwd: io.cwd,
    flags: {
      ...(apiHost === undefined ? {} : { apiHost: { flag: 'api-host', value: apiHost } }),
      ...(apiPort === undefined ? {} : { apiPort: { flag: 'api-port', value: String(apiPort) } }),
      ...(dataDir === undefined ? {} : { dataDir: { flag: 'data-dir', value: dataDir } }),
      ...more,
    },
  })
}

/** The flags by which this command found its node, to be repeated in commands that are suggested to the user. */
export function sameNode(flags: SettingFlags): string {
  const given = (['api-host', 'api-port', 'data-dir'] as const).filter((name) => flags[name] !== undefined)
  return given.map((name) => ` --${name} ${flags[name]}`).join('')
}
