import type { Connection, IdentifyResult, Libp2p } from '@libp2p/interface'
import { isRelayed } from '../connections.ts'

/** How this node looks from outside, as its peers tell. */
export interface Sightings {
  /** Multiaddrs, without a peer ID, from which peers see the connections that we dialled from the port we listen on. */
  addresses(): string[]
  /**
   * Does a router give us the same place for everyone? `varies`: another port for each peer, so that what one peer sees helps
   * no other one, and no hole can be punched.
   */
  mapping(): 'same' | 'varies' | 'unknown'
  stop(): void
}

/** Peers are believed about themselves only: each has one say, which ends with its connection. */
export function watchSightings(host: Libp2p, isShared: (connection: Connection) => boolean): Sightings {
  const seen = new Map<string, { readonly by: string; readonly address: string }>()

  const onIdentify = ({ detail: { connection, observedAddr } }: CustomEvent<IdentifyResult>) => {
    if (observedAddr === undefined || isRelayed(connection) || !isShared(connection)) return
    const address = observedAddr.toString().replace(/\/p2p\/[^/]+$/, '')
    if (/^\/ip[46]\/[^/]+\/tcp\/\d+$/.test(address)) {
      seen.set(connection.id, { by: connection.remotePeer.toString(), address })
    }
  }
  const onClose = ({ detail }: CustomEvent<Connection>) => void seen.delete(detail.id)
  host.addEventListener('peer:identify', onIdentify)
  host.addEventListener('connection:close', onClose)
  return {
    addresses: () => [...new Set([...seen.values()].map(({ address }) => address))],
    mapping() {
      const said = [...seen.values()].filter(({ address }) => address.startsWith('/ip4/'))
      if (new Set(said.map(({ by }) => by)).size < 2) return 'unknown'
      return new Set(said.map(({ address }) => address)).size === 1 ? 'same' : 'varies'
    },
    stop() {
      host.removeEventListener('peer:identify', onIdentify)
      host.removeEventListener('connection:close', onClose)
    },
  }
}
