import type { Libp2p } from '@libp2p/interface'
import type { NodeInfo } from '@bacalhau/models'
import process from 'node:process'
import { type ComputeNode, createComputeNode, type Load } from '../compute/compute-node.ts'
import type { Capabilities } from '../compute/capabilities.ts'
import { diskOf, physicalResources } from '../compute/capacity.ts'
import { type DiskWatch, startDiskWatch } from '../compute/disk-watch.ts'
import type { Gpu } from '../compute/machine/gpu.ts'
import { createNodeEnvironment } from '../compute/policy/node-environment.ts'
import { createPolicy } from '../compute/policy/policy.ts'
import { createExecutionRunner, type LocalRunner } from '../compute/execution-runner.ts'
import { type ComputeChannel, openLink } from '../link/link-protocol.ts'
import { cutDead } from '../network/reach/alive.ts'
import { serveLogs } from '../link/log-protocol.ts'
import type { Trust } from '../link/go/trust.ts'
import { BacalhauError } from '../runtime/error.ts'
import type { Scope, Stoppable } from '../runtime/lifecycle.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'
import { trackAbilities } from './abilities.ts'
import { allocated, type NodeConfig } from './config.ts'
import { describeNode } from './describe.ts'
import { type GoRequestersRole, startGoRequesters } from './go-requesters.ts'
import type { NodeFacts } from './node-facts.ts'
import type { NodeFolder } from './node-folder.ts'
import { createOrchestratorLinks, type OrchestratorLinks } from './orchestrator-links.ts'
import type { Services } from './services.ts'

/** Stopping interrupts what runs here, tells what has ended while the links still stand, then closes them. */
export interface ComputeRole extends Stoppable {
  readonly compute: ComputeNode
  readonly links: OrchestratorLinks
  readonly describe: () => NodeInfo
  /** May a requester of the Go program give work to this node? */
  readonly worksForGo: () => boolean
  /** Serves an orchestrator in the same process. */
  attach(channel: ComputeChannel): void
}

export interface ComputeRoleOptions {
  readonly config: NodeConfig
  readonly host: Libp2p
  readonly folder: NodeFolder
  readonly facts: NodeFacts
  readonly capabilities: Capabilities
  /** Those that jobs may use. */
  readonly gpus: readonly Gpu[]
  readonly services: Services
  readonly name: string
  /** Of nodes of the Go program. */
  readonly trust: Trust
  /** The disk is nearly full: frees what lies there without being needed. */
  readonly relieve: () => void
}

/** The compute side of a node: what runs here, and the links to those who order it. */
export async function startComputeRole(options: ComputeRoleOptions, scope: Scope): Promise<ComputeRole> {
  const { config, host, folder, facts, capabilities, gpus, services, name, relieve } = options
  const capacity = allocated(config.capacity, await physicalResources(folder.root, gpus.length))
  const abilities = await trackAbilities(capabilities, services.clock, () => compute.refresh())
  const nodeInfo = (load: Load) =>
    describeNode({
      nodeId: host.peerId.toString(),
      name,
      labels: config.labels,
      compute: { ...load, capacity, gpus, offered: abilities.current() },
    })
  const runner = createRunner(options)
  const disk = await watchDisk(options, () => {
    runner.relieve()
    relieve()
  })
  scope.own(disk)
  const compute = await createComputeNode({
    ...services,
    storeGeneration: facts.storeGeneration,
    ...(config.joinToken === undefined ? {} : { joinToken: config.joinToken }),
    capacity,
    runner,
    shortage: () => disk.shortage(),
    nodeInfo,
    onMembership: (...decision) => tellMembership(services.logger, ...decision),
  })
  measure(compute, services)
  const go = await startGoRequesters({ host, compute, services, trust: options.trust })
  const links = linksTo(options, compute, go)
  scope.own(await serveLogs(host, compute.readLogs.bind(compute), services.logger))
  return {
    compute,
    links,
    describe: () => nodeInfo({ free: compute.free(), running: compute.running(), waiting: compute.waiting() }),
    worksForGo: () => options.trust.isOn,
    attach: (channel) => void compute.attach(channel),
    async stop() {
      abilities.stop()
      await compute.stop()
      await go.stop()
      await links.stop()
    },
  }
}

/** Links to orchestrators. Requesters of the Go program are none, and are told apart as soon as they say what they speak. */
function linksTo(
  { host, services }: ComputeRoleOptions,
  compute: ComputeNode,
  go: GoRequestersRole,
): OrchestratorLinks {
  const links = createOrchestratorLinks({
    ...services,
    async open(peer, signal) {
      if (go.includes(peer)) throw new BacalhauError('PeerUnreachable', 'this is a requester of the Go program')
      return openLink(host, peer, signal, services.traffic)
    },
    start: (channel) => compute.attach(channel),
    doubt: (peer) => cutDead(host, peer, LIMITS.linkSilence),
  })
  return {
    ...links,
    connected(peerId) {
      go.connected(peerId)
      links.connected(peerId)
    },
    disconnected(peerId) {
      go.disconnected(peerId)
      links.disconnected(peerId)
    },
    linked: () => [...links.linked(), ...go.peers()],
  }
}

function createRunner({ config, folder, capabilities, services }: ComputeRoleOptions): LocalRunner {
  return createExecutionRunner({
    ...services,
    folder: folder.executions,
    capabilities,
    policy: createPolicy({ rules: config.admission, capabilities, clock: services.clock }),
    environment: createNodeEnvironment(config.envAllowList, process.env),
    outputLimit: config.logsMaxSize,
    outputTime: config.logsKeepMinutes * 60_000,
  })
}

function measure(compute: ComputeNode, { meter }: Services): void {
  meter.gauge('bacalhau_compute_executions', 'Executions that run on this node, or wait here for room.', () => [
    { labels: { state: 'running' }, value: compute.running() },
    { labels: { state: 'waiting' }, value: compute.waiting() },
  ])
}

async function watchDisk({ config, folder, services }: ComputeRoleOptions, relieve: () => void): Promise<DiskWatch> {
  const { total } = await diskOf(folder.root)
  return startDiskWatch({
    ...services,
    floor: floorOf(config.diskFloor, total),
    relieve,
    free: async () => (await diskOf(folder.root)).free,
  })
}

/** On a small disk a gibibyte would be all of it. */
function floorOf(share: NodeConfig['diskFloor'], total: number): number {
  if (share === undefined) return Math.min(LIMITS.diskFloor, total / 20)
  return 'percent' in share ? (total * share.percent) / 100 : share.amount
}

function tellMembership(logger: Logger, orchestrator: string, membership: string, message: string): void {
  const facts = { orchestrator, membership, message }
  if (membership === 'APPROVED') logger.info(facts, 'this node takes work of an orchestrator')
  else logger.warn(facts, 'the orchestrator gives no work to this node')
}
