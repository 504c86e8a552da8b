import type { ApiUser } from '../api/auth/users.ts'
import type { LegacyPeers } from '../link/go/trust.ts'
import { DEFAULT_PEERS } from '../network/bootstrap.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { LogLevel } from '../runtime/logger.ts'
import { absent, clientIds, isClientKeyMethod, origins, users } from './config-access.ts'
import {
  bytes,
  choice,
  choices,
  cores,
  devices,
  type Kind,
  type Share,
  labels,
  legacyPeers,
  peers,
  port,
  portRange,
  size,
  span,
  text,
  texts,
  toggle,
  webAddress,
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
  apiUsers: setting<readonly ApiUser[] | undefined>({
    key: 'API.Auth.Users',
    kind: users,
    fallback: undefined,
    secret: true,
    about:
      'Users of the REST API: Username and Password (bcrypt or plain) or APIKey, and Capabilities. With any, everybody needs a credential.',
  }),
  apiClientKeys: setting<readonly string[]>({
    key: 'API.Auth.ClientKeys',
    kind: clientIds,
    fallback: [],
    about: 'Client IDs whose keys may be used from other machines, to run jobs.',
  }),
  apiTrustLocal: setting<boolean | undefined>({
    key: 'API.Auth.TrustLocal',
    kind: toggle,
    fallback: undefined,
    about:
      'Serve programs on this machine without a credential. By default they are, unless API.Auth.Users names somebody.',
  }),
  apiPolicy: setting({
    key: 'API.Auth.AccessPolicyPath',
    kind: absent('policies in Rego are not supported; use tokens, client keys or API.Auth.Users'),
    fallback: false,
    about: 'Not supported; a node that is told to follow a policy does not start.',
  }),
  apiMethods: setting({
    key: 'API.Auth.Methods',
    kind: absent('only {ClientKey: {Type: challenge}} is supported, without a policy', isClientKeyMethod),
    fallback: false,
    about: 'Only the default of the Go program, {ClientKey: {Type: challenge}}, is supported.',
  }),
  apiSso: setting({
    key: 'API.Auth.Oauth2',
    kind: absent('single sign-on is not supported; use tokens, client keys or API.Auth.Users'),
    fallback: false,
    about: 'Not supported; a node that is told to use single sign-on does not start.',
  }),
  apiHosts: setting<readonly string[]>({
    key: 'API.Hosts',
    kind: texts,
    fallback: [],
    about: 'Names, besides localhost, by which programs on this machine may call the REST API without a credential.',
  }),
  tlsCert: setting<string | undefined>({
    key: 'API.TLS.CertFile',
    kind: text,
    fallback: undefined,
    about: 'Certificate of the REST API with its chain (PEM). Read again when it changes.',
  }),
  tlsKey: setting<string | undefined>({
    key: 'API.TLS.KeyFile',
    kind: text,
    fallback: undefined,
    about: 'Key of the certificate (PEM).',
  }),
  tlsSelfSigned: setting({
    key: 'API.TLS.SelfSigned',
    kind: toggle,
    fallback: false,
    about: 'Serve the REST API over TLS with a certificate that the node makes and keeps.',
  }),
  tlsAutoCert: setting({
    key: 'API.TLS.AutoCert',
    kind: absent('certificates are not fetched; use API.TLS.CertFile, which is read again when it changes'),
    fallback: false,
    about: 'Not supported: fetching certificates by ACME is the work of a program of its own.',
  }),
  tlsUse: setting({
    key: 'API.TLS.UseTLS',
    kind: toggle,
    fallback: false,
    about: 'Commands call the REST API over TLS.',
  }),
  tlsInsecure: setting({
    key: 'API.TLS.Insecure',
    kind: toggle,
    fallback: false,
    about: 'Commands call over TLS and take any certificate. Whoever is between can read and change everything.',
  }),
  tlsCa: setting<string | undefined>({
    key: 'API.TLS.CAFile',
    kind: text,
    fallback: undefined,
    about: 'Commands call over TLS and also take certificates of this authority, or this certificate (PEM).',
  }),
  corsOrigins: setting<readonly string[]>({
    key: 'API.Cors.Origins',
    kind: origins,
    fallback: [],
    about:
      'Origins whose web pages may use the REST API; opened on this machine, they may do all that its programs may. *: every page that brings a credential.',
  }),
  rateLimit: setting({
    key: 'API.RateLimit.PerSecond',
    kind: wholeNumber(0, 1_000_000),
    fallback: 1_000,
    about: 'Requests a second of each caller from another machine; 0 sets no bound.',
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
  swarmKey: setting<string | undefined>({
    key: 'Swarm.Key',
    kind: text,
    fallback: undefined,
    about: 'File with the key of a private swarm: only nodes with the same key connect.',
  }),
  legacyPeers: setting<LegacyPeers>({
    key: 'Swarm.LegacyPeers',
    kind: legacyPeers,
    fallback: 'loopback',
    about:
      'Nodes of the Go program (releases 1.0 to 1.3) that are trusted: allow and peer IDs, all, none, or loopback: those on this machine.',
  }),
  mdns: setting({
    key: 'Swarm.MDNS',
    kind: toggle,
    fallback: false,
    about: 'Find nodes in the local network by multicast (mDNS) and connect to them.',
  }),
  upnp: setting({ key: 'Swarm.UPnP', kind: toggle, fallback: false, about: 'Ask the router to open the port.' }),
  relay: setting<boolean | undefined>({
    key: 'Swarm.Relay',
    kind: toggle,
    fallback: undefined,
    about: 'Carry connections between members that cannot reach each other; an orchestrator does so by default.',
  }),
  holePunching: setting({
    key: 'Swarm.HolePunching',
    kind: toggle,
    fallback: true,
    about: 'Replace connections over relays by direct ones, through holes in the routers between.',
  }),
  autonat: setting({
    key: 'Swarm.AutoNAT',
    kind: toggle,
    fallback: true,
    about: 'Ask the peers that this node connects to whether it can be reached, and look for members that ask.',
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
    about:
      'Files and folders of this machine that jobs may read, or also write with :rw at the end: absolute paths or globs.',
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
  diskFloor: setting<Share | undefined>({
    key: 'Compute.DiskFloor',
    kind: bytes,
    fallback: undefined,
    about:
      'Free space of the disk below which this node takes no new work: an amount, or a part of the disk. By default 1 GiB, or 5% where that is less.',
  }),
  logsMaxSize: setting({
    key: 'Compute.Logs.MaxSize',
    kind: size,
    fallback: LIMITS.executionOutput,
    about: 'Bytes of standard output and of standard error, each, that are kept of a run.',
  }),
  logsKeepMinutes: setting({
    key: 'Compute.Logs.KeepMinutes',
    kind: wholeNumber(0, 527_040),
    fallback: LIMITS.outputRetention / 60_000,
    about: 'Minutes for which the output of an ended execution can be read.',
  }),
  keepResultSize: setting({
    key: 'Results.KeepSize',
    kind: size,
    fallback: LIMITS.keptResult,
    about: 'The orchestrator keeps a copy of each result in IPFS that is not larger. 0 switches it off.',
  }),
  keepResultDays: setting({
    key: 'Results.KeepDays',
    kind: wholeNumber(0, 36_500),
    fallback: 30,
    about:
      'Days for which a compute node keeps the results that it has published in IPFS. The copy of the orchestrator stays as long as the job.',
  }),
  inputsDisabled: setting<readonly string[]>({
    key: 'InputSources.Disabled',
    kind: texts,
    fallback: [],
    about: 'Kinds of inputs that this node does not offer, for example s3.',
  }),
  inputSilence: setting({
    key: 'InputSources.ReadTimeout',
    kind: span,
    fallback: 300_000,
    about: 'A download that brings nothing for this long is begun anew.',
  }),
  inputRetries: setting({
    key: 'InputSources.MaxRetryCount',
    kind: wholeNumber(0, 100),
    fallback: 3,
    about: 'How often a download that brings nothing is tried again.',
  }),
  inputMaxSize: setting({
    key: 'InputSources.MaxSize',
    kind: size,
    fallback: LIMITS.contentBytes,
    about: 'Bytes that one input from the web or from S3 may have.',
  }),
  inputAddresses: setting<readonly string[]>({
    key: 'InputSources.AllowedAddresses',
    kind: texts,
    fallback: [],
    about:
      'Addresses and ranges, like 10.0.0.0/8, that jobs may name for inputs and S3 although they are not on the public internet.',
  }),
  publishersDisabled: setting<readonly string[]>({
    key: 'Publishers.Disabled',
    kind: texts,
    fallback: [],
    about: 'Publishers that this node does not offer, for example local.',
  }),
  admissionLocality: setting<'anywhere' | 'local'>({
    key: 'JobAdmissionControl.Locality',
    kind: choice(['anywhere', 'local']),
    fallback: 'anywhere',
    about: 'local: take only jobs whose inputs are all on this node.',
  }),
  rejectStateless: setting({
    key: 'JobAdmissionControl.RejectStatelessJobs',
    kind: toggle,
    fallback: false,
    about: 'Take no jobs without inputs.',
  }),
  rejectNetworked: setting({
    key: 'JobAdmissionControl.RejectNetworkedJobs',
    kind: toggle,
    fallback: false,
    about: 'Take no jobs that ask for a network.',
  }),
  probeHttp: setting<string | undefined>({
    key: 'JobAdmissionControl.ProbeHTTP',
    kind: webAddress,
    fallback: undefined,
    about: 'URL that is asked about each job, by a POST of {"Job": …}; a status from 400 on refuses it.',
  }),
  probeExec: setting<string | undefined>({
    key: 'JobAdmissionControl.ProbeExec',
    kind: text,
    fallback: undefined,
    about: 'Command that bash runs for each job, {"Job": …} on its standard input; exit code 0 takes it.',
  }),
  envAllowList: setting<readonly string[]>({
    key: 'Compute.Env.AllowList',
    kind: texts,
    fallback: [],
    about: 'Variables of this node that jobs may read by env:NAME: names, in which * and ? stand for other characters.',
  }),
  localAddress: setting({
    key: 'Publishers.Types.Local.Address',
    kind: text,
    fallback: '127.0.0.1',
    about:
      'Host of the URLs of results that are published locally: an address or name at which clients reach this node. As long as it is the machine itself, nobody else is listened to.',
  }),
  localPort: setting({
    key: 'Publishers.Types.Local.Port',
    kind: port,
    fallback: 6_001,
    about: 'Port at which the node serves such results, from the first one on.',
  }),
  signedDisabled: setting({
    key: 'Publishers.Types.S3.PreSignedURLDisabled',
    kind: toggle,
    fallback: false,
    about: 'The orchestrator does not sign URLs by which users get results from S3.',
  }),
  signedFor: setting({
    key: 'Publishers.Types.S3.PreSignedURLExpiration',
    kind: span,
    fallback: 3_600_000,
    about: 'How long such a URL can be used.',
  }),
  managedBucket: setting<string | undefined>({
    key: 'Publishers.Types.S3Managed.Bucket',
    kind: text,
    fallback: undefined,
    about:
      'Bucket in which the orchestrator keeps what jobs publish to s3managed; compute nodes need no credentials for it.',
  }),
  managedKey: setting<string | undefined>({
    key: 'Publishers.Types.S3Managed.Key',
    kind: text,
    fallback: undefined,
    about: 'What the keys of such results begin with.',
  }),
  managedRegion: setting<string | undefined>({
    key: 'Publishers.Types.S3Managed.Region',
    kind: text,
    fallback: undefined,
    about: 'Region of that bucket.',
  }),
  managedEndpoint: setting<string | undefined>({
    key: 'Publishers.Types.S3Managed.Endpoint',
    kind: text,
    fallback: undefined,
    about: 'Service that has that bucket, where it is not Amazon.',
  }),
  managedFor: setting({
    key: 'Publishers.Types.S3Managed.PreSignedURLExpiration',
    kind: span,
    fallback: 3_600_000,
    about: 'How long the URLs that the orchestrator signs for that bucket can be used.',
  }),
  kuboEndpoint: setting<string | undefined>({
    key: 'InputSources.Types.IPFS.Endpoint',
    kind: text,
    fallback: undefined,
    about:
      'RPC of a Kubo, a multiaddr or a URL like http://127.0.0.1:5001, that is asked for content which no peer has. What it gives is verified.',
  }),
  kuboPublish: setting<string | undefined>({
    key: 'Publishers.Types.IPFS.Endpoint',
    kind: text,
    fallback: undefined,
    about: 'RPC of a Kubo to which results in IPFS are given as well, and which pins them.',
  }),
  enginesDisabled: setting<readonly string[]>({
    key: 'Engines.Disabled',
    kind: texts,
    fallback: [],
    about: 'Engines that this node does not offer, for example wasm.',
  }),
  dockerHost: setting<string | undefined>({
    key: 'Engines.Docker.Host',
    kind: text,
    fallback: undefined,
    about:
      'Where Docker or Podman listens: unix:///… or tcp://…. By default DOCKER_HOST, else the usual sockets are tried.',
  }),
  dockerPull: setting<'missing' | 'always' | 'never'>({
    key: 'Engines.Docker.Pull',
    kind: choice(['missing', 'always', 'never']),
    fallback: 'missing',
    about: 'When images are fetched: those that are not on this node, every time, or not at all.',
  }),
  wasmNetworks: setting<readonly 'http'[]>({
    key: 'Engines.Wasm.Networks',
    kind: choices(['http']),
    fallback: ['http'],
    about: 'Networks that WebAssembly jobs get when they ask for one. http: the domains that the job lists, over HTTP.',
  }),
  wasmAddresses: setting<readonly string[]>({
    key: 'Engines.Wasm.AllowedAddresses',
    kind: texts,
    fallback: [],
    about: 'Private addresses and ranges that WebAssembly jobs reach over HTTP, such as 10.1.0.0/16. By default none.',
  }),
  dockerKeepImages: setting({
    key: 'Engines.Docker.KeepImages',
    kind: wholeNumber(0, 36_500),
    fallback: 30,
    about: 'Days without a use after which images that were fetched for jobs are removed. 0: they are kept.',
  }),
  dockerNetworks: setting<readonly ('http' | 'bridge' | 'host')[]>({
    key: 'Engines.Docker.Networks',
    kind: choices(['http', 'bridge', 'host']),
    fallback: ['http', 'bridge'],
    about:
      'Networks that containers get when their job asks for one. http: the domains that the job lists; host: all that this machine reaches, and is.',
  }),
  dockerAddresses: setting<readonly string[]>({
    key: 'Engines.Docker.AllowedAddresses',
    kind: texts,
    fallback: [],
    about:
      'Private addresses and ranges that containers reach by the network HTTP, such as 10.1.0.0/16. By default none.',
  }),
  dockerProcesses: setting({
    key: 'Engines.Docker.Processes',
    kind: wholeNumber(1, 4_194_304),
    fallback: LIMITS.containerProcesses,
    about: 'Processes and threads that one container may have.',
  }),
  dockerOpenFiles: setting({
    key: 'Engines.Docker.OpenFiles',
    kind: wholeNumber(0, 1_073_741_816),
    fallback: 0,
    about: 'Files that each process of a container may have open. 0: what the engine gives.',
  }),
  dockerSeccomp: setting<string | undefined>({
    key: 'Engines.Docker.Seccomp',
    kind: text,
    fallback: undefined,
    about: "File with a seccomp profile for containers, instead of the engine's own.",
  }),
  dockerRuntime: setting<string | undefined>({
    key: 'Engines.Docker.Runtime',
    kind: text,
    fallback: undefined,
    about: 'Runtime of containers that the engine knows by this name, such as runsc or kata, instead of its usual one.',
  }),
  dockerGrace: setting({
    key: 'Engines.Docker.StopGrace',
    kind: span,
    fallback: 1_000,
    about: 'How long a container that has to end may take for it after its signal, where the spec has no StopTimeout.',
  }),
  dockerPorts: setting<readonly [number, number]>({
    key: 'Engines.Docker.Ports',
    kind: portRange,
    fallback: [20_000, 32_000],
    about: 'Ports of this machine that containers get where the spec names none: the first and the last.',
  }),
  dockerHttpBytes: setting({
    key: 'Engines.Docker.HTTPBytes',
    kind: size,
    fallback: 10_000_000_000,
    about: 'Bytes that one container may send and receive by the network HTTP; then it is ended. 0: any number.',
  }),
  dockerHttpRate: setting({
    key: 'Engines.Docker.HTTPRate',
    kind: size,
    fallback: 12_500_000,
    about: 'Bytes a second that one container may send and receive by the network HTTP. 0: as fast as it goes.',
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
