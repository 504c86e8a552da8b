import type { Libp2p } from '@libp2p/interface'
import { hostname } from 'node:os'
import type { Content } from '../content/content.ts'
import { createContent } from '../content/content.ts'
import { measuredTraffic } from '../link/traffic.ts'
import { createTrust, type Trust } from '../link/go/trust.ts'
import type { NodeDirectory } from '../link/facts/known-node.ts'
import { createLoopback } from '../link/loopback.ts'
import type { ComputeMessage, OrchestratorMessage } from '@bacalhau/models'
import { ensureDataFolder } from '../network/data-folder.ts'
import { loadNodeKey } from '../network/key-file.ts'
import type { PeerKeeper } from '../network/peer-keeper.ts'
import { parsePeers } from '../network/peer-address.ts'
import type { RunningOrchestrator } from '../orchestrator/orchestrator.ts'
import { systemClock } from '../runtime/clock.ts'
import { keepYoungHeapSmall, startIdleCollector } from '../runtime/heap.ts'
import { Scope } from '../runtime/lifecycle.ts'
import { createLogger } from '../runtime/logger.ts'
import { createMeter } from '../runtime/meter.ts'
import { systemRandom } from '../runtime/random.ts'
import { type MeasuredStore, measuredStore } from '../store/measured.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import { startApiRole } from './api-role.ts'
import { checkNode } from './checks.ts'
import { createCapabilities } from './capabilities.ts'
import { usableGpus } from './usable-gpus.ts'
import { type ComputeRole, startComputeRole } from './compute-role.ts'
import type { NodeConfig } from './config.ts'
import { kuboAt } from './data-capabilities.ts'
import { freePartOf, startContentUpkeep } from './content-upkeep.ts'
import { describeNode } from './describe.ts'
import { startDiscovery } from './discovery.ts'
import { openRelayGuests } from './relay-guests.ts'
import { openDirectory, startFactsRole } from './facts-role.ts'
import { joinLine, ownAddresses } from './invitation.ts'
import { loadFacts, type NodeFacts } from './node-facts.ts'
import { createManagedStorage, type ManagedStorage } from './managed-storage.ts'
import { type NodeFolder, openNodeFolder } from './node-folder.ts'
import { startOrchestratorRole } from './orchestrator-role.ts'
import { createPeersRole } from './peers-role.ts'
import type { Services } from './services.ts'
import { type Guests, startHost } from './start-host.ts'

/** A node that answers. */
export interface RunningNode {
  readonly peerId: string
  /** Multiaddrs of the swarm, with the peer ID, the one for other machines first. */
  readonly addresses: readonly string[]
  /** Where this machine reaches the REST API. */
  readonly apiUrl: string
  /** SHA-256 of the certificate that the REST API shows; undefined when it is spoken in the clear. */
  readonly apiFingerprint: string | undefined
  /** What to type on another machine to add it as a compute node; undefined for a node that orchestrates nothing. */
  readonly joinLine: string | undefined
  /** What the operator should know, one sentence each. */
  readonly warnings: readonly string[]
  /** Ends what runs, tells the others, closes the store. */
  stop(): Promise<void>
}

/** Starts a node. Everything that was started is stopped again when a later part cannot start. */
export async function serve(config: NodeConfig): Promise<RunningNode> {
  keepYoungHeapSmall()
  const scope = new Scope()
  scope.own(startIdleCollector({ clock: systemClock }))
  try {
    return await start(config, scope)
  } catch (error) {
    await scope.stop().catch(() => undefined)
    throw error
  }
}

async function start(config: NodeConfig, scope: Scope): Promise<RunningNode> {
  // Wrong addresses are told before anything is touched.
  const targets = parsePeers(config.peers)
  await ensureDataFolder(config.dataDir)
  const key = await loadNodeKey(config.dataDir, config.swarmPort)
  const folder = await openNodeFolder(config.dataDir, config.swarmPort)
  const services = openServices(config, folder, scope)
  const facts = await loadFacts(services.store, services.random)
  const guests: Guests = { admits: () => false }
  const { host, swarmKey } = await startHost({ config, key: key.bytes, guests, ...services }, scope)
  const directory = openDirectory(host, services, (peer) => guests.admits(peer), scope)
  const { content, upkeep } = await openContent({ config, host, folder, services, directory }, scope)
  const storage = createManagedStorage({ config, host, services }, scope)
  const trust = createTrust(config.legacyPeers)
  const node = await startRoles(
    { config, host, folder, facts, content, services, storage, directory, trust, relieve: () => upkeep.relieve() },
    scope,
  )
  const checks = () => checkNode(services.store, config, node)
  const common = { config, host, folder, content, services, swarmKey, ...node }
  const wanted = createPeersRole({ ...common, targets, directory }, scope)
  const api = await startApiRole({ ...common, storage, checks, peers: wanted.peers }, scope)
  const hasToken = await openRelayGuests({ config, host, services }, scope)
  guests.admits = (peer) => wanted.keeper.isWanted(peer) || node.orchestrator?.isMember(peer) === true || hasToken(peer)
  await wanted.begin()
  await discover({ config, host, services, facts, node, keeper: wanted.keeper }, scope)
  const dials = targets.length > 0
  const worksForGo = () => node.compute?.worksForGo() === true
  await startFactsRole({ config, host, key, directory, services, dials, worksForGo, describe: node.describe }, scope)
  const addresses = ownAddresses(host, config)
  return {
    peerId: host.peerId.toString(),
    addresses,
    apiUrl: api.url,
    apiFingerprint: api.certificate?.fingerprint,
    joinLine: node.orchestrator === undefined ? undefined : joinLine(addresses, config, facts),
    warnings: [...key.warnings, ...(swarmKey?.warnings ?? []), ...api.warnings],
    stop: () => scope.stop(),
  }
}

function openServices(config: NodeConfig, folder: NodeFolder, scope: Scope): Services & { store: MeasuredStore } {
  const meter = createMeter()
  return {
    store: measuredStore(scope.own(openSqliteStore(folder.store)), meter, systemClock),
    clock: systemClock,
    random: systemRandom,
    logger: createLogger(config.logLevel),
    meter,
    traffic: measuredTraffic(meter),
  }
}

/** The content of the node, and what keeps it from growing for ever. */
async function openContent(
  { config, host, folder, services, directory }: Pick<Parts, 'config' | 'host' | 'folder' | 'services' | 'directory'>,
  scope: Scope,
) {
  const kubo = kuboAt(config.kuboEndpoint, config, services)
  const known = () => directory.nodes().flatMap(({ kind, peerId }) => (kind === 'bacalhau' ? [peerId] : []))
  const content = scope.own(await createContent({ host, folder: folder.content, ...services, kubo, known }))
  const freeSpace = () => freePartOf(folder.content)
  const upkeep = scope.own(startContentUpkeep({ content, ...services, resultDays: config.keepResultDays, freeSpace }))
  return { content, upkeep }
}

interface Found {
  readonly config: NodeConfig
  readonly host: Libp2p
  readonly services: Services
  readonly facts: NodeFacts
  readonly node: Roles
  readonly keeper: Pick<PeerKeeper, 'isWanted'>
}

function discover({ config, host, services, facts, node, keeper }: Found, scope: Scope): Promise<void> {
  const joinToken = node.orchestrator === undefined ? undefined : (config.joinToken ?? facts.joinToken)
  const isWanted = (peerId: string) => keeper.isWanted(peerId)
  return startDiscovery({ config, host, joinToken, links: node.compute?.links, isWanted, services }, scope)
}

interface Parts {
  readonly config: NodeConfig
  readonly host: Libp2p
  readonly folder: NodeFolder
  readonly facts: NodeFacts
  readonly content: Content
  readonly services: Services
  readonly storage: ManagedStorage
  readonly directory: NodeDirectory
  /** Of nodes of the Go program. */
  readonly trust: Trust
  readonly relieve: () => void
}

interface Roles {
  readonly compute: ComputeRole | undefined
  readonly orchestrator: RunningOrchestrator | undefined
  readonly describe: () => ReturnType<typeof describeNode>
}

async function startCompute(
  parts: Parts,
  { name, nodeId }: { readonly name: string; readonly nodeId: string },
  scope: Scope,
): Promise<ComputeRole> {
  const gpus = await usableGpus(parts.config.capacity.GPU, parts.services.logger)
  const capabilities = await createCapabilities({ ...parts, nodeId, gpus }, scope)
  const relieve = () => {
    capabilities.relieve()
    parts.relieve()
  }
  return startComputeRole({ ...parts, relieve, name, gpus, capabilities }, scope)
}

async function startRoles(parts: Parts, scope: Scope): Promise<Roles> {
  const { config, host, facts, services } = parts
  const name = hostname()
  const nodeId = host.peerId.toString()
  const compute = config.roles.compute ? await startCompute(parts, { name, nodeId }, scope) : undefined
  const describe = compute?.describe ?? (() => describeNode({ nodeId, name, labels: config.labels }))
  const orchestrator = config.roles.orchestrator
    ? await startOrchestratorRole(
        {
          config,
          host,
          services,
          self: describe,
          compute: compute?.compute,
          joinToken: config.joinToken ?? facts.joinToken,
          storeGeneration: facts.storeGeneration,
          content: parts.content,
          storage: parts.storage,
          directory: parts.directory,
          trust: parts.trust,
        },
        scope,
      )
    : undefined
  if (compute !== undefined && orchestrator !== undefined) {
    const [near, far] = createLoopback<ComputeMessage, OrchestratorMessage>(host.peerId.toString())
    orchestrator.attach(far)
    compute.attach(near)
  }
  // Last, so that it is stopped first: the orchestrator and the links are still there to be told.
  if (compute !== undefined) scope.own(compute)
  return { compute, orchestrator, describe }
}
