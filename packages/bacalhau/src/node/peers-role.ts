import type { Libp2p } from '@libp2p/interface'
import type { NodeDirectory } from '../link/facts/known-node.ts'
import { type PeerKeeper, startPeerKeeper } from '../network/peer-keeper.ts'
import type { PeerTarget } from '../network/peer-address.ts'
import { createPeers, loadAddedPeers, type Peers } from '../network/peers/peers.ts'
import type { SwarmKey } from '../network/private-swarm/swarm-key.ts'
import { createSwarm } from '../network/swarm.ts'
import type { Scope } from '../runtime/lifecycle.ts'
import type { ComputeRole } from './compute-role.ts'
import type { Services } from './services.ts'

export interface PeersRoleOptions {
  readonly host: Libp2p
  readonly services: Services
  /** Those that the configuration names. */
  readonly targets: readonly PeerTarget[]
  readonly directory: NodeDirectory
  readonly compute: ComputeRole | undefined
  readonly swarmKey: SwarmKey | undefined
}

export interface PeersRole {
  readonly keeper: PeerKeeper
  readonly peers: Peers
  /** Connects to the peers that this node was pointed at, now or in former runs. */
  begin(): Promise<void>
}

/** Keeps connections to the peers that this node was pointed at, and takes work of them. Dials nobody before `begin`. */
export function createPeersRole(options: PeersRoleOptions, scope: Scope): PeersRole {
  const { host, services, targets, directory, compute, swarmKey } = options
  const keeper = startPeerKeeper({
    ...services,
    targets: [],
    swarm: createSwarm(host, { swarmKey: swarmKey?.bytes }),
    onConnected: (peerId) => compute?.links.connected(peerId),
    onDisconnected: (peerId) => compute?.links.disconnected(peerId),
  })
  scope.own(keeper)
  const about = (peerId: string) => {
    const node = directory.find(peerId)
    return node?.kind === 'go' ? { Agent: `bacalhau (Go) ${node.version}`, Protocol: 'go-libp2p' } : {}
  }
  return {
    keeper,
    peers: createPeers({ ...services, host, keeper, configured: targets, about }),
    async begin() {
      const added = await loadAddedPeers(services.store, services.logger)
      for (const target of [...targets, ...added]) keeper.add(target)
    },
  }
}
