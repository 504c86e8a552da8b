import { homedir } from 'node:os'
import { type ConfigSources, dataFolder, loadConfig, type LoadedConfig } from '../node/config.ts'
import type { Io } from './io.ts'

/** The global flags that settings come from. */
export interface SettingFlags {
  readonly config?: readonly string[] | undefined
  readonly 'api-host'?: string | undefined
  readonly 'api-port'?: number | undefined
  readonly 'data-dir'?: string | undefined
  readonly profile?: string | undefined
}

/** The settings of this machine as files, the environment and the flags of this command make them. */
export function loadSettings(io: Io, flags: SettingFlags, more: ConfigSources['flags'] = {}): Promise<LoadedConfig> {
  return loadConfig(sourcesOf(io, flags, more))
}

/** The data folder, whatever is wrong in its configuration file. */
export const dataFolderHere = (io: Io, flags: SettingFlags): string => dataFolder(sourcesOf(io, flags, {}))

function sourcesOf(io: Io, flags: SettingFlags, more: ConfigSources['flags']): ConfigSources {
  const { 'api-host': apiHost, 'api-port': apiPort, 'data-dir': dataDir, config = [] } = flags
  return {
    env: io.env,
    home: homedir(),
    cwd: io.cwd,
    config,
    flags: {
      ...(apiHost === undefined ? {} : { apiHost: { flag: 'api-host', value: apiHost } }),
      ...(apiPort === undefined ? {} : { apiPort: { flag: 'api-port', value: String(apiPort) } }),
      ...(dataDir === undefined ? {} : { dataDir: { flag: 'data-dir', value: dataDir } }),
      ...more,
    },
  }
}

/** The flags by which this command found its node, to be repeated in commands that are suggested to the user. */
export function sameNode(flags: SettingFlags): string {
  const { config = [], ...rest } = flags
  const given = (['api-host', 'api-port', 'profile', 'data-dir'] as const).flatMap((name) =>
    rest[name] === undefined ? [] : [['--' + name, String(rest[name])] as const],
  )
  return [...given, ...config.map((text) => ['--config', text] as const)]
    .map(([flag, value]) => ` ${flag} ${quoted(value)}`)
    .join('')
}

/** As a shell takes it for one word. */
const quoted = (text: string) => (/^[\w@%+=:,./~-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)
