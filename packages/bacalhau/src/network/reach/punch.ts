import type { Connection, IdentifyResult, Libp2p, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { type Clock, sleep } from '../../runtime/clock.ts'
import { messageOf } from '../../runtime/error.ts'
import type { Stoppable } from '../../runtime/lifecycle.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { isRelayed, openConnections } from '../connections.ts'
import { DCUTR, decodePunch, encodePunch, MAX_PUNCH_MESSAGE, PUNCH_TYPE } from './punch-message.ts'

/** Dials one address outside of the host's own queue, which would take it for the dial of the same peer that is under way. */
export type DirectDial = (
  address: Multiaddr,
  options: { readonly signal: AbortSignal; readonly initiator?: boolean; readonly from?: 'fresh' | 'listening' },
) => Promise<Connection>

export interface PunchOptions {
  readonly dial: DirectDial
  /** Where we may be reached, for the peer to try. */
  readonly candidates: () => readonly Multiaddr[]
  /** Is it sensible to dial this address of a peer from here? */
  readonly isPlausible: (address: Multiaddr, all: readonly Multiaddr[]) => boolean
  readonly clock: Clock
}

export interface Puncher extends Stoppable {
  /** Did this connection come through a hole? */
  isPunched(connection: Connection): boolean
}

/** Milliseconds: what a direct attempt without a hole has, what both sides dial for, the pauses between whole attempts. */
const PROBE = 600
const WINDOW = 2_400
const AGAIN = [500, 3_000]
/** A dial that was refused is repeated: the other side's router may not have been ready. */
const REDIAL = 100

/**
 * Replaces connections over relays by direct ones, by DCUtR: over the relay both sides tell each other how they look from
 * outside and then dial each other at the same moment, from the port they listen on, so that the router of each takes the
 * other's packets for answers. The side that was called (B) leads:
 *
 *     B --CONNECT, addresses--> A     A --CONNECT, addresses--> B
 *     B dials A alone for a moment: that is enough where A's router lets everyone in, and opens B's router for A
 *     B --SYNC--> A                   A dials at once; B after half a round trip, as the answering side of the handshake
 *
 * Once there is a direct connection, the relayed one is closed as soon as nothing uses it.
 */
export async function startPuncher(host: Libp2p, options: PunchOptions): Promise<Puncher> {
  const { clock } = options
  const stopping = new AbortController()
  const punched = new WeakSet<Connection>()
  /** Peers with which a punch is under way now. */
  const active = new Set<string>()
  const isDirect = (peer: string) => openConnections(host, peer).some((one) => !isRelayed(one))

  async function lead(relayed: Connection): Promise<void> {
    const peer = relayed.remotePeer.toString()
    for (const pause of [0, ...AGAIN]) {
      await sleep(clock, pause, stopping.signal)
      if (relayed.status !== 'open' || isDirect(peer)) break
      await attempt(relayed).catch(() => undefined)
    }
    if (isDirect(peer)) retire(relayed)
  }

  async function attempt(relayed: Connection): Promise<void> {
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(LIMITS.handshake)])
    const stream = await relayed.newStream(DCUTR, { signal, runOnLimitedConnection: true })
    try {
      const messages = lpStream(stream, { maxDataLength: MAX_PUNCH_MESSAGE })
      const begin = clock.monotonic()
      await messages.write(encodePunch({ type: PUNCH_TYPE.connect, addresses: options.candidates() }), { signal })
      const theirs = decodePunch((await messages.read({ signal })).subarray())
      const half = (clock.monotonic() - begin) / 2
      const targets = plausible(theirs.addresses, relayed)
      await dialAll(targets, { from: 'listening' }, PROBE).catch(() => undefined)
      if (isDirect(relayed.remotePeer.toString())) return
      await messages.write(encodePunch({ type: PUNCH_TYPE.sync, addresses: [] }), { signal })
      await sleep(clock, half, signal)
      await punch(relayed, targets, false)
    } finally {
      await stream.close({ signal }).catch((error: unknown) => stream.abort(new Error(messageOf(error))))
    }
  }

  /** The side that called: answers, and dials when told to. */
  async function follow(stream: Stream, relayed: Connection): Promise<void> {
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(LIMITS.handshake)])
    const messages = lpStream(stream, { maxDataLength: MAX_PUNCH_MESSAGE })
    const theirs = decodePunch((await messages.read({ signal })).subarray())
    if (theirs.type !== PUNCH_TYPE.connect || !isRelayed(relayed)) throw new Error('an unexpected message')
    await messages.write(encodePunch({ type: PUNCH_TYPE.connect, addresses: options.candidates() }), { signal })
    const sync = decodePunch((await messages.read({ signal })).subarray())
    if (sync.type !== PUNCH_TYPE.sync) throw new Error('an unexpected message')
    await punch(relayed, plausible(theirs.addresses, relayed), true)
    await stream.close({ signal })
  }

  async function punch(relayed: Connection, targets: readonly Multiaddr[], initiator: boolean): Promise<void> {
    const peer = relayed.remotePeer.toString()
    active.add(peer)
    try {
      await dialAll(targets, { from: 'listening', initiator }, WINDOW).catch(() => undefined)
    } finally {
      active.delete(peer)
    }
    if (isDirect(peer)) retire(relayed)
  }

  function plausible(addresses: readonly Multiaddr[], { remotePeer }: Connection): Multiaddr[] {
    const fit = addresses.filter(
      (one) => !one.toString().includes('/p2p-circuit') && options.isPlausible(one, addresses),
    )
    return fit.map((one) => multiaddr(`${one.toString().replace(/\/p2p\/[^/]+$/, '')}/p2p/${remotePeer.toString()}`))
  }

  /** Dials all addresses at once and again until one is connected or `window` milliseconds are over. */
  async function dialAll(
    targets: readonly Multiaddr[],
    how: { readonly initiator?: boolean; readonly from: 'listening' },
    window: number,
  ): Promise<void> {
    if (targets.length === 0) throw new Error('there is nothing to dial')
    const done = new AbortController()
    const signal = AbortSignal.any([stopping.signal, done.signal, AbortSignal.timeout(window)])
    const reach = async (target: Multiaddr) => {
      const peer = target.toString().replace(/^.*\/p2p\//, '')
      for (;;) {
        try {
          return await options.dial(target, { ...how, signal })
        } catch (error) {
          if (signal.aborted || isDirect(peer)) throw error
        }
        await sleep(clock, REDIAL, signal)
      }
    }
    await Promise.any(targets.map(reach)).finally(() => done.abort(new Error('another address was quicker')))
  }

  /** Closes the relayed connection once nothing goes over it any more. */
  function retire(relayed: Connection): void {
    const look = () => {
      if (relayed.status !== 'open' || stopping.signal.aborted) return
      if (relayed.streams.length === 0) {
        relayed.close().catch((error: unknown) => relayed.abort(new Error(messageOf(error))))
      } else {
        clock.after(IDLE_LOOK, look)
      }
    }
    clock.after(IDLE_LOOK, look)
  }

  const onIdentify = ({ detail: { connection, protocols } }: CustomEvent<IdentifyResult>) => {
    if (!isRelayed(connection) || connection.direction !== 'inbound' || !protocols.includes(DCUTR)) return
    lead(connection).catch(() => undefined)
  }
  const onOpen = ({ detail }: CustomEvent<Connection>) => {
    if (!isRelayed(detail) && active.has(detail.remotePeer.toString())) punched.add(detail)
  }
  host.addEventListener('peer:identify', onIdentify)
  host.addEventListener('connection:open', onOpen)
  await host.handle(
    DCUTR,
    (stream, connection) => {
      follow(stream, connection).catch((error: unknown) => stream.abort(new Error(messageOf(error))))
    },
    { maxInboundStreams: 1, runOnLimitedConnection: true },
  )
  return {
    isPunched: (connection) => punched.has(connection),
    async stop() {
      stopping.abort(new Error('the node is stopping'))
      host.removeEventListener('peer:identify', onIdentify)
      host.removeEventListener('connection:open', onOpen)
      await host.unhandle(DCUTR)
    },
  }
}

/** How often to look whether a relayed connection that is no longer needed is still in use. */
const IDLE_LOOK = 1_000
