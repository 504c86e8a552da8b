import type { NetworkAnswer, PeerEntry, PeersAnswer, PingAnswer } from '@bacalhau/models'
import { shaped } from './shape.ts'
import type { CallOptions, Transport } from './transport.ts'

/** The peers of the node that answers, and how others reach it. */
export interface Peers {
  list(options?: CallOptions): Promise<readonly PeerEntry[]>
  /** Keeps a connection to the peer at this address, also after a restart of the node. */
  add(address: string, options?: CallOptions): Promise<PeerEntry>
  /** Lets go of a peer that was added, by its address, its ID or a unique beginning of that. */
  remove(peer: string, options?: CallOptions): Promise<PeerEntry>
  /** Has the node ask a peer for a sign of life. */
  ping(peer: string, options?: CallOptions): Promise<PingAnswer>
  /** What the node knows of how others reach it. */
  network(options?: CallOptions): Promise<NetworkAnswer>
}

const PATH = '/api/v1/agent/peers'

const entry = shaped<PeerEntry>({ Peer: 'string', State: 'string' })
const entries = shaped<PeersAnswer>({ Peers: 'array' })
const changed = shaped<{ Peer: unknown }>({ Peer: 'object' })
const pinged = shaped<PingAnswer>({ PeerID: 'string', Milliseconds: 'number' })
const network = shaped<NetworkAnswer>({ PeerID: 'string', Announced: 'array' })

export function createPeers(transport: Transport): Peers {
  return {
    list: async (call = {}) => (await transport.ask('GET', PATH, entries, call)).Peers.map(entry),
    add: async (Peer, call = {}) =>
      entry((await transport.ask('PUT', PATH, changed, { json: { Peer }, ...call })).Peer),
    remove: async (peer, call = {}) =>
      entry((await transport.ask('DELETE', PATH, changed, { query: { peer }, ...call })).Peer),
    ping: (Peer, call = {}) => transport.ask('POST', `${PATH}/ping`, pinged, { json: { Peer }, ...call }),
    network: (call = {}) => transport.ask('GET', '/api/v1/agent/network', network, call),
  }
}
