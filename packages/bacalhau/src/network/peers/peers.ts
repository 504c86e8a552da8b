import type { PeerEntry, PingAnswer } from '@bacalhau/models'
import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Ping } from '@libp2p/ping'
import { multiaddr } from '@multiformats/multiaddr'
import { z } from 'zod'
import { withDeadline } from '../../runtime/abort.ts'
import type { Clock } from '../../runtime/clock.ts'
import { BacalhauError, isBacalhauError, messageOf } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { Store } from '../../store/store.ts'
import { parsePeer, type PeerTarget } from '../peer-address.ts'
import { findRoute } from '../peer-route.ts'
import type { PeerKeeper } from '../peer-keeper.ts'
import { connectTo, reachOf } from '../reach/reach.ts'
import { keptEntry, otherEntry, type PeerFacts } from './entry.ts'

/** The peers of a node, for its operator. */
export interface Peers {
  /** Those that are kept, in the order in which they were given, then the others that are connected. */
  list(): Promise<readonly PeerEntry[]>
  /**
   * Keeps a connection to the peer at this address, also after a restart. Throws `InvalidMultiaddr`, or `Conflict` when the
   * node keeps it already.
   */
  add(address: string): Promise<PeerEntry>
  /**
   * Lets go of a peer that was added: by its address, its ID or a unique beginning of that. Throws `NotFound`, or `Conflict`
   * for one from the configuration.
   */
  remove(name: string): Promise<PeerEntry>
  /** Asks a peer, by address, ID or a unique beginning of it, for a sign of life; connects first where that is needed. */
  ping(name: string, signal: AbortSignal): Promise<PingAnswer>
}

export interface PeersOptions extends PeerFacts {
  readonly store: Store
  readonly clock: Clock
  readonly keeper: PeerKeeper
  /** Addresses of the configuration. */
  readonly configured: readonly PeerTarget[]
}

/** More of them nobody adds by hand; each is dialled for ever. */
const MOST_ADDED = 1_000

const rowSchema = z.object({ added: z.number() })

/** Addresses that were added in former runs. What cannot be read is left out with a warning. */
export async function loadAddedPeers(store: Store, logger: Logger): Promise<PeerTarget[]> {
  const rows = await store.range('peer', { limit: MOST_ADDED })
  return rows.flatMap(({ key }) => {
    try {
      return [parsePeer(key)]
    } catch (error) {
      logger.warn({ peer: key, error: messageOf(error) }, 'a peer that was added cannot be read')
      return []
    }
  })
}

/** The peers of a node. Those of former runs, as `loadAddedPeers` gave them, are with the keeper already. */
export function createPeers(options: PeersOptions): Peers {
  const { keeper, store, clock, host } = options
  const isConfigured = (text: string) => options.configured.some((target) => target.text === text)
  const entries = async () => {
    const kept = await Promise.all(
      keeper.status().map((status) => keptEntry(status, isConfigured(status.peer), options)),
    )
    const ids = new Set(kept.map(({ PeerID }) => PeerID))
    const others = host
      .getPeers()
      .map(String)
      .filter((id) => !ids.has(id))
    return [...kept, ...(await Promise.all(others.map((id) => otherEntry(id, options))))]
  }
  return {
    list: entries,
    async add(address) {
      const target = parsePeer(address.trim())
      if (keeper.status().some(({ peer }) => peer === target.text)) {
        throw new BacalhauError('Conflict', `${target.text} is one of the peers of this node already`)
      }
      if (keeper.status().length >= MOST_ADDED) throw new BacalhauError('Conflict', `${MOST_ADDED} peers are the most`)
      const value = { added: clock.now() } satisfies z.input<typeof rowSchema>
      await store.commit([{ op: 'put', table: 'peer', key: target.text, value }])
      keeper.add(target)
      return named(await entries(), target.text)
    },
    async remove(name) {
      const entry = named(await entries(), name)
      if (entry.Origin === 'config') {
        throw new BacalhauError('Conflict', `${entry.Peer} is a peer by the configuration of the node`, {
          hint: 'Start the node without it: --peer, BACALHAU_SWARM_PEERS, or Swarm.Peers in its config.yaml.',
        })
      }
      if (entry.Origin === 'connected')
        throw new BacalhauError('NotFound', `${name} was not added; it is merely connected`)
      await store.commit([{ op: 'delete', table: 'peer', key: entry.Peer }])
      await keeper.remove(entry.Peer)
      if (entry.PeerID !== undefined && !keeper.isWanted(entry.PeerID)) {
        await host.hangUp(peerIdFromString(entry.PeerID)).catch(() => undefined)
      }
      return entry
    },
    async ping(name, signal) {
      const deadline = withDeadline(signal, LIMITS.handshake)
      return ping(host, await findPeer(host, name, await entries(), deadline), deadline)
    },
  }
}

/** The entry of this address or ID, or of the only ID that begins so. */
function named(entries: readonly PeerEntry[], name: string): PeerEntry {
  const exact = entries.find(({ Peer, PeerID }) => Peer === name || PeerID === name)
  if (exact !== undefined) return exact
  const similar = entries.filter(({ PeerID }) => PeerID?.startsWith(name) === true)
  const [first, second] = similar
  if (first !== undefined && second === undefined) return first
  if (first !== undefined) throw new BacalhauError('Conflict', `several peers begin with ${name}`)
  throw new BacalhauError('NotFound', `${name} is none of the peers of this node`, {
    hint: 'See `bacalhau peer list`.',
  })
}

/** The peer that is meant, where it is known or can be dialled. */
async function findPeer(
  host: Libp2p,
  name: string,
  entries: readonly PeerEntry[],
  signal: AbortSignal,
): Promise<string> {
  if (name.startsWith('/')) return dialled(host, name, signal)
  try {
    const { Peer, PeerID, State } = named(entries, name)
    // Only its own line knows where a peer is that has never been reached.
    return PeerID === undefined || !['connected', 'self'].includes(State) ? await dialled(host, Peer, signal) : PeerID
  } catch (error) {
    if (!isBacalhauError(error) || error.code !== 'NotFound' || !isPeerId(name)) throw error
    return name
  }
}

/** The peer at this address, connected. */
async function dialled(host: Libp2p, address: string, signal: AbortSignal): Promise<string> {
  const { peerId, addresses } = await findRoute(parsePeer(address), signal)
  if (peerId === host.peerId.toString()) return peerId
  const all = addresses.flat().map((each) => multiaddr(each))
  await host.dial(all, { signal }).catch((error: unknown) => {
    throw unreachable(peerId, error)
  })
  return peerId
}

function isPeerId(text: string): boolean {
  try {
    peerIdFromString(text)
    return true
  } catch {
    return false
  }
}

async function ping(host: Libp2p, peerId: string, signal: AbortSignal): Promise<PingAnswer> {
  if (peerId === host.peerId.toString()) throw new BacalhauError('BadRequest', 'this peer is the node itself')
  try {
    const connection = await connectTo(host, peerId, { signal, limited: true })
    const service = host.services['ping'] as Ping
    const Milliseconds = await service.ping(peerIdFromString(peerId), { signal })
    return { PeerID: peerId, Address: connection.remoteAddr.toString(), Reach: reachOf(host, peerId), Milliseconds }
  } catch (error) {
    throw unreachable(peerId, error)
  }
}

const unreachable = (peerId: string, error: unknown) =>
  new BacalhauError('PeerUnreachable', `The peer ${peerId} does not answer: ${messageOf(error)}.`, {
    details: { peer: peerId },
    cause: error,
  })
