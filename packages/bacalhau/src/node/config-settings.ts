import { DEFAULT_PEERS } from '../network/bootstrap.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { LogLevel } from '../runtime/logger.ts'
import {
  bytes,
  choice,
  cores,
  devices,
  type Kind,
  labels,
  peers,
  port,
  size,
  text,
  texts,
  toggle,
  wholeNumber,
} from './config-kinds.ts'

/** One setting: its key in the file, from which its variable follows (`API.Port`: `BACALHAU_API_PORT`), and what it means. */
export interface Setting<T> {
  readonly key: string
  readonly kind: Kind<T>
  readonly fallback: T
  readonly about: string
  /** Further variables that set it, the first one winning, all below `BACALHAU_…`. */
  readonly env?: readonly string[]
  /** Not to be shown. */
  readonly secret?: true
}

const setting = <T>(definition: Setting<T>): Setting<T> => definition

/** Spelt out here so that reading the configuration does not load the logger. */
const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const satisfies readonly LogLevel[]

/** Every setting of a node. The one place that flags, variables, the file, `config list` and the types are made from. */
export const SETTINGS = {
  dataDir: setting({
    key: 'DataDir',
    kind: text,
    fallback: '~/.bacalhau',
    env: ['BACALHAU_PATH', 'BACALHAU_DIR'],
    about: 'Folder of keys, configuration and data. Cannot be set in the file, which lies in it.',
  }),
  apiHost: setting({
    key: 'API.Host',
    kind: text,
    fallback: '0.0.0.0',
    about: 'Address that the REST API listens on, and where commands look for it.',
  }),
  apiPort: setting({ key: 'API.Port', kind: port, fallback: 1234, about: 'Port of the REST API.' }),
  apiToken: setting<string | undefined>({
    key: 'API.Token',
    kind: text,
    fallback: undefined,
    secret: true,
    about: 'Secret that lets callers from other machines use the REST API; commands send it.',
  }),
  orchestrator: setting<boolean | undefined>({
    key: 'Orchestrator.Enabled',
    kind: toggle,
    fallback: undefined,
    about: 'Take jobs and place them. A node that names no role has both.',
  }),
  compute: setting<boolean | undefined>({
    key: 'Compute.Enabled',
    kind: toggle,
    fallback: undefined,
    about: 'Run jobs. A node that names no role has both.',
  }),
  nodeApproval: setting<'token' | 'auto' | 'manual'>({
    key: 'Orchestrator.NodeApproval',
    kind: choice(['token', 'auto', 'manual']),
    fallback: 'token',
    about:
      'Which compute nodes get work: those on this machine or with the join token, all that connect, or those that the operator approves.',
  }),
  placement: setting<'spread' | 'pack'>({
    key: 'Orchestrator.Placement',
    kind: choice(['spread', 'pack']),
    fallback: 'spread',
    about: 'Which of the fitting nodes gets a run: the one with most room, or the one with least.',
  }),
  keptJobs: setting({
    key: 'Orchestrator.KeptJobs',
    kind: wholeNumber(1, 100_000_000),
    fallback: 100_000,
    about: 'Ended jobs that are kept, with their executions and events; the oldest go first.',
  }),
  joinToken: setting<string | undefined>({
    key: 'Swarm.JoinToken',
    kind: text,
    fallback: undefined,
    secret: true,
    about: 'Secret that approves a compute node; made up by the orchestrator when it has none.',
  }),
  swarmHost: setting({ key: 'Swarm.Host', kind: text, fallback: '0.0.0.0', about: 'Address that libp2p listens on.' }),
  swarmPort: setting({ key: 'Swarm.Port', kind: port, fallback: 1235, about: 'Port that libp2p listens on.' }),
  peers: setting<readonly string[]>({
    key: 'Swarm.Peers',
    kind: peers,
    fallback: DEFAULT_PEERS,
    about: 'Peers to connect to: multiaddrs, or /ip4/…/tcp/1234/http to ask an API, or none.',
  }),
  mdns: setting({
    key: 'Swarm.MDNS',
    kind: toggle,
    fallback: false,
    about: 'Find nodes in the local network and connect to them.',
  }),
  upnp: setting({ key: 'Swarm.UPnP', kind: toggle, fallback: false, about: 'Ask the router to open the port.' }),
  relay: setting({
    key: 'Swarm.Relay',
    kind: toggle,
    fallback: false,
    about: 'Carry the connections of nodes that cannot be reached, and be reached through such a node.',
  }),
  labels: setting<Readonly<Record<string, string>>>({
    key: 'Labels',
    kind: labels,
    fallback: {},
    about: 'Labels of this node, for the constraints of jobs.',
  }),
  allowListedLocalPaths: setting<readonly string[]>({
    key: 'Compute.AllowListedLocalPaths',
    kind: texts,
    fallback: [],
    about: 'Files and folders of this machine that jobs may read: absolute paths or globs.',
  }),
  capacityCpu: setting({
    key: 'Compute.AllocatedCapacity.CPU',
    kind: cores,
    fallback: { percent: 80 },
    about: 'Processors for jobs.',
  }),
  capacityMemory: setting({
    key: 'Compute.AllocatedCapacity.Memory',
    kind: bytes,
    fallback: { percent: 80 },
    about: 'Memory for jobs.',
  }),
  capacityDisk: setting({
    key: 'Compute.AllocatedCapacity.Disk',
    kind: bytes,
    fallback: { percent: 80 },
    about: 'Disk space for jobs.',
  }),
  capacityGpu: setting({
    key: 'Compute.AllocatedCapacity.GPU',
    kind: devices,
    fallback: { percent: 100 },
    about: 'GPUs for jobs.',
  }),
  keepResultSize: setting({
    key: 'Results.KeepSize',
    kind: size,
    fallback: LIMITS.keptResult,
    about: 'The orchestrator keeps a copy of each result in IPFS that is not larger. 0 switches it off.',
  }),
  enginesDisabled: setting<readonly string[]>({
    key: 'Engines.Disabled',
    kind: texts,
    fallback: [],
    about: 'Engines that this node does not offer, for example wasm.',
  }),
  logLevel: setting<LogLevel>({
    key: 'Logging.Level',
    kind: choice(LEVELS),
    fallback: 'warn',
    env: ['LOG_LEVEL'],
    about: 'How much to log, as JSON lines on standard error.',
  }),
} as const

export type SettingName = keyof typeof SETTINGS
/** The value of every setting. */
export type Settings = {
  readonly [K in SettingName]: (typeof SETTINGS)[K] extends Setting<infer T> ? T : never
}

export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[]

/** The variables that set a setting, the strongest first. */
export function variablesOf(name: SettingName): readonly string[] {
  const { key, env = [] }: Setting<unknown> = SETTINGS[name]
  return [`BACALHAU_${key.toUpperCase().replaceAll('.', '_')}`, ...env]
}
