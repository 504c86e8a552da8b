import path from 'node:path'
import type { Resources } from '@bacalhau/models'
import { BacalhauError } from '../runtime/error.ts'
import type { LogLevel } from '../runtime/logger.ts'
import type { Share } from './config-kinds.ts'
import { readConfigFile } from './config-file.ts'
import {
  type Setting,
  SETTING_NAMES,
  type SettingName,
  type Settings,
  SETTINGS,
  variablesOf,
} from './config-settings.ts'

/** What a node is started with. Everything is decided; paths are absolute. */
export interface NodeConfig {
  readonly dataDir: string
  readonly roles: { readonly orchestrator: boolean; readonly compute: boolean }
  readonly apiHost: string
  readonly apiPort: number
  /** Lets callers from other machines in; without one only this machine is served. */
  readonly apiToken: string | undefined
  readonly swarmHost: string
  readonly swarmPort: number
  /** Multiaddrs, among them perhaps `/ip4/…/tcp/…/http`, as the user wrote them. Empty: nobody. */
  readonly peers: readonly string[]
  readonly joinToken: string | undefined
  readonly nodeApproval: 'token' | 'auto' | 'manual'
  readonly placement: 'spread' | 'pack'
  readonly keptJobs: number
  readonly labels: Readonly<Record<string, string>>
  readonly allowListedLocalPaths: readonly string[]
  readonly capacity: Readonly<Record<keyof Resources, Share>>
  /** Bytes of a result up to which the orchestrator keeps a copy; 0: of none. */
  readonly keepResultSize: number
  /** Names of engines, lower case. */
  readonly enginesDisabled: readonly string[]
  readonly mdns: boolean
  readonly upnp: boolean
  readonly relay: boolean
  readonly logLevel: LogLevel
}

/** What was given on the command line for a setting, and by which flag. */
export interface FlagEntry {
  readonly flag: string
  readonly value: string | readonly string[]
}

/** Where settings come from, the weakest first: built-in defaults, the file, the environment, flags. */
export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Folder of the user. */
  readonly home: string
  /** Folder that relative paths start from. */
  readonly cwd: string
  readonly flags: { readonly [K in SettingName]?: FlagEntry }
}

export interface LoadedConfig {
  readonly settings: Settings
  /** In words: `default`, `BACALHAU_API_PORT`, `--api-port`, `/…/config.yaml line 3`. */
  readonly origins: Readonly<Record<SettingName, string>>
}

/** Reads and checks the whole configuration. Throws `ConfigurationError` that names the flag, variable or line. */
export async function loadConfig(sources: ConfigSources): Promise<LoadedConfig> {
  const dataDir = decide('dataDir', sources, undefined)
  const folder = path.resolve(sources.cwd, dataDir.value.replace(/^~(?=$|[/\\])/, sources.home))
  const file = path.join(folder, 'config.yaml')
  const entries = await readConfigFile(file)
  const decided = SETTING_NAMES.map((name) => {
    const entry = entries.get(name)
    return [name, decide(name, sources, entry && { value: entry.value, origin: `${file} line ${entry.line}` })] as const
  })
  return {
    settings: {
      ...(Object.fromEntries(decided.map(([name, { value }]) => [name, value])) as Settings),
      dataDir: folder,
    },
    origins: Object.fromEntries(decided.map(([name, { origin }]) => [name, origin])) as Record<SettingName, string>,
  }
}

interface Given {
  readonly value: unknown
  readonly origin: string
}

interface Decided<T> {
  readonly value: T
  readonly origin: string
}

function decide<K extends SettingName>(
  name: K,
  sources: ConfigSources,
  inFile: Given | undefined,
): Decided<Settings[K]> {
  const { key, kind, fallback } = SETTINGS[name] as Setting<Settings[K]>
  const given = fromFlag(sources.flags[name]) ?? fromEnvironment(name, sources.env) ?? inFile
  if (given === undefined) return { value: fallback, origin: 'default' }
  const value = kind.read(given.value)
  if (value !== undefined) return { value, origin: given.origin }
  throw new BacalhauError(
    'ConfigurationError',
    `${given.origin}: ${key} must be ${kind.expects}, not ${JSON.stringify(given.value)}`,
  )
}

const fromFlag = (entry: FlagEntry | undefined): Given | undefined =>
  entry && { value: entry.value, origin: `--${entry.flag}` }

function fromEnvironment(name: SettingName, env: ConfigSources['env']): Given | undefined {
  const variable = variablesOf(name).find((candidate) => (env[candidate] ?? '') !== '')
  return variable === undefined ? undefined : { value: env[variable], origin: variable }
}

/** The configuration of a node from its settings. A node that names no role has both; one that names some has those. */
export function toNodeConfig(settings: Settings): NodeConfig {
  const { orchestrator, compute, capacityCpu, capacityMemory, capacityDisk, capacityGpu, ...rest } = settings
  const named = orchestrator === true || compute === true
  const roles = { orchestrator: orchestrator ?? !named, compute: compute ?? !named }
  if (!roles.orchestrator && !roles.compute) {
    throw new BacalhauError('ConfigurationError', 'this node would have no role: orchestrator and compute are both off')
  }
  return {
    ...rest,
    roles,
    enginesDisabled: settings.enginesDisabled.map((engine) => engine.toLowerCase()),
    capacity: { CPU: capacityCpu, Memory: capacityMemory, Disk: capacityDisk, GPU: capacityGpu },
  }
}

/** What of a machine's resources is for jobs. Amounts are taken as they are: the operator knows. */
export function allocated(capacity: NodeConfig['capacity'], machine: Resources): Resources {
  const part = (share: Share, total: number) => ('percent' in share ? (total * share.percent) / 100 : share.amount)
  return {
    CPU: Math.round(part(capacity.CPU, machine.CPU) * 1000) / 1000,
    Memory: Math.floor(part(capacity.Memory, machine.Memory)),
    Disk: Math.floor(part(capacity.Disk, machine.Disk)),
    GPU: Math.floor(part(capacity.GPU, machine.GPU)),
  }
}
