import type { Connection, IdentifyResult, Libp2p, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { type Clock, sleep } from '../../runtime/clock.ts'
import { messageOf } from '../../runtime/error.ts'
import type { Stoppable } from '../../runtime/lifecycle.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { isRelayed, openConnections } from '../connections.ts'
import type { SharedDialOptions } from './shared-port.ts'
import { DCUTR, decodePunch, encodePunch, MAX_PUNCH_MESSAGE, PUNCH_TYPE } from './punch-message.ts'

/** Dials one address outside of the host's own queue, which would take it for the dial of the same peer that is under way. */
export type DirectDial = (
  address: Multiaddr,
  options: { readonly signal: AbortSignal } & Pick<SharedDialOptions, 'answers' | 'from' | 'patience'>,
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

/** Milliseconds: what one side dials alone at least, what both dial for then, the pauses between whole attempts. */
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
 *     B dials A: that is enough where A's router lets everyone in, and opens B's router for A
 *     B --SYNC--> A, a moment later   A dials too. Where the two meet half way, B is the answering side of the handshake
 *
 * B goes on with the same socket, because routers that have seen one opening packet are confused by a second, other one.
 * Once there is a direct connection, the relayed one is closed as soon as nothing uses it.
 */
export async function startPuncher(host: Libp2p, options: PunchOptions): Promise<Puncher> {
  const { clock } = options
  const stopping = new AbortController()
  const punched = new WeakSet<Connection>()
  /** Peers with which a punch is under way now. */
  const active = new Map<string, { readonly together: () => boolean; readonly found: () => void }>()
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
      const probe = Math.max(PROBE, 2 * (clock.monotonic() - begin))
      let synced = false
      const dialled = meet(relayed, theirs.addresses, {
        window: probe + WINDOW,
        answers: () => synced,
        together: () => synced,
      })
      await Promise.race([dialled, sleep(clock, probe, signal)])
      if (isDirect(relayed.remotePeer.toString())) return
      synced = true
      await messages.write(encodePunch({ type: PUNCH_TYPE.sync, addresses: [] }), { signal })
      await dialled
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
    await meet(relayed, theirs.addresses, { window: WINDOW, answers: () => false, together: () => true })
    if (isDirect(relayed.remotePeer.toString())) retire(relayed)
    await stream.close({ signal })
  }

  /** Resolves when there is a direct connection, whoever made it, or time is up. */
  async function meet(relayed: Connection, addresses: readonly Multiaddr[], how: Meeting): Promise<void> {
    const peer = relayed.remotePeer.toString()
    const met = new AbortController()
    const signal = AbortSignal.any([stopping.signal, met.signal, AbortSignal.timeout(how.window)])
    const targets = plausible(addresses, relayed)
    // The dial that made the connection is about to end: it must not be taken for one that is still under way.
    const found = () => void clock.after(REDIAL, () => met.abort(new Error('there is a direct connection')))
    const meeting = { together: how.together, found }
    active.set(peer, meeting)
    await Promise.all(targets.map((target) => dialAgain(target, signal, how)))
    if (active.get(peer) === meeting) active.delete(peer)
  }

  function plausible(addresses: readonly Multiaddr[], { remotePeer }: Connection): Multiaddr[] {
    const fit = addresses.filter(
      (one) => !one.toString().includes('/p2p-circuit') && options.isPlausible(one, addresses),
    )
    return fit.map((one) => multiaddr(`${one.toString().replace(/\/p2p\/[^/]+$/, '')}/p2p/${remotePeer.toString()}`))
  }

  /** Dials until it is told to stop: whoever refuses now may have a router that was not ready yet. */
  async function dialAgain(target: Multiaddr, signal: AbortSignal, { window, answers }: Meeting): Promise<void> {
    while (!signal.aborted) {
      try {
        await options.dial(target, { from: 'listening', patience: window, answers, signal })
        return
      } catch {
        await sleep(clock, REDIAL, signal).catch(() => undefined)
      }
    }
  }

  /** Closes the relayed connection once nothing goes over it any more. */
  function retire(relayed: Connection): void {
    const look = () => {
      if (relayed.status !== 'open' || stopping.signal.aborted) return
      if (!isDirect(relayed.remotePeer.toString())) return
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
    const meeting = isRelayed(detail) ? undefined : active.get(detail.remotePeer.toString())
    if (meeting === undefined) return
    // Before both dialled there was no hole to come through.
    if (meeting.together()) punched.add(detail)
    meeting.found()
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

interface Meeting {
  /** Milliseconds. */
  readonly window: number
  /** Is this side to answer the handshake of a connection that it dialled? */
  readonly answers: () => boolean
  /** Do both sides dial by now? */
  readonly together: () => boolean
}

/** How often to look whether a relayed connection that is no longer needed is still in use. */
const IDLE_LOOK = 1_000
