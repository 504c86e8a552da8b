import type { Libp2p } from '@libp2p/interface'
import type { NodeInfo } from '@bacalhau/models'
import type { ComputeNode } from '../compute/compute-node.ts'
import type { Content } from '../content/content.ts'
import { reachOf } from '../network/reach/reach.ts'
import { acceptLinks } from '../link/link-protocol.ts'
import { readRemoteLogs } from '../link/log-protocol.ts'
import type { LogRoutes } from '../orchestrator/log-routes.ts'
import { createOrchestrator, type RunningOrchestrator } from '../orchestrator/orchestrator.ts'
import type { Scope } from '../runtime/lifecycle.ts'
import type { NodeConfig } from './config.ts'
import type { ManagedStorage } from './managed-storage.ts'
import { createResultKeeper } from './keeper.ts'
import type { Services } from './services.ts'
import { createVault } from './vault.ts'

export interface OrchestratorRoleOptions {
  readonly config: NodeConfig
  readonly host: Libp2p
  readonly joinToken: string
  /** Changes when the store was lost. */
  readonly storeGeneration: string
  readonly self: () => NodeInfo
  /** The compute side of the same node, if it has one. */
  readonly compute: ComputeNode | undefined
  readonly services: Services
  readonly content: Content
  readonly storage: ManagedStorage
}

/** The orchestrating side of a node: takes links of compute nodes and jobs of users. */
export async function startOrchestratorRole(
  options: OrchestratorRoleOptions,
  scope: Scope,
): Promise<RunningOrchestrator> {
  const { config, host, joinToken, storeGeneration, self, services, content, storage } = options
  const orchestrator = await createOrchestrator({
    ...services,
    self,
    approval: config.nodeApproval,
    placement: config.placement,
    aboutPeer: (peerId) => ({ Reach: reachOf(host, peerId) }),
    keptJobs: config.keptJobs,
    vault: createVault(content),
    keeper: createResultKeeper(content),
    keptResult: config.keepResultSize,
    storeGeneration,
    joinToken,
    logs: logRoutes(options),
    check: storage.check,
  })
  scope.own(orchestrator)
  await storage.serve(orchestrator)
  scope.own(await acceptLinks(host, (channel) => orchestrator.attach(channel), services.logger, services.traffic))
  return orchestrator
}

/** Output of this very node is read directly, that of others over the connection that they made. */
function logRoutes({ host, compute }: OrchestratorRoleOptions): LogRoutes {
  const self = host.peerId.toString()
  return (nodeId, request, signal) =>
    nodeId === self && compute !== undefined
      ? compute.readLogs(request.executionId, { ...request, reader: self }, signal)
      : readRemoteLogs(host, nodeId, request, signal)
}
