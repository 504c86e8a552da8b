import type { PeerEntry } from '@bacalhau/models'
import type { Connection, Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { BacalhauError } from '../../runtime/error.ts'
import { openConnections } from '../connections.ts'
import type { PeerStatus } from '../keep-peer.ts'
import { reachOf } from '../reach/reach.ts'

/** Who knows something of peers. */
export interface PeerFacts {
  readonly host: Libp2p
  /** What is known of a node beside what libp2p knows, for example that it is one of the Go program. */
  readonly about?: (peerId: string) => Pick<PeerEntry, 'Agent' | 'Protocol'>
}

/** A peer that the node keeps a connection to. */
export async function keptEntry(status: PeerStatus, isConfigured: boolean, swarm: PeerFacts): Promise<PeerEntry> {
  const { peer, peerId, state, retryAt, error } = status
  return {
    Peer: peer,
    ...(peerId === undefined ? {} : { PeerID: peerId }),
    Origin: isConfigured ? 'config' : 'added',
    State: state,
    ...(await connectionFacts(peerId, swarm)),
    ...(retryAt === undefined ? {} : { RetryAt: new Date(retryAt).toISOString() }),
    ...(error === undefined ? {} : { LastError: failureOf(error) }),
  }
}

/** A peer that is merely connected. */
export async function otherEntry(peerId: string, swarm: PeerFacts): Promise<PeerEntry> {
  const facts = await connectionFacts(peerId, swarm)
  return { Peer: facts.Address ?? peerId, PeerID: peerId, Origin: 'connected', State: 'connected', ...facts }
}

const failureOf = ({ code, message, hint }: BacalhauError) => ({
  Code: code,
  Message: message,
  ...(hint === undefined ? {} : { Hint: hint }),
})

type ConnectionFacts = Pick<PeerEntry, 'Reach' | 'Address' | 'Agent' | 'Protocol' | 'LatencyMs' | 'ConnectedSince'>

async function connectionFacts(peerId: string | undefined, { host, about }: PeerFacts): Promise<ConnectionFacts> {
  if (peerId === undefined) return { Reach: 'none' }
  const Reach = reachOf(host, peerId)
  const [best] = openConnections(host, peerId)
  if (best === undefined) return { Reach }
  const { agent, protocols } = await identityOf(host, peerId)
  const protocol = workProtocol(agent, protocols)
  const latency = latencyOf(openConnections(host, peerId))
  return {
    Reach,
    Address: best.remoteAddr.toString(),
    ...(agent === undefined ? {} : { Agent: agent }),
    ...(protocol === undefined ? {} : { Protocol: protocol }),
    ...about?.(peerId),
    ...(latency === undefined ? {} : { LatencyMs: latency }),
    ConnectedSince: new Date(best.timeline.open).toISOString(),
  }
}

const latencyOf = (connections: readonly Connection[]) => connections.find(({ rtt }) => rtt !== undefined)?.rtt

async function identityOf(host: Libp2p, peerId: string) {
  try {
    const { metadata, protocols } = await host.peerStore.get(peerIdFromString(peerId))
    const agent = metadata.get('AgentVersion')
    return { agent: agent === undefined ? undefined : new TextDecoder().decode(agent), protocols }
  } catch {
    // It has not told anything yet.
    return { agent: undefined, protocols: [] }
  }
}

/** The newest link that a peer serves, or opens by itself; or that it is a node of the Go program. */
function workProtocol(agent: string | undefined, protocols: readonly string[]): string | undefined {
  const versions = protocols.flatMap((protocol) => /^\/bacalhau\/link\/(\d+)/.exec(protocol)?.[1] ?? [])
  const newest = versions.map(Number).toSorted((a, b) => b - a)[0]
  if (newest !== undefined) return `bacalhau-link/v${newest}`
  if (agent?.startsWith('bacalhau/') === true) return 'bacalhau-link'
  return protocols.some((protocol) => /^\/bacalhau\/(?:callback|compute)\//.test(protocol)) ? 'go-libp2p' : undefined
}
