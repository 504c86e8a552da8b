import type { Libp2p } from '@libp2p/interface'
import type { NodeInfo } from '@bacalhau/models'
import { type ComputeNode, createComputeNode } from '../compute/compute-node.ts'
import type { Capabilities } from '../compute/capabilities.ts'
import { physicalResources } from '../compute/capacity.ts'
import { type LinkSession, startLinkSession } from '../compute/link-session.ts'
import { type ComputeChannel, openLink } from '../link/link-protocol.ts'
import { serveLogs } from '../link/log-protocol.ts'
import type { Scope, Stoppable } from '../runtime/lifecycle.ts'
import type { Logger } from '../runtime/logger.ts'
import { type Abilities, trackAbilities } from './abilities.ts'
import { allocated, type NodeConfig } from './config.ts'
import { describeNode } from './describe.ts'
import type { NodeFacts } from './node-facts.ts'
import type { NodeFolder } from './node-folder.ts'
import { createOrchestratorLinks, type OrchestratorLinks } from './orchestrator-links.ts'
import type { Services } from './services.ts'

/** Stopping ends what runs here and reports it while the links still stand, then closes them. */
export interface ComputeRole extends Stoppable {
  readonly compute: ComputeNode
  readonly links: OrchestratorLinks
  readonly describe: () => NodeInfo
  /** Serves an orchestrator in the same process. */
  attach(channel: ComputeChannel): void
}

export interface ComputeRoleOptions {
  readonly config: NodeConfig
  readonly host: Libp2p
  readonly folder: NodeFolder
  readonly facts: NodeFacts
  readonly capabilities: Capabilities
  readonly services: Services
  readonly name: string
}

/** The compute side of a node: what runs here, and the links to those who order it. */
export async function startComputeRole(options: ComputeRoleOptions, scope: Scope): Promise<ComputeRole> {
  const { config, host, folder, capabilities, services, name } = options
  const compute = await createComputeNode({
    ...services,
    folder: folder.executions,
    capabilities,
    capacity: allocated(config.capacity, await physicalResources(folder.root)),
  })
  const abilities: Abilities = await trackAbilities(capabilities, services.clock, () => links.refresh())
  const describe = () =>
    describeNode({
      nodeId: host.peerId.toString(),
      name,
      labels: config.labels,
      compute: {
        capacity: compute.capacity,
        free: compute.free(),
        running: compute.running(),
        offered: abilities.current(),
      },
    })
  const start = sessionStarter(options, compute, describe)
  const links = createOrchestratorLinks({ open: (peer, signal) => openLink(host, peer, signal), start, ...services })
  scope.own(await serveLogs(host, compute.readLogs.bind(compute), services.logger))
  const local: LinkSession[] = []
  return {
    compute,
    links,
    describe,
    attach: (channel) => void local.push(start(channel)),
    async stop() {
      abilities.stop()
      await compute.stop()
      for (const session of local) session.close()
      await links.stop()
    },
  }
}

function sessionStarter(
  { config, facts, services }: ComputeRoleOptions,
  compute: ComputeNode,
  nodeInfo: () => NodeInfo,
) {
  return (channel: ComputeChannel): LinkSession =>
    startLinkSession(channel, {
      ...services,
      compute,
      nodeInfo,
      storeGeneration: facts.storeGeneration,
      ...(config.joinToken === undefined ? {} : { joinToken: config.joinToken }),
      onMembership: (membership, message) => tellMembership(services.logger, channel.peer, membership, message),
    })
}

function tellMembership(logger: Logger, orchestrator: string, membership: string, message: string): void {
  const facts = { orchestrator, membership, message }
  if (membership === 'APPROVED') logger.info(facts, 'this node takes work of an orchestrator')
  else logger.warn(facts, 'the orchestrator gives no work to this node')
}
