import type { Libp2p } from '@libp2p/interface'
import { GO_TOPIC } from '../link/facts/swarm-facts.ts'
import { createHost } from '../network/host.ts'
import type { Foreign } from '../network/private-swarm/protector.ts'
import { loadSwarmKey, type LoadedSwarmKey } from '../network/private-swarm/swarm-key.ts'
import type { Scope } from '../runtime/lifecycle.ts'
import type { Logger } from '../runtime/logger.ts'
import type { NodeConfig } from './config.ts'

/** For whom this node relays: peers that it was pointed at, and members. Known only when all else runs. */
export interface Guests {
  admits: (peerId: string) => boolean
}

export interface StartHostOptions {
  readonly config: NodeConfig
  /** Of the node. */
  readonly key: Uint8Array
  readonly guests: Guests
  readonly logger: Logger
}

export interface StartedHost {
  readonly host: Libp2p
  /** Of the private swarm that the node is in. */
  readonly swarmKey: LoadedSwarmKey | undefined
}

/** Starts the libp2p host that the configuration describes. */
export async function startHost({ config, key, guests, logger }: StartHostOptions, scope: Scope): Promise<StartedHost> {
  const swarmKey = config.swarmKey === undefined ? undefined : await loadSwarmKey(config.swarmKey)
  const host = await createHost({
    key,
    ...(swarmKey === undefined ? {} : { swarmKey: swarmKey.bytes, onForeign: tellForeign(logger) }),
    port: config.swarmPort,
    ...(config.swarmHost === '0.0.0.0' ? {} : { listen: [config.swarmHost] }),
    mdns: config.mdns,
    gossip: [GO_TOPIC],
    upnp: config.upnp,
    reach: {
      admits: (peer) => guests.admits(peer),
      relay: config.relay ?? config.roles.orchestrator,
      punch: config.holePunching,
      autonat: config.autonat,
    },
  })
  scope.defer(() => host.stop())
  return { host, swarmKey }
}

/** Hosts whose attempts have been told; with more than these, nobody reads them. */
const MOST_TOLD = 1_000

/** Says once for each machine that somebody there does not have our key. */
function tellForeign(logger: Logger): (address: string, foreign: Foreign) => void {
  const told = new Set<string>()
  return (address, foreign) => {
    const machine = address.replace(/\/tcp\/.*/, '')
    if (told.has(machine) || told.size >= MOST_TOLD) return
    told.add(machine)
    const hint = 'Start it with --swarm-key and the file of this node, if it is one of yours.'
    logger.warn({ address, hint }, `a node with ${foreign} of a swarm was turned away`)
  }
}
