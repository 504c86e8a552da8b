import type { Connection, Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { abortable } from '../../runtime/abort.ts'
import { type Clock, sleep } from '../../runtime/clock.ts'
import { BacalhauError, messageOf } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { isRelayed, openConnections } from '../connections.ts'
import { HOP } from '../relay/circuit-message.ts'
import type { DirectDial } from './punch.ts'

/** A direct attempt has this many milliseconds before relays are tried beside it. */
const HEAD_START = 250

/** Opens connections to peers, directly or over a relay that both know. */
export function createWays(host: Libp2p, dial: DirectDial, clock: Clock) {
  const circuits = new Map<string, Promise<Connection>>()

  /** Peers that relay, to which we are connected directly: those that the wanted peer may be connected to as well. */
  async function relays(peer: string): Promise<string[]> {
    const direct = host.getConnections().filter((one) => one.status === 'open' && !isRelayed(one))
    const peers = [...new Set(direct.map((one) => one.remotePeer.toString()))].filter((one) => one !== peer)
    const found: string[] = []
    for (const one of peers) {
      const known = await host.peerStore.get(peerIdFromString(one)).catch(() => undefined)
      // One that has not told yet what it speaks may be a relay, too.
      if (known?.metadata.has('AgentVersion') !== true || known.protocols.includes(HOP)) found.push(one)
      if (found.length >= LIMITS.relaysOfNode) break
    }
    return found
  }

  /** Over whichever relay answers first. */
  function overRelays(peer: string, through: readonly string[]): Promise<Connection> {
    const pending = circuits.get(peer)
    if (pending !== undefined) return pending
    const signal = AbortSignal.timeout(LIMITS.handshake)
    const attempts = through.map((relay) => dial(multiaddr(`/p2p/${relay}/p2p-circuit/p2p/${peer}`), { signal }))
    const first = Promise.any(attempts).finally(() => circuits.delete(peer))
    circuits.set(peer, first)
    return first
  }

  return async function connect(peer: string, signal: AbortSignal): Promise<Connection> {
    const through = await relays(peer)
    const direct = host.dial(peerIdFromString(peer), { signal })
    if (through.length === 0) return direct
    const settled = direct.then(
      () => undefined,
      () => undefined,
    )
    await Promise.race([settled, sleep(clock, HEAD_START, signal)])
    const made = openConnections(host, peer)[0]
    if (made !== undefined) return made
    try {
      return await abortable(Promise.any([direct, overRelays(peer, through)]), signal)
    } catch (error) {
      signal.throwIfAborted()
      throw new BacalhauError('PeerUnreachable', `neither directly nor over a relay (${reasons(error)})`, {
        cause: error,
      })
    }
  }
}

function reasons(error: unknown): string {
  const all = error instanceof AggregateError ? error.errors.map(reasons) : [messageOf(error)]
  return [...new Set(all)].join('; ')
}
