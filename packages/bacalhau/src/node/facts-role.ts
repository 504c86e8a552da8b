import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { NodeInfo } from '@bacalhau/models'
import { createDirectory, type Directory } from '../link/facts/directory.ts'
import { startSwarmFacts } from '../link/facts/swarm-facts.ts'
import type { NodeKey } from '../network/identity.ts'
import { createSigner } from '../network/signature.ts'
import type { Scope } from '../runtime/lifecycle.ts'
import type { NodeConfig } from './config.ts'
import { ownAddresses } from './invitation.ts'
import type { Services } from './services.ts'

/** What is known of other nodes. Empty until `startFactsRole`. `admits`: peers that this node was pointed at, and members. */
export function openDirectory(
  host: Libp2p,
  { clock, meter }: Services,
  admits: (peerId: string) => boolean,
  scope: Scope,
): Directory {
  const dialled = (peerId: string) =>
    host.getConnections(peerIdFromString(peerId)).some(({ direction }) => direction === 'outbound')
  const directory = createDirectory({
    self: host.peerId.toString(),
    clock,
    trusts: admits,
    dialled,
  })
  meter.gauge('bacalhau_known_nodes', 'Other nodes that this one has lately heard of.', () => {
    const nodes = directory.nodes()
    return (['bacalhau', 'go'] as const).map((kind) => ({
      labels: { kind },
      value: nodes.filter((node) => node.kind === kind).length,
    }))
  })
  return scope.own(directory)
}

export interface FactsRoleOptions {
  readonly config: NodeConfig
  readonly host: Libp2p
  readonly key: NodeKey
  readonly directory: Directory
  readonly describe: () => NodeInfo
  /** Does this node take work of Go nodes? */
  readonly worksForGo: () => boolean
  /** May this node connect to nodes that it has only heard of? */
  readonly dials: boolean
  readonly services: Services
}

/** Tells the swarm what this node is, and hears what others are. Stopping takes leave, so it is to be stopped first. */
export async function startFactsRole(
  { config, key, services, ...options }: FactsRoleOptions,
  scope: Scope,
): Promise<void> {
  const { host } = options
  const addresses = () => ownAddresses(host, config)
  scope.own(await startSwarmFacts({ ...options, ...services, signer: createSigner(key), addresses }))
}
