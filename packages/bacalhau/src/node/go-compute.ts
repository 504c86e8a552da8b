import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { Job, RunOutput } from '@bacalhau/models'
import type { NodeDirectory } from '../link/facts/known-node.ts'
import { createGoCaller } from '../link/go/requester/caller.ts'
import { serveGoCallbacks } from '../link/go/requester/callbacks.ts'
import { GoDesk } from '../link/go/requester/go-desk.ts'
import { keepGoNodes } from '../link/go/requester/go-nodes.ts'
import { readGoLogs } from '../link/go/requester/logs.ts'
import type { Trust } from '../link/go/trust.ts'
import type { OrchestratorChannel } from '../link/link-protocol.ts'
import type { LogChunk } from '../link/logs.ts'
import { createSwarm } from '../network/swarm.ts'
import type { LogRoutes } from '../orchestrator/log-routes.ts'
import { withDeadline } from '../runtime/abort.ts'
import type { Scope } from '../runtime/lifecycle.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Services } from './services.ts'

export interface GoComputeOptions {
  readonly host: Libp2p
  readonly directory: NodeDirectory
  readonly services: Pick<Services, 'store' | 'clock' | 'logger'>
  readonly trust: Trust
  /** Shown on behalf of nodes that the operator has allowed by name. */
  readonly joinToken: string
  readonly restore: (job: Job, signal: AbortSignal) => Promise<Job>
}

/** Compute nodes of the Go program, for the orchestrator of this node. */
export interface GoCompute {
  /** From now on they are presented to the orchestrator as what they are. */
  attachTo(orchestrator: { attach(channel: OrchestratorChannel): void }): void
  /** The output of an execution at such a node; undefined for another one. */
  readonly logs: (...request: Parameters<LogRoutes>) => AsyncIterable<LogChunk> | undefined
}

/** To be called before this node has connections, so that Go nodes see at once that it takes callbacks. */
export async function startGoCompute(options: GoComputeOptions, scope: Scope): Promise<GoCompute> {
  const { host, directory, services, trust, joinToken } = options
  const admits: Trust['admits'] = (speaker) => trust.admits(speaker)
  const desk = scope.own(await GoDesk.open({ ...services, ...options, call: createGoCaller(host) }))
  scope.own(await serveGoCallbacks(host, desk, { logger: services.logger, admits }))
  return {
    attachTo(orchestrator) {
      const nodes = keepGoNodes({
        ...services,
        directory,
        desk,
        admits,
        swarm: createSwarm(host),
        addressOf: (peer) => host.getConnections(peerIdFromString(peer))[0]?.remoteAddr.toString(),
        dial: (peer, addresses, signal) => dial(host, peer, addresses, signal),
        joinTokenOf: (peer) => (trust.isAllowed(peer) ? joinToken : undefined),
        attach: (channel) => orchestrator.attach(channel),
      })
      scope.own(nodes)
    },
    logs(nodeId, request, signal, ended) {
      const node = directory.find(nodeId)
      if (node?.kind !== 'go') return undefined
      // Go nodes tell nothing of what has ended; its head is here.
      return ended === undefined ? readGoLogs(host, nodeId, node.generation, request, signal) : headOf(ended)
    },
  }
}

/** Where the node says that it is, and wherever it was seen. */
async function dial(host: Libp2p, peer: string, addresses: readonly string[], signal: AbortSignal): Promise<void> {
  const told = addresses.map((address) => multiaddr(address.includes('/p2p/') ? address : `${address}/p2p/${peer}`))
  const limited = withDeadline(signal, LIMITS.handshake)
  if (told.length > 0) await host.peerStore.merge(peerIdFromString(peer), { multiaddrs: told })
  await host.dial(peerIdFromString(peer), { signal: limited })
}

async function* headOf({ Stdout, stderr }: RunOutput): AsyncGenerator<LogChunk> {
  if (Stdout !== '') yield { stream: 'stdout', bytes: Buffer.from(Stdout) }
  if (stderr !== '') yield { stream: 'stderr', bytes: Buffer.from(stderr) }
}
