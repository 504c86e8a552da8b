import type { PeerDiscovery } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Libp2pInit } from 'libp2p'
import type { ReachOptions } from './reach/reach.ts'

/** What a host can do beyond talking to known, reachable peers. Everything is off unless asked for. */
export interface HostFeatures {
  /** Reach peers, and be reached, where one cannot simply connect: see `reach/reach.ts`. */
  readonly reach?: ReachOptions
  /** Ask the router to forward our port. */
  readonly upnp?: boolean
  /** Find nodes on the local network by multicast DNS, and connect to them. */
  readonly mdns?: boolean
  /** Topics of which messages are taken and passed on; see `gossip/gossip.ts`. */
  readonly gossip?: readonly string[]
}

type Discovery = NonNullable<Libp2pInit['peerDiscovery']>[number]

/** The parts that the chosen features add to a host. */
export interface Extras {
  readonly discovery: Discovery[]
  readonly services: NonNullable<Libp2pInit['services']>
}

/** Only nodes of this program answer to this name, not every libp2p program on the local network. */
const MDNS_SERVICE = '_bacalhau._udp.local'

/** Loads the modules of the chosen features, and only those: each costs start-up time and memory. */
export async function loadExtras(features: HostFeatures): Promise<Extras> {
  const extras: Extras = { discovery: [], services: {} }
  if (features.upnp === true) {
    const { uPnPNAT } = await import('@libp2p/upnp-nat')
    extras.services['upnp'] = uPnPNAT()
  }
  if (features.gossip !== undefined) {
    const { gossipService } = await import('./gossip/gossip.ts')
    Object.assign(extras.services, gossipService(features.gossip))
  }
  if (features.mdns === true) {
    const { mdns } = await import('@libp2p/mdns')
    extras.discovery.push((components) => {
      const discovery = mdns({ serviceTag: MDNS_SERVICE })(components)
      connectToFound(discovery, (addresses) => components.connectionManager.openConnection(addresses))
      return discovery
    })
  }
  return extras
}

/** Connects to each peer that is found. One that cannot be reached is tried again when it is announced again. */
export function connectToFound(discovery: PeerDiscovery, connect: (addresses: Multiaddr[]) => Promise<unknown>): void {
  discovery.addEventListener('peer', ({ detail: { id, multiaddrs } }) => {
    connect(multiaddrs.map((address) => address.encapsulate(`/p2p/${id.toString()}`))).catch(() => {})
  })
}
