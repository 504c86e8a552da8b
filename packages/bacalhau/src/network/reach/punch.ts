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
  const puncher = new Punches(host, options)
  await host.handle(
    DCUTR,
    (stream, connection) => {
      puncher.follow(stream, connection).catch((error: unknown) => stream.abort(new Error(messageOf(error))))
    },
    { maxInboundStreams: 1, runOnLimitedConnection: true },
  )
  return puncher
}

class Punches implements Puncher {
  readonly #host: Libp2p
  readonly #options: PunchOptions
  readonly #stopping = new AbortController()
  readonly #punched = new WeakSet<Connection>()
  /** Peers with which a punch is under way now. */
  readonly #active = new Map<string, { readonly together: () => boolean; readonly found: () => void }>()

  constructor(host: Libp2p, options: PunchOptions) {
    this.#host = host
    this.#options = options
    host.addEventListener('peer:identify', this.#onIdentify)
    host.addEventListener('connection:open', this.#onOpen)
  }

  isPunched(connection: Connection): boolean {
    return this.#punched.has(connection)
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the node is stopping'))
    this.#host.removeEventListener('peer:identify', this.#onIdentify)
    this.#host.removeEventListener('connection:open', this.#onOpen)
    await this.#host.unhandle(DCUTR)
  }

  readonly #onIdentify = ({ detail: { connection, protocols } }: CustomEvent<IdentifyResult>): void => {
    if (!isRelayed(connection) || connection.direction !== 'inbound' || !protocols.includes(DCUTR)) return
    this.#lead(connection).catch(() => undefined)
  }

  readonly #onOpen = ({ detail }: CustomEvent<Connection>): void => {
    const meeting = isRelayed(detail) ? undefined : this.#active.get(detail.remotePeer.toString())
    if (meeting === undefined) return
    // Before both dialled there was no hole to come through.
    if (meeting.together()) this.#punched.add(detail)
    meeting.found()
  }

  async #lead(relayed: Connection): Promise<void> {
    for (const pause of [0, ...AGAIN]) {
      await sleep(this.#options.clock, pause, this.#stopping.signal)
      if (relayed.status !== 'open' || this.#isDirect(relayed)) break
      await this.#attempt(relayed).catch(() => undefined)
    }
    this.#retire(relayed)
  }

  async #attempt(relayed: Connection): Promise<void> {
    const { candidates, clock } = this.#options
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(LIMITS.handshake)])
    const stream = await relayed.newStream(DCUTR, { signal, runOnLimitedConnection: true })
    try {
      const messages = lpStream(stream, { maxDataLength: MAX_PUNCH_MESSAGE })
      const begin = clock.monotonic()
      await messages.write(encodePunch({ type: PUNCH_TYPE.connect, addresses: candidates() }), { signal })
      const theirs = decodePunch((await messages.read({ signal })).subarray())
      const probe = Math.max(PROBE, 2 * (clock.monotonic() - begin))
      let synced = false
      const how = { window: probe + WINDOW, answers: () => synced, together: () => synced }
      const dialled = this.#meet(relayed, theirs.addresses, how)
      await Promise.race([dialled, sleep(clock, probe, signal)])
      if (this.#isDirect(relayed)) return
      synced = true
      await messages.write(encodePunch({ type: PUNCH_TYPE.sync, addresses: [] }), { signal })
      await dialled
    } finally {
      await stream.close({ signal }).catch((error: unknown) => stream.abort(new Error(messageOf(error))))
    }
  }

  /** The side that called: answers, and dials when told to. */
  async follow(stream: Stream, relayed: Connection): Promise<void> {
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(LIMITS.handshake)])
    const messages = lpStream(stream, { maxDataLength: MAX_PUNCH_MESSAGE })
    const theirs = decodePunch((await messages.read({ signal })).subarray())
    if (theirs.type !== PUNCH_TYPE.connect || !isRelayed(relayed)) throw new Error('an unexpected message')
    const addresses = this.#options.candidates()
    await messages.write(encodePunch({ type: PUNCH_TYPE.connect, addresses }), { signal })
    const sync = decodePunch((await messages.read({ signal })).subarray())
    if (sync.type !== PUNCH_TYPE.sync) throw new Error('an unexpected message')
    await this.#meet(relayed, theirs.addresses, { window: WINDOW, answers: () => false, together: () => true })
    this.#retire(relayed)
    await stream.close({ signal })
  }

  /** Resolves when there is a direct connection, whoever made it, or time is up. */
  async #meet(relayed: Connection, addresses: readonly Multiaddr[], how: Meeting): Promise<void> {
    const peer = relayed.remotePeer.toString()
    const met = new AbortController()
    const signal = AbortSignal.any([this.#stopping.signal, met.signal, AbortSignal.timeout(how.window)])
    // The dial that made the connection is about to end: it must not be taken for one that is still under way.
    const found = () => {
      this.#options.clock.after(REDIAL, () => met.abort(new Error('there is a direct connection')))
    }
    const meeting = { together: how.together, found }
    this.#active.set(peer, meeting)
    const targets = addresses.filter((one) => this.#options.isPlausible(one, addresses))
    await Promise.all(targets.map((one) => this.#dialAgain(withPeer(one, peer), signal, how)))
    if (this.#active.get(peer) === meeting) this.#active.delete(peer)
  }

  /** Dials until it is told to stop: whoever refuses now may have a router that was not ready yet. */
  async #dialAgain(target: Multiaddr, signal: AbortSignal, { window, answers }: Meeting): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#options.dial(target, { from: 'listening', patience: window, answers, signal })
        return
      } catch {
        await sleep(this.#options.clock, REDIAL, signal).catch(() => undefined)
      }
    }
  }

  #isDirect({ remotePeer }: Connection): boolean {
    return openConnections(this.#host, remotePeer.toString()).some((one) => !isRelayed(one))
  }

  /** Closes the relayed connection once there is a direct one and nothing goes over it any more. */
  #retire(relayed: Connection): void {
    this.#options.clock.after(IDLE_LOOK, () => {
      if (relayed.status !== 'open' || this.#stopping.signal.aborted || !this.#isDirect(relayed)) return
      if (relayed.streams.length > 0) return this.#retire(relayed)
      relayed.close().catch((error: unknown) => relayed.abort(new Error(messageOf(error))))
    })
  }
}

const withPeer = (address: Multiaddr, peer: string): Multiaddr =>
  multiaddr(`${address.toString().replace(/\/p2p\/[^/]+$/, '')}/p2p/${peer}`)

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
