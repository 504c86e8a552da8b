import type { ConfigSources, NodeConfig } from '../../node/config.ts'
import { toNodeConfig } from '../../node/config.ts'
import type { SettingName } from '../../node/config-settings.ts'
import type { RunningNode } from '../../node/serve.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { VERSION } from '../../runtime/version.ts'
import type { serveFlags } from '../catalogue/nodes.ts'
import type { Invocation } from '../command.ts'
import { invalidFlag } from '../flag.ts'
import type { Io } from '../io.ts'
import { present } from '../present.ts'
import { loadSettings } from '../settings.ts'
import { plainLine } from '../terminal/plain.ts'
import type { Style } from '../terminal/style.ts'
import { formatFields, indented } from '../terminal/table.ts'

type ServeFlags = Invocation<typeof serveFlags>['flags']

/** Flags that are a setting under another name. The others are dealt with one by one. */
const SETTING_OF = {
  host: 'apiHost',
  'api-port': 'apiPort',
  port: 'swarmPort',
  'swarm-host': 'swarmHost',
  peer: 'peers',
  'join-token': 'joinToken',
  'node-approval': 'nodeApproval',
  labels: 'labels',
  'allow-listed-local-paths': 'allowListedLocalPaths',
  'limit-total-cpu': 'capacityCpu',
  'limit-total-memory': 'capacityMemory',
  'limit-total-disk': 'capacityDisk',
  'limit-total-gpu': 'capacityGpu',
  'disable-engine': 'enginesDisabled',
  'swarm-key': 'swarmKey',
  'legacy-peers': 'legacyPeers',
  mdns: 'mdns',
  upnp: 'upnp',
  relay: 'relay',
  'hole-punching': 'holePunching',
  autonat: 'autonat',
  'log-level': 'logLevel',
} as const satisfies Partial<Record<keyof ServeFlags, SettingName>>

export async function run({ flags: given, args, io, signal }: Invocation<typeof serveFlags>): Promise<number> {
  const flags = withAllowed(given, args)
  const { config: written, 'data-dir': dataDir } = flags
  const { settings, origins, warnings } = await loadSettings(
    io,
    { config: written, 'data-dir': dataDir },
    settingsOf(flags),
  )
  for (const warning of warnings) await io.err.write(`Warning: ${plainLine(warning)}\n`)
  const labels = flags.name === undefined ? settings.labels : { ...settings.labels, name: flags.name }
  const config = toNodeConfig({ ...settings, labels })
  const node = await start(config, origins.peers)
  try {
    for (const warning of node.warnings) await io.err.write(`Warning: ${warning}\n`)
    await greet(node, config, flags, io)
    await aborted(signal)
    await io.err.write('\nStopping. Press Ctrl-C again to end at once.\n')
  } finally {
    await node.stop()
  }
  await io.err.write('Stopped.\n')
  return 0
}

/** `--legacy-peers allow A B`: the only arguments that there are. */
export function withAllowed(flags: ServeFlags, ids: readonly string[]): ServeFlags {
  const words = flags['legacy-peers']
  if (ids.length === 0) return flags
  if (!/^allow\b/i.test(words[0] ?? ''))
    throw new BacalhauError('InvalidFlag', `unexpected argument '${ids[0]}'`, {
      hint: 'Peer IDs follow --legacy-peers allow; nodes to connect to are named with --peer.',
    })
  return { ...flags, 'legacy-peers': [...words, ...ids] }
}

/** What the flags say, setting by setting. */
export function settingsOf(flags: ServeFlags): ConfigSources['flags'] {
  const given: { -readonly [K in SettingName]?: ConfigSources['flags'][K] } = {}
  for (const [flag, name] of Object.entries(SETTING_OF) as [keyof typeof SETTING_OF, SettingName][]) {
    const value = flags[flag]
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue
    given[name] = { flag, value: Array.isArray(value) ? value : String(value) }
  }
  if (flags.discover !== undefined) given.mdns ??= { flag: 'discover', value: String(flags.discover === 'lan') }
  const types = flags['node-type'].flatMap((text) => text.toLowerCase().split(',')).map((text) => text.trim())
  const unknown = types.find((type) => !['requester', 'orchestrator', 'compute'].includes(type))
  if (unknown !== undefined) throw invalidFlag('node-type', `'${unknown}' is neither requester nor compute`)
  const named = (flag: boolean, words: readonly string[]) => flag || types.some((type) => words.includes(type))
  const [orchestrator, compute] = [
    named(flags.orchestrator, ['requester', 'orchestrator']),
    named(flags.compute, ['compute']),
  ]
  if (orchestrator || compute) {
    given.orchestrator = { flag: 'orchestrator', value: String(orchestrator) }
    given.compute = { flag: 'compute', value: String(compute) }
  }
  return given
}

/** Brings in the node with all its libraries, and says of a wrong peer address where it was written. */
async function start(config: NodeConfig, origin: string): Promise<RunningNode> {
  const { serve } = await import('../../node/serve.ts')
  try {
    return await serve(config)
  } catch (error) {
    if (!(error instanceof BacalhauError) || error.code !== 'InvalidMultiaddr') throw error
    throw new BacalhauError('InvalidMultiaddr', `${origin}: ${error.message}`, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      cause: error,
    })
  }
}

async function greet(node: RunningNode, config: NodeConfig, flags: ServeFlags, io: Io): Promise<void> {
  const { peerId, addresses, apiUrl, apiFingerprint, joinLine } = node
  const facts = {
    PeerID: peerId,
    Addresses: addresses,
    APIURL: apiUrl,
    ...(apiFingerprint === undefined ? {} : { APIFingerprint: apiFingerprint }),
    DataDir: config.dataDir,
    ...(joinLine === undefined ? {} : { JoinLine: joinLine }),
  }
  await present(io, flags, facts, (style) => greeting(node, config, style))
}

function greeting(
  { peerId, addresses, apiUrl, apiFingerprint, joinLine }: RunningNode,
  config: NodeConfig,
  style: Style,
): string {
  const { orchestrator, compute } = config.roles
  const roles = orchestrator && compute ? 'requester and compute node' : orchestrator ? 'requester' : 'compute node'
  const port = config.apiPort === 1234 ? '' : ` --api-port ${new URL(apiUrl).port}`
  const fields = formatFields([
    ['Peer ID', peerId],
    ...addresses.map((address, index) => [index === 0 ? 'Swarm' : '', address] as const),
    ['REST API', apiUrl],
    ...(apiFingerprint === undefined ? [] : [['Certificate', `SHA-256 ${apiFingerprint}`] as const]),
    ['Data', plainLine(config.dataDir)],
  ])
  const next = formatFields([
    ...(joinLine === undefined ? [] : [['Add a machine', joinLine] as const]),
    ...(joinLine === undefined || config.swarmKey === undefined
      ? []
      : [['', `Copy ${plainLine(config.swarmKey)} to that machine first.`] as const]),
    ...(orchestrator ? [['Run a job', `bacalhau run job.yaml${port}`] as const] : []),
    ['Stop', 'Ctrl-C'],
  ])
  return `${style.bold(`bacalhau ${VERSION}`)} is running as ${roles}.\n\n${indented(fields)}\n${indented(next)}`
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
