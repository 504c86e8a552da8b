import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { withDeadline } from '../runtime/abort.ts'
import { BacalhauError, messageOf } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { cutDead } from './reach/alive.ts'
import { onAlarm } from './reach/reach.ts'
import { refuseForeignSwarm } from './private-swarm/refuse-foreign.ts'

/** Connections as the peer keeper needs them. */
export interface Swarm {
  readonly peerId: string
  isConnected(peerId: string): boolean
  /**
   * Connects to `peerId` at one of `addresses`; does nothing if it is connected. Throws `PeerUnreachable`, or
   * `PeerIdMismatch` if another peer answers there, or `SwarmKeyMismatch` if it belongs to another swarm.
   */
  connect(peerId: string, addresses: readonly string[], signal: AbortSignal): Promise<void>
  /** Calls `listener` whenever the first connection to a peer opens or its last one closes. Gives the way to stop that. */
  onPeer(listener: (peerId: string, connected: boolean) => void): () => void
  /** Cuts connections to the peer over which no answer comes within `patience` milliseconds. */
  cutDead(peerId: string, patience: number): Promise<void>
  /** Calls `listener` when connections may have died without a word: networks have changed, or the machine has slept. */
  onAlarm(listener: () => void): () => void
}

export interface SwarmOptions {
  /** Of the private swarm that the host is in. */
  readonly swarmKey?: Uint8Array | undefined
}

/** The swarm that `host` is part of. */
export function createSwarm(host: Libp2p, { swarmKey }: SwarmOptions = {}): Swarm {
  const isConnected = (peerId: string) => host.getConnections(peerIdFromString(peerId)).length > 0
  return {
    peerId: host.peerId.toString(),
    isConnected,
    async connect(peerId, addresses, signal) {
      if (isConnected(peerId)) return
      const deadline = withDeadline(signal, LIMITS.handshake)
      try {
        await host.dial(
          addresses.map((address) => multiaddr(address)),
          { signal: deadline },
        )
      } catch (error) {
        signal.throwIfAborted()
        const isThere = causes(error).some(({ message }) => !NOT_THERE.test(message))
        if (isThere) await refuseForeignSwarm(swarmKey, addresses, deadline)
        // The error that libp2p gives for a wrong peer is the one for any failed handshake.
        if (causes(error).some(({ name }) => name === 'EncryptionFailedError')) {
          await refuseStranger(host, peerId, addresses, deadline)
        }
        throw unreachable(peerId, error)
      }
    },
    cutDead: (peerId, patience) => cutDead(host, peerId, patience),
    onAlarm: (listener) => onAlarm(host, listener),
    onPeer(listener) {
      const onConnect = ({ detail }: CustomEvent<{ toString(): string }>) => listener(detail.toString(), true)
      const onDisconnect = ({ detail }: CustomEvent<{ toString(): string }>) => listener(detail.toString(), false)
      host.addEventListener('peer:connect', onConnect)
      host.addEventListener('peer:disconnect', onDisconnect)
      return () => {
        host.removeEventListener('peer:connect', onConnect)
        host.removeEventListener('peer:disconnect', onDisconnect)
      }
    },
  }
}

/** libp2p gives one error, or a collection with one for each address. */
function causes(error: unknown): Error[] {
  if (error instanceof AggregateError) return error.errors.flatMap(causes)
  return error instanceof Error ? [error] : []
}

function unreachable(peerId: string, error: unknown): BacalhauError {
  const reasons = [...new Set(causes(error).map(messageOf))].join('; ')
  return new BacalhauError('PeerUnreachable', `The peer ${peerId} cannot be reached: ${reasons}.`, {
    details: { peer: peerId },
    cause: error,
  })
}

/** What says that nobody listens there, or that nobody can get there. */
const NOT_THERE = /ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EADDRNOTAVAIL/

/** Looks who is at `addresses`, and throws `PeerIdMismatch` if it is not `peerId`. */
async function refuseStranger(host: Libp2p, peerId: string, addresses: readonly string[], signal: AbortSignal) {
  for (const address of addresses.map((text) => multiaddr(text))) {
    const found = await whoIsAt(host, address, signal)
    if (found === undefined || found === peerId) continue
    const self = found === host.peerId.toString() ? ', which is this node itself' : ''
    throw new BacalhauError(
      'PeerIdMismatch',
      `${address.toString()} is the address of the peer ${found}${self}, not of ${peerId}.`,
      {
        hint: 'Correct the ID at the end of the --peer address, or use /http after the API address, which asks for the present ID.',
        details: { expected: peerId, found },
      },
    )
  }
}

async function whoIsAt(host: Libp2p, address: Multiaddr, signal: AbortSignal): Promise<string | undefined> {
  const known = new Set(host.getConnections())
  try {
    const connection = await host.dial(address.decapsulateCode(P2P), { signal })
    if (!known.has(connection)) await connection.close()
    return connection.remotePeer.toString()
  } catch (error) {
    return /dial self/.test(messageOf(error)) ? host.peerId.toString() : undefined
  }
}

/** Code of `/p2p/` in the table of multiaddr protocols. */
const P2P = 421
