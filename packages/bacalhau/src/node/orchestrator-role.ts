import type { Libp2p } from '@libp2p/interface'
import type { NodeInfo } from '@bacalhau/models'
import type { ComputeNode } from '../compute/compute-node.ts'
import type { Content } from '../content/content.ts'
import { reachOf } from '../network/reach/reach.ts'
import type { NodeDirectory } from '../link/facts/known-node.ts'
import { describeProtocol } from '../link/go/requester/guarantees.ts'
import type { Trust } from '../link/go/trust.ts'
import { acceptLinks } from '../link/link-protocol.ts'
import { readRemoteLogs } from '../link/log-protocol.ts'
import { createInlineData } from '../orchestrator/inline-data.ts'
import type { LogRoutes } from '../orchestrator/log-routes.ts'
import { createOrchestrator, type RunningOrchestrator } from '../orchestrator/orchestrator.ts'
import type { Scope } from '../runtime/lifecycle.ts'
import type { NodeConfig } from './config.ts'
import type { ManagedStorage } from './managed-storage.ts'
import { type GoCompute, startGoCompute } from './go-compute.ts'
import { createGoInputs } from './go-inputs.ts'
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
  readonly directory: NodeDirectory
  readonly trust: Trust
}

/** The orchestrating side of a node: takes links of compute nodes and jobs of users. */
export async function startOrchestratorRole(
  options: OrchestratorRoleOptions,
  scope: Scope,
): Promise<RunningOrchestrator> {
  const { config, host, joinToken, storeGeneration, self, services, content, storage } = options
  const vault = createVault(content)
  const restore = createGoInputs({ content, ...createInlineData(vault) })
  const go = await startGoCompute({ ...options, restore }, scope)
  const orchestrator = await createOrchestrator({
    ...services,
    self,
    approval: config.nodeApproval,
    placement: config.placement,
    aboutPeer: (peerId, info) => ({ Reach: reachOf(host, peerId), ...describeProtocol(info.SupportedProtocols) }),
    keptJobs: config.keptJobs,
    vault,
    keeper: createResultKeeper(content),
    keptResult: config.keepResultSize,
    storeGeneration,
    joinToken,
    logs: logRoutes(options, go),
    check: storage.check,
  })
  scope.own(orchestrator)
  await storage.serve(orchestrator)
  scope.own(await acceptLinks(host, (channel) => orchestrator.attach(channel), services.logger, services.traffic))
  go.attachTo(orchestrator)
  return orchestrator
}

/** Output of this very node is read directly, that of others over the connection that they made. */
function logRoutes({ host, compute }: OrchestratorRoleOptions, go: GoCompute): LogRoutes {
  const self = host.peerId.toString()
  return (nodeId, request, signal, ended) =>
    nodeId === self && compute !== undefined
      ? compute.readLogs(request.executionId, { ...request, reader: self }, signal)
      : (go.logs(nodeId, request, signal, ended) ?? readRemoteLogs(host, nodeId, request, signal))
}
