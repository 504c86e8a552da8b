import path from 'node:path'
import type { Resources } from '@bacalhau/models'
import type { ApiUser } from '../api/auth/users.ts'
import type { PolicyRules } from '../compute/policy/policy.ts'
import { BacalhauError } from '../runtime/error.ts'
import type { LegacyPeers } from '../link/go/trust.ts'
import type { LogLevel } from '../runtime/logger.ts'
import type { Share } from './config-kinds.ts'
import { readConfigFile } from './config-file.ts'
import type { ConfigFlag } from './config-flag.ts'
import { configTree, HIDDEN } from './config-tree.ts'
import { variableWarnings } from './config-variables.ts'
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
  readonly apiUsers: readonly ApiUser[] | undefined
  /** Client IDs whose keys may be used from other machines. */
  readonly apiClientKeys: readonly string[]
  readonly apiTrustLocal: boolean | undefined
  readonly apiHosts: readonly string[]
  /** Paths of PEM files; both or none. */
  readonly tlsCert: string | undefined
  readonly tlsKey: string | undefined
  readonly tlsSelfSigned: boolean
  readonly corsOrigins: readonly string[]
  /** Requests a second of one caller from another machine; 0 sets no bound. */
  readonly rateLimit: number
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
  /** What the operator wants of jobs. */
  readonly admission: PolicyRules
  /** Variables of this node that jobs may read; patterns. */
  readonly envAllowList: readonly string[]
  readonly capacity: Readonly<Record<keyof Resources, Share>>
  /** Free space of the disk below which no work is taken. */
  readonly diskFloor: Share | undefined
  /** Bytes of standard output and of standard error, each, of a run; minutes for which they can be read. */
  readonly logsMaxSize: number
  readonly logsKeepMinutes: number
  /** Bytes of a result up to which the orchestrator keeps a copy; 0: of none. */
  readonly keepResultSize: number
  /** Days for which this node keeps the results that it publishes. */
  readonly keepResultDays: number
  /** Names of input sources and of publishers, lower case. */
  readonly inputsDisabled: readonly string[]
  readonly publishersDisabled: readonly string[]
  /** Milliseconds after which a download that brings nothing is begun anew, and how often. */
  readonly inputSilence: number
  readonly inputRetries: number
  /** Bytes of one input from elsewhere. */
  readonly inputMaxSize: number
  /** Addresses and ranges besides the public ones that jobs may make this node connect to. */
  readonly inputAddresses: readonly string[]
  /** Where results that are published locally are served. */
  readonly localAddress: string
  readonly localPort: number
  /** Whether, and for how many milliseconds, users get URLs for results in S3. */
  readonly signedDisabled: boolean
  readonly signedFor: number
  /** The bucket that compute nodes are lent for results; milliseconds for which a URL into it can be used. */
  readonly managedBucket: string | undefined
  readonly managedKey: string | undefined
  readonly managedRegion: string | undefined
  readonly managedEndpoint: string | undefined
  readonly managedFor: number
  /** RPC of a Kubo that is asked for content, and of one that is given results. */
  readonly kuboEndpoint: string | undefined
  readonly kuboPublish: string | undefined
  /** Names of engines, lower case. */
  readonly enginesDisabled: readonly string[]
  /** Address of the container engine; undefined: wherever one is found. */
  readonly dockerHost: string | undefined
  readonly dockerPull: 'missing' | 'always' | 'never'
  readonly wasmNetworks: readonly 'http'[]
  readonly wasmAddresses: readonly string[]
  /** Days; 0 keeps them for ever. */
  readonly dockerKeepImages: number
  readonly dockerNetworks: readonly ('http' | 'bridge' | 'host')[]
  readonly dockerAddresses: readonly string[]
  readonly dockerHttpBytes: number
  readonly dockerProcesses: number
  readonly dockerOpenFiles: number
  readonly dockerSeccomp: string | undefined
  readonly dockerRuntime: string | undefined
  readonly dockerDiskRate: number
  readonly dockerGrace: number
  readonly dockerPorts: readonly [number, number]
  readonly dockerHttpRate: number
  /** File of the key of a private swarm. */
  readonly swarmKey: string | undefined
  /** Nodes of the Go program that are trusted. */
  readonly legacyPeers: LegacyPeers
  readonly mdns: boolean
  readonly upnp: boolean
  /** Whether this node is a relay. Where it is not set, orchestrators are. */
  readonly relay: boolean | undefined
  readonly holePunching: boolean
  readonly autonat: boolean
  readonly logLevel: LogLevel
  /** All of it as a tree of its keys, secrets hidden. */
  readonly shown: object
}

/** What was given on the command line for a setting, and by which flag. */
export interface FlagEntry {
  readonly flag: string
  readonly value: string | readonly string[]
}

/** Where settings come from, the weakest first: built-in defaults, files, the environment, flags, `--config KEY=VALUE`. */
export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Folder of the user. */
  readonly home: string
  /** Folder that relative paths start from. */
  readonly cwd: string
  readonly flags: { readonly [K in SettingName]?: FlagEntry }
  /** Each occurrence of `--config`: a file, `KEY=VALUE`, or the key of a switch. */
  readonly config?: readonly string[]
}

export interface LoadedConfig {
  readonly settings: Settings
  /** In words: `default`, `BACALHAU_API_PORT`, `--api-port`, `--config`, `/…/config.yaml line 3`. */
  readonly origins: Readonly<Record<SettingName, string>>
  /** What was set aside, one sentence each. */
  readonly warnings: readonly string[]
}

/** Reads and checks the whole configuration. Throws `ConfigurationError` that names the flag, variable or line. */
export async function loadConfig(sources: ConfigSources): Promise<LoadedConfig> {
  const written = await writtenConfig(sources)
  const named = await readFiles(written?.files ?? [])
  const given = { ...sources, written: written?.values }
  const folder = folderOf(given, named.entries.get('dataDir'))
  const { entries, warnings } = named.count > 0 ? named : await readOwnFile(path.join(folder, 'config.yaml'))
  const decided = SETTING_NAMES.map((name) => [name, decide(name, given, entries.get(name))] as const)
  return {
    settings: {
      ...(Object.fromEntries(decided.map(([name, { value }]) => [name, value])) as Settings),
      dataDir: folder,
    },
    origins: Object.fromEntries(decided.map(([name, { origin }]) => [name, origin])) as Record<SettingName, string>,
    warnings: [...(written?.warnings ?? []), ...(await variableWarnings(sources.env)), ...warnings],
  }
}

/** The data folder as flags and the environment name it; no file is read. */
export const dataFolder = (sources: Omit<ConfigSources, 'config'>): string =>
  folderOf({ ...sources, written: undefined }, undefined)

function folderOf(sources: Sources, inFile: Given | undefined): string {
  const { value } = decide('dataDir', sources, inFile)
  return path.resolve(sources.cwd, value.replace(/^~(?=$|[/\\])/, sources.home))
}

/** What `--config` says; that nothing is said twice is seen to here. */
async function writtenConfig({ config = [], cwd, flags }: ConfigSources): Promise<ConfigFlag | undefined> {
  if (config.length === 0) return undefined
  const { readConfigFlag } = await import('./config-flag.ts')
  const written = await readConfigFlag(config, cwd)
  for (const name of written.values.keys()) {
    const flag = flags[name]?.flag
    if (flag === undefined) continue
    const problem = `flag: --${flag} and config flag key "${SETTINGS[name].key}" cannot both be provided`
    throw new BacalhauError('ConfigurationError', problem, { hint: 'Only one of the two is needed.' })
  }
  return written
}

/** The settings of several files, of which a later one is stronger. */
async function readFiles(files: readonly string[]) {
  const entries = new Map<SettingName, Given>()
  const warnings: string[] = []
  for (const file of files) {
    const found = await readConfigFile(file)
    warnings.push(...found.warnings)
    for (const [name, { value, line }] of found.entries) entries.set(name, { value, origin: `${file} line ${line}` })
  }
  return { count: files.length, entries, warnings }
}

/** The settings of the file in the data folder, which cannot say where it lies. */
async function readOwnFile(file: string) {
  const found = await readFiles([file])
  const misplaced = found.entries.get('dataDir')
  if (misplaced === undefined) return found
  throw new BacalhauError(
    'ConfigurationError',
    `${misplaced.origin}: DataDir cannot be set in the file, which lies in it`,
    {
      hint: 'Use --data-dir.',
    },
  )
}

interface Given {
  readonly value: unknown
  readonly origin: string
}

interface Decided<T> {
  readonly value: T
  readonly origin: string
}

interface Sources extends ConfigSources {
  readonly written: ConfigFlag['values'] | undefined
}

function decide<K extends SettingName>(name: K, sources: Sources, inFile: Given | undefined): Decided<Settings[K]> {
  const { key, kind, fallback, secret } = SETTINGS[name] as Setting<Settings[K]>
  const written = sources.written?.get(name)
  const given =
    (written === undefined ? fromFlag(sources.flags[name]) : { value: written, origin: '--config' }) ??
    fromEnvironment(name, sources.env) ??
    inFile
  if (given === undefined) return { value: fallback, origin: 'default' }
  if (secret === true && given.value === HIDDEN) {
    const problem = `${given.origin}: ${key} is only the ${HIDDEN} that a list of settings shows in its place`
    throw new BacalhauError('ConfigurationError', problem, { hint: 'Write the secret itself, or leave it out.' })
  }
  const value = kind.read(given.value)
  if (value !== undefined) return { value, origin: given.origin }
  const problem = kind.problem?.(given.value)
  if (problem !== undefined) throw new BacalhauError('ConfigurationError', `${given.origin}: ${key}: ${problem}`)
  const wrong = secret === true ? 'something else' : JSON.stringify(given.value)
  throw new BacalhauError('ConfigurationError', `${given.origin}: ${key} must be ${kind.expects}, not ${wrong}`)
}

const fromFlag = (entry: FlagEntry | undefined): Given | undefined =>
  entry && { value: entry.value, origin: `--${entry.flag}` }

function fromEnvironment(name: SettingName, env: ConfigSources['env']): Given | undefined {
  const variable = variablesOf(name).find((candidate) => (env[candidate] ?? '') !== '')
  return variable === undefined ? undefined : { value: env[variable], origin: variable }
}

/** The configuration of a node from its settings. A node that names no role has both; one that names some has those. */
export function toNodeConfig(settings: Settings): NodeConfig {
  const { orchestrator, compute, capacityCpu, capacityMemory, capacityDisk, capacityGpu, ...others } = settings
  const { admissionLocality, rejectStateless, rejectNetworked, probeHttp, probeExec, ...rest } = others
  const named = orchestrator === true || compute === true
  const roles = { orchestrator: orchestrator ?? !named, compute: compute ?? !named }
  if (!roles.orchestrator && !roles.compute) {
    throw new BacalhauError('ConfigurationError', 'this node would have no role: orchestrator and compute are both off')
  }
  return {
    ...rest,
    roles,
    shown: configTree({ ...settings, ...roles }),
    admission: { locality: admissionLocality, rejectStateless, rejectNetworked, probeHttp, probeExec },
    enginesDisabled: settings.enginesDisabled,
    inputsDisabled: settings.inputsDisabled,
    publishersDisabled: settings.publishersDisabled,
    capacity: { CPU: capacityCpu, Memory: capacityMemory, Disk: capacityDisk, GPU: capacityGpu },
  }
}

/** How many of `found` devices are for jobs. A device cannot be parted, so that the least part of one is a whole one. */
export function allocatedGpus(share: Share, found: number): number {
  if (found === 0) return 0
  if (!('percent' in share)) return Math.min(Math.floor(share.amount), found)
  return share.percent === 0 ? 0 : Math.max(1, Math.floor((found * share.percent) / 100))
}

/**
 * What of a machine's resources is for jobs. Amounts are taken as they are: the operator knows. Of GPUs, which are handed out
 * one by one, there are no more than were found.
 */
export function allocated(capacity: NodeConfig['capacity'], machine: Resources): Resources {
  const part = (share: Share, total: number) => ('percent' in share ? (total * share.percent) / 100 : share.amount)
  return {
    CPU: Math.round(part(capacity.CPU, machine.CPU) * 1000) / 1000,
    Memory: Math.floor(part(capacity.Memory, machine.Memory)),
    Disk: Math.floor(part(capacity.Disk, machine.Disk)),
    GPU: allocatedGpus(capacity.GPU, machine.GPU),
  }
}
