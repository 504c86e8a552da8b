import path from 'node:path'
import type { Libp2p } from '@libp2p/interface'
import { swarmAddresses } from '../network/addresses.ts'
import type { NodeConfig } from './config.ts'
import type { NodeFacts } from './node-facts.ts'

/** TCP port in the first listening address of a host. */
const PORT = /\/tcp\/(\d+)/

/** The addresses that this node is reached at, each with its peer ID, the one to paste on another machine first. */
export function ownAddresses(host: Libp2p, { swarmHost }: NodeConfig): string[] {
  const listening = host.getMultiaddrs().map(String)
  const port = Number(PORT.exec(listening[0] ?? '')?.[1] ?? 0)
  // The default stands for every interface of both families.
  const hosts = swarmHost === '0.0.0.0' ? ['0.0.0.0', '::'] : [swarmHost]
  return swarmAddresses({ peerId: host.peerId.toString(), port, hosts })
}

/** What to type on another machine to add it as a compute node. */
export function joinLine(
  addresses: readonly string[],
  { swarmKey, joinToken }: Pick<NodeConfig, 'swarmKey' | 'joinToken'>,
  facts: Pick<NodeFacts, 'joinToken'>,
): string {
  // The file has to be copied first: a secret of all is not for a command line.
  const key = swarmKey === undefined ? '' : ` --swarm-key ${path.basename(swarmKey)}`
  return `bacalhau serve --compute --peer ${addresses[0] ?? 'none'} --join-token ${joinToken ?? facts.joinToken}${key}`
}
