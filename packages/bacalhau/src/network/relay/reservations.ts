import type { Connection, IdentifyResult, Libp2p } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import { retryPause } from '../backoff.ts'
import { type Clock, systemClock, type Timer } from '../../runtime/clock.ts'
import type { Stoppable } from '../../runtime/lifecycle.ts'
import { messageOf } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { type Random, systemRandom } from '../../runtime/random.ts'
import { isRelayed, openConnections } from '../connections.ts'
import {
  decodeCircuit,
  encodeCircuit,
  HOP,
  HOP_TYPE,
  MAX_CIRCUIT_MESSAGE,
  STATUS,
  statusText,
} from './circuit-message.ts'

export interface ReservationOptions {
  /** The relays have changed. */
  readonly onChange: () => void
  readonly clock?: Clock
  readonly random?: Random
}

/** The relays that this node can be reached through at present. */
export interface Reservations extends Stoppable {
  has(relay: string): boolean
  /** Multiaddrs of this node behind its relays, without its own peer ID. */
  addresses(): string[]
  /** Why a relay does not carry us, as it said. */
  refusals(): ReadonlyMap<string, string>
}

interface Seat {
  held: boolean
  failures: number
  refusal: string | undefined
  timer: Timer | undefined
}

/**
 * Keeps a reservation with the relays that this node has connected to of its own accord. One that refuses is asked again,
 * with growing pauses, because a node may be approved a moment after it has connected. A reservation ends with the connection.
 */
export function keepReservations(host: Libp2p, options: ReservationOptions): Reservations {
  return new Keeper(host, options)
}

class Keeper implements Reservations {
  readonly #host: Libp2p
  readonly #onChange: () => void
  readonly #clock: Clock
  readonly #random: Random
  readonly #seats = new Map<string, Seat>()

  constructor(host: Libp2p, { onChange, clock = systemClock, random = systemRandom }: ReservationOptions) {
    this.#host = host
    this.#onChange = onChange
    this.#clock = clock
    this.#random = random
    host.addEventListener('peer:identify', this.#onIdentify)
    host.addEventListener('connection:close', this.#onClose)
  }

  has(relay: string): boolean {
    return this.#seats.get(relay)?.held === true
  }

  addresses(): string[] {
    return [...this.#seats].flatMap(([peer, { held }]) => {
      const address = held ? this.#direct(peer)[0]?.remoteAddr.toString() : undefined
      return address === undefined ? [] : [`${address.replace(/\/p2p\/[^/]+$/, '')}/p2p/${peer}/p2p-circuit`]
    })
  }

  refusals(): ReadonlyMap<string, string> {
    return new Map([...this.#seats].flatMap(([peer, { refusal }]) => (refusal === undefined ? [] : [[peer, refusal]])))
  }

  stop(): Promise<void> {
    this.#host.removeEventListener('peer:identify', this.#onIdentify)
    this.#host.removeEventListener('connection:close', this.#onClose)
    for (const { timer } of this.#seats.values()) timer?.cancel()
    this.#seats.clear()
    return Promise.resolve()
  }

  readonly #onIdentify = ({ detail }: CustomEvent<IdentifyResult>): void => {
    const peer = detail.peerId.toString()
    if (this.#seats.has(peer) || this.#seats.size >= LIMITS.relaysOfNode || !detail.protocols.includes(HOP)) return
    if (isRelayed(detail.connection) || detail.connection.direction === 'inbound') return
    const seat: Seat = { held: false, failures: 0, refusal: undefined, timer: undefined }
    this.#seats.set(peer, seat)
    void this.#reserve(peer, seat)
  }

  readonly #onClose = (): void => {
    for (const [peer, seat] of this.#seats) {
      if (this.#direct(peer).length > 0) continue
      seat.timer?.cancel()
      this.#seats.delete(peer)
      if (seat.held) this.#onChange()
    }
  }

  #direct(peer: string): Connection[] {
    return openConnections(this.#host, peer).filter((one) => !isRelayed(one))
  }

  async #reserve(peer: string, seat: Seat): Promise<void> {
    const wasHeld = seat.held
    let pause: number
    try {
      const expires = await ask(this.#host, peer)
      Object.assign(seat, { held: true, failures: 0, refusal: undefined })
      // Halfway, so that one attempt may fail.
      pause = Math.max(expires - this.#clock.now(), 60_000) / 2
    } catch (error) {
      Object.assign(seat, { held: false, failures: seat.failures + 1, refusal: messageOf(error) })
      pause = retryPause(seat.failures, this.#random)
    }
    if (this.#seats.get(peer) !== seat) return
    seat.timer = this.#clock.after(pause, () => void this.#reserve(peer, seat))
    if (seat.held !== wasHeld) this.#onChange()
  }
}

/** When the reservation that `peer` gave us ends, in milliseconds since the epoch. Throws when it gives none. */
async function ask(host: Libp2p, peer: string): Promise<number> {
  const signal = AbortSignal.timeout(LIMITS.handshake)
  const connection = openConnections(host, peer).find((one) => !isRelayed(one))
  if (connection === undefined) throw new Error('there is no connection to the relay')
  const stream = await connection.newStream(HOP, { signal })
  try {
    const messages = lpStream(stream, { maxDataLength: MAX_CIRCUIT_MESSAGE })
    await messages.write(encodeCircuit('hop', { type: HOP_TYPE.reserve }), { signal })
    const { status, expires } = decodeCircuit('hop', (await messages.read({ signal })).subarray())
    await stream.close({ signal })
    if (status !== STATUS.ok) throw new Error(statusText(status))
    return (expires ?? 0) * 1000
  } catch (error) {
    stream.abort(new Error(messageOf(error)))
    throw error
  }
}
