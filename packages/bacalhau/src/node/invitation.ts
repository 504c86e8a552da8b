import path from 'node:path'
import type { Libp2p } from '@libp2p/interface'
import { isLoopback, isPrivate, swarmAddresses } from '../network/addresses.ts'
import { ownReachability } from '../network/reach/reach.ts'
import type { NodeConfig } from './config.ts'
import type { NodeFacts } from './node-facts.ts'

/** TCP port in the first listening address of a host. */
const PORT = /\/tcp\/(\d+)/

/** The addresses that this node listens at, each with its peer ID: those of its interfaces, the best for others first. */
export function listeningAddresses(host: Libp2p, { swarmHost }: Pick<NodeConfig, 'swarmHost'>): string[] {
  const listening = host.getMultiaddrs().map(String)
  const port = Number(PORT.exec(listening[0] ?? '')?.[1] ?? 0)
  // The default stands for every interface of both families.
  const hosts = swarmHost === '0.0.0.0' ? ['0.0.0.0', '::'] : [swarmHost]
  return swarmAddresses({ peerId: host.peerId.toString(), port, hosts })
}

/**
 * The addresses that this node is reached at, each with its peer ID, the one to paste on another machine first: where peers have
 * dialled back from elsewhere, which no interface of a node behind a router tells; those of its interfaces; those behind relays.
 */
export function ownAddresses(host: Libp2p, config: Pick<NodeConfig, 'swarmHost'>): string[] {
  const id = `/p2p/${host.peerId.toString()}`
  const own = ownReachability(host)
  const complete = (addresses: readonly string[] = []) =>
    addresses.map((address) => (address.endsWith(id) ? address : `${address}${id}`))
  const confirmed = complete(own?.confirmed).filter((address) => !isPrivate(address) && !isLoopback(address))
  return [...new Set([...confirmed, ...listeningAddresses(host, config), ...complete(own?.relayed)])]
}

/** A word of a command line, in quotes where a shell would take it apart. */
const quoted = (word: string): string => (/^[\w./:@%+,=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)

/** What to type on another machine to add it as a compute node. */
export function joinLine(
  addresses: readonly string[],
  { swarmKey, joinToken }: Pick<NodeConfig, 'swarmKey' | 'joinToken'>,
  facts: Pick<NodeFacts, 'joinToken'>,
): string {
  const token = quoted(joinToken ?? facts.joinToken)
  // The file has to be copied first: a secret of all is not for a command line.
  const key = swarmKey === undefined ? '' : ` --swarm-key ${quoted(path.basename(swarmKey))}`
  return `bacalhau serve --compute --peer ${addresses[0] ?? 'none'} --join-token ${token}${key}`
}
