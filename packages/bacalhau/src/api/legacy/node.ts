import type { Membership, NodeInfo, NodeState } from '@bacalhau/models'

/** Where a node is reached, as programs of the libp2p era read it: addresses without the peer ID at their end. */
export interface PeerInfo {
  readonly ID: string
  readonly Addrs: readonly string[]
}

export const peerInfo = (ID: string, addresses: readonly string[] = []): PeerInfo => ({
  ID,
  Addrs: addresses.map((address) => address.replace(/\/p2p\/[^/]+$/, '')),
})

/** What there is none of was left out. */
export const filled = (resources: object): object =>
  Object.fromEntries(Object.entries(resources).filter(([, amount]) => amount !== 0 && amount !== ''))

/** The facts of a node in the form of release 1.2. */
function flatNode(info: NodeInfo, peer: PeerInfo, membership: Membership): object {
  const { ExecutionEngines, Publishers, StorageSources, MaxCapacity, AvailableCapacity, MaxJobRequirements } =
    info.ComputeNodeInfo
  const { RunningExecutions, EnqueuedExecutions } = info.ComputeNodeInfo
  return {
    NodeID: info.NodeID,
    PeerInfo: peer,
    NodeType: info.NodeType,
    Labels: info.Labels,
    // A node that only orchestrates had none.
    ...(info.NodeType === 'Compute'
      ? {
          ComputeNodeInfo: {
            ExecutionEngines,
            Publishers,
            StorageSources,
            MaxCapacity: filled(MaxCapacity),
            AvailableCapacity: filled(AvailableCapacity),
            MaxJobRequirements: filled(MaxJobRequirements),
            RunningExecutions,
            EnqueuedExecutions,
          },
        }
      : {}),
    BacalhauVersion: info.BacalhauVersion,
    Approval: membership,
  }
}

/** A node as release 1.2 showed it, and beside that as release 1.3 did: each finds the fields that it knows. */
export function olderNode(
  { Info, Membership, Connection }: Pick<NodeState, 'Info' | 'Membership' | 'Connection'>,
  peer = peerInfo(Info.NodeID),
): object {
  return { ...flatNode(Info, peer, Membership), Info: { ...Info, PeerInfo: peer }, Membership, Connection }
}
