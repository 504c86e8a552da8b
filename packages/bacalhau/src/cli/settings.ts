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
  const { config = [], 'api-host': host, 'api-port': port, 'data-dir': dataDir, profile } = flags
  return flagsText({ 'api-host': host, 'api-port': port, profile, 'data-dir': dataDir, config })
}

type Said = string | number | boolean | readonly string[] | undefined

/** Flags as they are typed, each with a blank before it; what was not said is left out. */
export function flagsText(flags: Readonly<Record<string, Said>>): string {
  return Object.entries(flags)
    .flatMap(([name, said]) => {
      if (said === undefined || said === false) return []
      if (said === true) return [` --${name}`]
      return (typeof said === 'object' ? said : [said]).map((value) => ` --${name} ${quoted(String(value))}`)
    })
    .join('')
}

/** As a shell takes it for one word. */
const quoted = (text: string) => (/^[\w@%+=:,./~-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)
