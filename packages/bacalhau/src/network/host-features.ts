import type { PeerDiscovery } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Libp2pInit } from 'libp2p'

/** What a host can do beyond talking to known, reachable peers. Everything is off unless asked for. */
export interface HostFeatures {
  /** Reach and be reached through relays, and punch holes through NAT to get off them again. */
  readonly relay?: boolean
  /** Carry the traffic of others, within the limits of circuit relay v2. */
  readonly relayServer?: boolean
  /** Ask peers which of our addresses can be reached. */
  readonly autonat?: boolean
  /** Ask the router to forward our port. */
  readonly upnp?: boolean
  /** Find nodes on the local network by multicast DNS, and connect to them. */
  readonly mdns?: boolean
  /** Topics of which messages are taken and passed on; see `gossip/gossip.ts`. */
  readonly gossip?: readonly string[]
}

type Factory<Field extends 'transports' | 'peerDiscovery'> = NonNullable<Libp2pInit[Field]>[number]

/** The parts that the chosen features add to a host. */
export interface Extras {
  readonly listen: string[]
  readonly transports: Factory<'transports'>[]
  readonly discovery: Factory<'peerDiscovery'>[]
  readonly services: NonNullable<Libp2pInit['services']>
}

/** Only nodes of this program answer to this name, not every libp2p program on the local network. */
const MDNS_SERVICE = '_bacalhau._udp.local'

/** Loads the modules of the chosen features, and only those: each costs start-up time and memory. */
export async function loadExtras(features: HostFeatures): Promise<Extras> {
  const extras: Extras = { listen: [], transports: [], discovery: [], services: {} }
  if (features.relay === true) {
    const { circuitRelayTransport } = await import('@libp2p/circuit-relay-v2')
    const { dcutr } = await import('@libp2p/dcutr')
    extras.transports.push(circuitRelayTransport())
    extras.listen.push('/p2p-circuit')
    extras.services['dcutr'] = dcutr()
  }
  if (features.relayServer === true) {
    const { circuitRelayServer } = await import('@libp2p/circuit-relay-v2')
    extras.services['relayServer'] = circuitRelayServer()
  }
  if (features.autonat === true) {
    const { autoNAT } = await import('@libp2p/autonat')
    extras.services['autonat'] = autoNAT()
  }
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
